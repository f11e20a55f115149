"""From HSM's parts to names, shapes, demands and pairs."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poya.csm import Part
from poya.csm.records import bind
from poya.placement.deriving import derive_demand
from poya.placement.facts import NodeFacts, Shape
from poya.placement.hardware import ListedPart, shapes_of
from poya.placement.naming import ACCELERATOR, NIC, PROCESSOR, Namer, PartKind
from poya.placement.pairing import classify, pair
from poya.placement.parsing import parse_demand
from poya.placement.placing import ClassNodes, Placement
from poya.placement.printing import print_demand
from poya.placement.spreading import spread


@pytest.mark.parametrize(
    ("kind", "model", "names"),
    [
        (ACCELERATOR, "NVIDIA A100-SXM4-80GB", {"a100", "a100-80gb", "nvidia"}),
        (ACCELERATOR, "Tesla A100 SXM4 40GB", {"a100", "a100-40gb"}),
        (ACCELERATOR, "NVIDIA GH200 120GB", {"gh200", "hopper"}),
        (ACCELERATOR, "AMD INSTINCT MI200 (MCM) OAM LC MBA HPE C2", {"mi250x", "instinct"}),
        (ACCELERATOR, "AMD Instinct MI300A Accelerator", {"mi300a", "mi300", "instinct"}),
        (PROCESSOR, "AMD EPYC 7742 64-Core Processor", {"rome", "epyc", "epyc-7742"}),
        (PROCESSOR, "AMD EPYC(TM) 7713 64-Core Processor", {"milan", "epyc"}),
        (PROCESSOR, "AMD EPYC 7A53 64-Core Processor", {"trento", "milan", "epyc"}),
        (PROCESSOR, "AMD EPYC 9654 96-Core Processor", {"genoa", "epyc"}),
        (PROCESSOR, "AMD EPYC 9754 128-Core Processor", {"bergamo", "epyc"}),
        (PROCESSOR, "AMD EPYC 9965 192-Core Processor", {"turin", "epyc"}),
        (PROCESSOR, "Grace A02", {"grace"}),
        (PROCESSOR, "Intel(R) Xeon(R) Platinum 8480+", {"sapphire-rapids", "xeon"}),
        (PROCESSOR, "Intel(R) Xeon(R) Gold 6248 CPU @ 2.50GHz", {"cascade-lake", "xeon"}),
        (NIC, "Slingshot Cassini", {"cassini", "slingshot-11"}),
    ],
)
def test_models_as_machines_report_them_get_common_names(
    kind: PartKind, model: str, names: set[str]
) -> None:
    assert names <= set(Namer().names(kind, model))


def test_a_rome_is_no_milan_and_a_trento_no_rome() -> None:
    namer = Namer()
    assert "milan" not in namer.names(PROCESSOR, "AMD EPYC 7742 64-Core Processor")
    assert "rome" not in namer.names(PROCESSOR, "AMD EPYC 7A53 64-Core Processor")


def test_what_has_no_name_is_counted() -> None:
    namer = Namer()
    for _ in range(3):
        assert namer.names(ACCELERATOR, "Mystery 9") == ()
    (unknown,) = namer.unrecognised()
    assert (unknown.model, unknown.parts) == ("Mystery 9", 3)


def test_a_sites_own_names_come_first() -> None:
    namer = Namer({"weather": ("nvidia a100*",)})
    assert namer.names(ACCELERATOR, "NVIDIA A100-SXM4-80GB")[:2] == ("weather", "a100")


@pytest.mark.parametrize("key", ["NodeHsnNicFRUInfo", "HSNNICFRUInfo"])
def test_both_spellings_of_the_hsn_keys_are_read(key: str) -> None:
    part = Part(
        id="x1c0s0b0n0h0",
        type="NodeHsnNic",
        populated_fru={"FRUID": "f", key: {"Model": "Slingshot Cassini"}},
    )
    assert bind(part, b"{}").model == "Slingshot Cassini"


def test_empty_slots_do_not_count_and_memory_falls_back_to_the_summary() -> None:
    parts = [
        ListedPart("x1c0s0b0n0", "Node", model="EX", memory_mib=512 * 1024, firmware="1.7"),
        ListedPart("x1c0s0b0n0a0", "NodeAccel", model="NVIDIA A100-SXM4-80GB"),
        ListedPart("x1c0s0b0n0a1", "NodeAccel", model="", is_populated=False),
        ListedPart("x1c0s0b0n1d0", "Memory", memory_mib=1024),
        ListedPart("x1c0s0b0n1", "Node", memory_mib=4096),
    ]
    shapes = shapes_of(parts, Namer())
    assert shapes["x1c0s0b0n0"].accelerators == 1
    assert shapes["x1c0s0b0n0"].memory_mib == 512 * 1024
    assert shapes["x1c0s0b0n1"].memory_mib == 1024


def node(xname: str, shape: Shape, nid: int, role: str = "Compute") -> NodeFacts:
    return NodeFacts(xname, shape, nid=nid, arch="X86", role=role)


GPU = Shape(
    parts=(("a100", 4), ("milan", 1)),
    narrowest=(("a100", 4), ("milan", 1)),
    accelerator_names=("a100",),
    accelerators=4,
    processors=1,
    hsn=2,
    memory_mib=512 * 1024 + 5,
)


def test_a_derived_demand_is_fulfilled_by_the_nodes_it_comes_from() -> None:
    nodes = [node(f"x1c0s{i}b0n0", GPU, i) for i in range(3)]
    nodes.append(node("x2c0s0b0n0", Shape(processors=2, memory_mib=16 * 1024), 9, "Application"))
    derived = derive_demand(nodes)
    assert parse_demand(print_demand(derived.demand)) == derived.demand
    classes = classify(derived.demand, nodes)
    assert {name: tuple(found) for name, found in classes.items()} == derived.members


def test_pairs_follow_the_nids_and_spares_come_last() -> None:
    sources = {n.xname: n for n in (node("x1c0s0b0n0", GPU, 7), node("x1c0s1b0n0", GPU, 5))}
    targets = {f"x9c0s{i}b0n0": node(f"x9c0s{i}b0n0", GPU, 30 - i) for i in range(3)}
    chosen = ClassNodes("gpu", tuple(targets), spares=("x9c0s2b0n0",))
    placement = Placement((chosen,), (), tuple(targets), ())
    found = pair(sources, targets, {"gpu": tuple(sources)}, placement)
    assert list(found.pairs.items()) == [
        ("x1c0s1b0n0", "x9c0s1b0n0"),
        ("x1c0s0b0n0", "x9c0s0b0n0"),
    ]
    assert found.extra == {"x9c0s2b0n0": "x1c0s0b0n0"}


def test_what_no_class_covers_is_paired_by_architecture_and_role() -> None:
    sources = {"x1c0s0b0n0": node("x1c0s0b0n0", GPU, 1, "Application")}
    targets = {
        "x9c0s0b0n0": node("x9c0s0b0n0", GPU, 1),
        "x9c0s1b0n0": node("x9c0s1b0n0", GPU, 2, "Application"),
    }
    placement = Placement((ClassNodes("any", tuple(targets)),), (), tuple(targets), ())
    assert pair(sources, targets, {}, placement).pairs == {"x1c0s0b0n0": "x9c0s1b0n0"}


@settings(max_examples=60)
@given(
    st.dictionaries(
        st.tuples(st.integers(0, 3), st.integers(0, 3)), st.integers(1, 9), min_size=1, max_size=8
    ),
    st.integers(1, 12),
)
def test_nodes_are_dealt_out_evenly_over_blades(
    taken: dict[tuple[int, int], int], blades: int
) -> None:
    dealt = spread(taken, blades)
    assert len(dealt) == blades
    for pair_, number in taken.items():
        assert sum(share.get(pair_, 0) for share in dealt) == number
    for side in (0, 1):
        for each in {pair_[side] for pair_ in taken}:
            total = sum(n for pair_, n in taken.items() if pair_[side] == each)
            most = max(sum(n for p, n in share.items() if p[side] == each) for share in dealt)
            assert most <= -(-total // blades)
