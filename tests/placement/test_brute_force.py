"""Against trying everything: feasible if and only if, best in every cost, explanations minimal."""

from __future__ import annotations

import os

import pytest

from placement.brute import COSTS, best, costs, permitted, puzzle
from poya.placement.causes import Cause
from poya.placement.cells import survey_field
from poya.placement.explaining import all_causes, explain
from poya.placement.parsing import parse_demand
from poya.placement.placing import placements
from poya.placement.program import PlacementProgram
from poya.placement.solver import Solver

# `make test-placement` asks for all 500; the normal suite looks at a sample.
PUZZLES = range(int(os.environ.get("POYA_PUZZLES", "40")))


@pytest.mark.parametrize("seed", PUZZLES)
def test_the_best_placement_is_found_if_there_is_one(seed: int) -> None:
    task = puzzle(seed)
    demand = parse_demand(task.text)
    found = list(placements(demand, task.machine, task.asker))
    expected = best(task)
    if expected is None:
        assert not found, task.text
        assert explain(demand, task.machine, task.asker) is not None
        return
    assert found, task.text
    final = found[-1]
    assert final.is_proven
    where = {xname: i for i, c in enumerate(final.classes) for xname in c.nodes}
    assigned = tuple(where.get(node.xname) for node in task.machine.nodes)
    assert permitted(task, assigned), task.text
    assert costs(task, assigned) == expected, task.text
    assert tuple(cost.value for cost in final.costs) == expected, dict(
        zip(COSTS, expected, strict=True)
    )
    for early in found:
        named = {xname: i for i, c in enumerate(early.classes) for xname in c.nodes}
        assert permitted(task, tuple(named.get(node.xname) for node in task.machine.nodes))


@pytest.mark.parametrize("seed", PUZZLES)
def test_every_explanation_is_minimal(seed: int) -> None:
    task = puzzle(seed)
    demand = parse_demand(task.text)
    why = explain(demand, task.machine, task.asker)
    if why is None:
        return
    field = survey_field(demand, task.machine, task.asker)
    everything = frozenset(all_causes(demand, field))

    def fits(standing: frozenset[Cause]) -> bool:
        built = PlacementProgram(demand, task.machine, field, everything - standing)
        return not Solver(built.program).minimise({}, limit_s=10).is_infeasible

    conflict = frozenset(why.conflict)
    assert not fits(conflict), task.text
    for cause in conflict:
        assert fits(conflict - {cause}), f"{cause} is not needed: {task.text}"
    for remedy in why.remedies:
        lifted = frozenset(remedy.lifted)
        assert fits(everything - lifted)
        for cause in lifted:
            assert not fits(everything - lifted | {cause})
