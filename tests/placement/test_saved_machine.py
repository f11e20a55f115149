"""A machine survives its way through a survey's file, and damage is told."""

from __future__ import annotations

import msgspec
import pytest

from placement.brute import puzzle
from poya.errors import BadAnswer
from poya.placement.facts import Machine, NodeFacts, Shape
from poya.placement.naming import Unrecognised
from poya.sites.saved.machines import SavedMachine, load_machine, save_machine


def through_json(machine: Machine) -> Machine:
    raw = msgspec.json.encode(save_machine(machine))
    return load_machine(machine.label, msgspec.json.decode(raw, type=SavedMachine))


@pytest.mark.parametrize("seed", range(20))
def test_a_machine_is_read_back_as_it_was(seed: int) -> None:
    machine = puzzle(seed).machine
    assert through_json(machine) == machine


def test_everything_that_is_known_of_a_node_is_kept() -> None:
    node = NodeFacts(
        "x1c0s0b0n0", Shape((("a100", 4),), memory_mib=1024), nid=7, arch="X86", role="Compute",
        is_enabled=False, is_reserved=True, groups=("a",), templates=("t",), selected_by=("s",),
        running=("r",), tenant="blue",
    )  # fmt: skip
    unknown = Unrecognised("NodeAccel", "Mystery 9", 3)
    machine = Machine.of("m", [node], booted_by={"a": ("t",)}, unrecognised=(unknown,))
    assert through_json(machine) == machine


@pytest.mark.parametrize(
    "node", [{"xname": "x1"}, {"xname": "x1", "shape": 5}, {"xname": 1, "shape": 0}, {"shape": 0}]
)
def test_a_damaged_node_is_refused(node: dict[str, object]) -> None:
    saved = SavedMachine((node,), (Shape(),), {}, {}, {})
    with pytest.raises((BadAnswer, msgspec.ValidationError)):
        load_machine("m", saved)
