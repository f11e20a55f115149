"""Inventories as machines in trouble report them: nothing breaks, and nothing is made up."""

from __future__ import annotations

import json
from typing import Any

import pytest

from migration.console import Operator
from poya.lab.pytest_plugin import LabPair

NODE = "x2000c1s0b0n0"  # two a100 blades of prealps
REFUSED = 10


@pytest.fixture
def operator(lab_pair: LabPair) -> Operator:
    return Operator(lab_pair.config_path)


def shapes(operator: Operator) -> dict[str, Any]:
    words = ("placement", "facts", "x2000*", "--site", "prealps", "--output", "json")
    return {node["xname"]: node["shape"] for node in json.loads(operator.must(*words).out)}


ODD_ACCELERATORS: list[dict[str, Any]] = [
    {"PopulatedFRU": None},
    {"PopulatedFRU": {}},
    {"PopulatedFRU": {"FRUID": "f", "Type": "NodeAccel", "NodeAccelFRUInfo": None}},
    {"PopulatedFRU": {"FRUID": "f", "Type": "NodeAccel", "NodeAccelFRUInfo": {"Model": None}}},
    {"PopulatedFRU": {"FRUID": "f", "Type": "NodeAccel", "NodeAccelFRUInfo": {"Model": 7}}},
    {"PopulatedFRU": {"FRUID": "f", "NodeAccelFRUInfo": {"Model": "a" * 100_000}}},
    {"PopulatedFRU": {"FRUID": "f", "NodeAccelFRUInfo": {"Model": "é\x1b[31m☃"}}},
    {"Status": "Empty"},
    {"Type": "NODEACCEL"},
    {"Type": "Toaster"},
]
ODD_CAPACITIES: list[object] = [None, "32768", -5, 1e30, 10**15, True, [], {}]
ODD_COMPONENTS: list[dict[str, Any]] = [
    {"NID": None},
    {"Arch": "Other"},
    {"Role": "Ünïcode"},
    {"SubRole": ""},
    {"State": "Unknown"},
]


def test_odd_accelerators_leave_their_nodes_with_the_others(
    operator: Operator, lab_pair: LabPair
) -> None:
    hardware = lab_pair.prealps.site.state.hardware
    found = [x for x, p in hardware.items() if x.startswith("x2000") and p["Type"] == "NodeAccel"]
    before = shapes(operator)
    for xname, changes in zip(sorted(found), ODD_ACCELERATORS, strict=False):
        hardware.put(xname, {**(hardware.get(xname) or {}), **changes})
    after = shapes(operator)
    assert after.keys() == before.keys()
    lost = sum(before[x]["accelerators"] - after[x]["accelerators"] for x in before)
    assert 1 <= lost <= len(ODD_ACCELERATORS)
    listed = operator.must("placement", "facts", "--unrecognised", "--site", "prealps").out
    assert "\x1b" not in listed


def test_odd_capacities_of_memory_are_not_believed(operator: Operator, lab_pair: LabPair) -> None:
    hardware = lab_pair.prealps.site.state.hardware
    before = shapes(operator)
    found = [x for x, p in hardware.items() if x.startswith("x2000") and p["Type"] == "Memory"]
    for xname, capacity in zip(sorted(found), ODD_CAPACITIES, strict=False):
        info = {"FRUID": "f", "Type": "Memory", "MemoryFRUInfo": {"CapacityMiB": capacity}}
        hardware.put(xname, {**(hardware.get(xname) or {}), "PopulatedFRU": info})
    for xname, shape in shapes(operator).items():
        assert 0 <= shape["memory_mib"] <= before[xname]["memory_mib"]
    operator.must("placement", "plan", "total 1TiB memory and 4 a100", "--site", "prealps")


def test_odd_components_are_nodes_still(operator: Operator, lab_pair: LabPair) -> None:
    components = lab_pair.prealps.site.state.components
    nodes = sorted(shapes(operator))
    for xname, changes in zip(nodes, ODD_COMPONENTS, strict=False):
        components.put(xname, {**(components.get(xname) or {}), **changes})
    assert sorted(shapes(operator)) == nodes
    operator.must("placement", "plan", "a100:4", "--site", "prealps")


@pytest.mark.parametrize("key", ["Role", "Enabled"])
def test_what_hsm_never_sends_is_told_with_its_place(
    operator: Operator, lab_pair: LabPair, key: str
) -> None:
    components = lab_pair.prealps.site.state.components
    components.put(NODE, {**(components.get(NODE) or {}), key: None})
    answer = operator.types("placement", "plan", "a100:4", "--site", "prealps")
    assert answer.status == 17
    assert f"`$.{key}`" in answer.err


def test_a_node_without_any_part_is_only_taken_if_that_is_accepted(
    operator: Operator, lab_pair: LabPair
) -> None:
    hardware = lab_pair.prealps.site.state.hardware
    for xname in [x for x, _ in hardware.items() if x.startswith("x2000")]:
        hardware.delete(xname)
    refused = operator.types("placement", "plan", "8 nodes where class = River or cabinet = x2000",
                             "--site", "prealps")  # fmt: skip
    assert refused.status == REFUSED
    assert "no-inventory" in refused.err


BEYOND_MEASURE = (
    "total 1000000000TiB memory",
    "1000000000 nodes",
    "a100:1000000",
    "total 1000000000 a100 and 1000000000TiB memory, whole blades",
    "4 nodes where memory >= 1000000000TiB or a100 >= 1000000000",
    "1 node, 1000000000 spares",
    "4 nodes where a100, at most 1000000000 cabinets, at most 1000000000 per blade",
    "4 nodes where not (a100 or not a100)",
    '4 nodes where a100 and not model = "A/B*"',
    "; ".join(f"c{i}: 1 node where a100 >= {i}" for i in range(1, 30)),
)


def test_demands_beyond_measure_are_answered(operator: Operator) -> None:
    for demand in BEYOND_MEASURE:
        answer = operator.types("placement", "plan", demand, "--site", "prealps")
        assert answer.status in (0, REFUSED), f"{demand}: {answer.err}"
