"""Against trying everything: feasible if and only if, best in every cost, explanations minimal."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from placement.brute import COSTS, Puzzle, best, costs, permitted, puzzle
from poya.placement.causes import Cause
from poya.placement.cells import survey_field
from poya.placement.explaining import all_causes, explain
from poya.placement.nearest import Nearest
from poya.placement.parsing import parse_demand
from poya.placement.placing import placements
from poya.placement.program import PlacementProgram
from poya.placement.solver import Solver
from poya.placement.syntax import Demand

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
    for near in why.nearest:
        assert _is_nearest(task, near), task.text


def _is_nearest(task: Puzzle, near: Nearest) -> bool:
    """What it offers fits; of a lone amount that is offered, one more does not."""
    demand, lifted = parse_demand(task.text), frozenset(near.lifted)

    def fits(amounts: dict[Cause, int]) -> bool:
        less = with_amounts(demand, amounts)
        field = survey_field(less, task.machine, task.asker)
        built = PlacementProgram(less, task.machine, field, lifted)
        return not Solver(built.program).minimise({}, limit_s=10).is_infeasible

    (cause, most), *others = near.amounts
    return fits(dict(near.amounts)) and (bool(others) or not fits({cause: most + 1}))


def with_amounts(demand: Demand, amounts: dict[Cause, int]) -> Demand:
    """The demand with other amounts."""
    classes = []
    for node_class in demand.classes:
        number = amounts.get(Cause("amount", node_class.name))
        totals = tuple(
            replace(t, amount=amounts.get(Cause("amount", node_class.name, i), t.amount))
            for i, t in enumerate(node_class.totals)
        )
        if number is not None and not totals:
            classes.append(replace(node_class, nodes=number - node_class.spares))
        else:
            classes.append(replace(node_class, totals=totals))
    return replace(demand, classes=tuple(classes))
