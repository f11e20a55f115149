# SPDX-License-Identifier: Apache-2.0
"""Choosing the nodes: the best placement of a demand on a machine, and how sure that is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace

from poya.errors import PoyaError
from poya.model.names import sorted_xnames, xname_order
from poya.placement.cells import Blade, survey_field
from poya.placement.facts import Machine
from poya.placement.holding import Asker, is_member
from poya.placement.levels import CostName, Level, levels_of
from poya.placement.program import PlacementProgram
from poya.placement.solver import Answer, Solver
from poya.placement.spreading import spread
from poya.placement.syntax import Demand

PATIENCE_S = 20.0


@dataclass(frozen=True, slots=True)
class Cost:
    """One cost of a placement.

    Attributes:
        bound: No placement that is as good in the graver costs has less; where it equals
            `value`, the placement is proven best in this.
    """

    name: CostName
    value: int
    bound: int

    @property
    def gap(self) -> int:
        """By how much a better placement could at most be better."""
        return self.value - self.bound


@dataclass(frozen=True, slots=True)
class ClassNodes:
    """The nodes of one class, in the order of the machine.

    Attributes:
        spares: Those of them that are over and above the number demanded, the last ones.
    """

    name: str
    nodes: tuple[str, ...]
    spares: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Placement:
    """Which nodes a vCluster gets.

    Attributes:
        costs: The gravest first.
        joining: Nodes that are not in the group yet.
        leaving: Nodes that are in it and are not needed.
        is_final: No level was left out; an early answer is feasible and may be improved on.
    """

    classes: tuple[ClassNodes, ...]
    costs: tuple[Cost, ...]
    joining: tuple[str, ...]
    leaving: tuple[str, ...]
    is_final: bool = True

    @property
    def nodes(self) -> tuple[str, ...]:
        """Every chosen node, class by class."""
        return tuple(xname for c in self.classes for xname in c.nodes)

    def cost(self, name: CostName) -> int:
        """The value of one cost."""
        return next(cost.value for cost in self.costs if cost.name == name)

    @property
    def is_proven(self) -> bool:
        """Whether there is provably none better."""
        return self.is_final and all(cost.gap == 0 for cost in self.costs)


def placements(
    demand: Demand, machine: Machine, asker: Asker, *, patience_s: float = PATIENCE_S
) -> Iterator[Placement]:
    """Placements, each better than the one before; the first comes fast, the last is the answer.

    Nothing comes where the demand cannot be fulfilled: `explaining` says why.

    Args:
        patience_s: When to stop improving. What is answered then may differ from run to run,
            and its costs say how far from the best it can be.
    """
    field = survey_field(demand, machine, asker)
    built = PlacementProgram(demand, machine, field, frozenset())
    levels = levels_of(built)
    solver = Solver(built.program)
    costs: list[Cost] = []
    values: tuple[int, ...] = ()
    for number, level in enumerate(levels):
        answer = _lower(solver, level, values, patience_s)
        if answer.is_infeasible:
            return
        patience_s = max(0.0, patience_s - answer.took_s)
        values = answer.values
        value = answer.value + level.constant
        costs.append(Cost(level.name, value, answer.bound + level.constant))
        if number == 0:
            yield _unpack(built, values, (*costs, *_unproven(levels[1:], values)), asker)
    yield _unpack(built, values, tuple(costs), asker, is_final=True)


def _lower(solver: Solver, level: Level, values: tuple[int, ...], limit_s: float) -> Answer:
    """Minimise one cost, and hold it at that for the costs to come."""
    answer = _best(solver, level, values, limit_s)
    if answer.is_infeasible:
        return answer
    solver.hold(level.weights, answer.value)
    if answer.value + level.constant == 0:
        for sums in level.where_none:
            solver.hold(sums, 0)
    return answer


def _best(solver: Solver, level: Level, values: tuple[int, ...], limit_s: float) -> Answer:
    """The least of one cost; often what the graver ones led to has it already."""
    if not values:
        return _first(solver, level, limit_s)
    now = _value(level, values)
    bound = solver.bound(level.weights) if now else 0  # costs are never negative
    known = Answer(values, now, bound, is_infeasible=False)
    if bound < known.value and level.settled:
        nearby = solver.minimise(level.weights, limit_s=limit_s, as_in=(values, level.settled))
        if nearby.values:
            known = replace(nearby, bound=bound)
    if bound >= known.value:
        return replace(known, bound=known.value)
    better = solver.minimise(level.weights, limit_s=limit_s - known.took_s, below=known.value)
    took_s = known.took_s + better.took_s
    if better.values:
        return replace(better, took_s=took_s)
    proven = known.value if better.is_infeasible else max(bound, better.bound)
    return replace(known, bound=min(proven, known.value), took_s=took_s)


def _first(solver: Solver, level: Level, limit_s: float) -> Answer:
    answer = solver.minimise(level.weights, limit_s=limit_s)
    if not (answer.values or answer.is_infeasible):
        raise PoyaError(
            f"No placement was found in {limit_s:.0f} s, and none was excluded.",
            todo="Give it more time, or demand fewer things at once.",
        )
    return answer


def _value(level: Level, values: tuple[int, ...]) -> int:
    return sum(weight * values[column] for column, weight in level.weights.items() if values)


def _unproven(levels: list[Level], values: tuple[int, ...]) -> tuple[Cost, ...]:
    """The costs that nobody tried to lower yet."""
    return tuple(Cost(level.name, _value(level, values) + level.constant, 0) for level in levels)


def _unpack(
    built: PlacementProgram,
    values: tuple[int, ...],
    costs: tuple[Cost, ...],
    asker: Asker,
    *,
    is_final: bool = False,
) -> Placement:
    """Name the nodes that the numbers stand for."""
    chosen = _Unpacker(built, values).nodes()
    classes = []
    for class_index, node_class in enumerate(built.demand.classes):
        nodes = tuple(sorted(chosen[class_index], key=xname_order))
        first_spare = len(nodes) - node_class.spares if node_class.spares else len(nodes)
        classes.append(ClassNodes(node_class.name, nodes, nodes[first_spare:]))
    taken = {xname for nodes in chosen.values() for xname in nodes}
    members = {x.xname for x in built.machine.nodes if is_member(x, asker)}
    return Placement(
        classes=tuple(classes),
        costs=costs,
        joining=sorted_xnames(taken - members),
        leaving=sorted_xnames(members - taken),
        is_final=is_final,
    )


class _Unpacker:
    """Goes through the cells and deals their nodes out."""

    def __init__(self, built: PlacementProgram, values: tuple[int, ...]) -> None:
        self._built = built
        self._values = values
        self._chosen: dict[int, list[str]] = defaultdict(list)

    def nodes(self) -> dict[int, list[str]]:
        """Class index → xnames."""
        columns = self._built.columns
        partly: dict[int, dict[tuple[int, int], int]] = defaultdict(dict)
        for (owner, kind, class_index), column in columns.taken.items():
            if self._values[column]:
                partly[owner][kind, class_index] = self._values[column]
        for number, cell in enumerate(self._built.field.cells):
            free = sorted(cell.blades, key=lambda blade: xname_order(blade.name))
            for (owner, class_index), column in columns.whole.items():
                if owner == number:
                    for blade in free[: self._values[column]]:
                        self._chosen[class_index].extend(xname for _, xname in blade.nodes)
                    free = free[self._values[column] :]
            if number in partly:
                self._deal(partly[number], dict(cell.holds), free)
        return self._chosen

    def _deal(
        self, taken: dict[tuple[int, int], int], holds: dict[int, int], free: list[Blade]
    ) -> None:
        blades = self._fewest(taken, holds)
        for blade, share in zip(free, spread(taken, blades), strict=False):
            stock: dict[int, list[str]] = defaultdict(list)
            for kind, xname in blade.nodes:
                stock[self._built.field.reduced[kind]].append(xname)
            for (kind, class_index), number in sorted(share.items()):
                self._chosen[class_index].extend(stock[kind][:number])
                del stock[kind][:number]

    def _fewest(self, taken: dict[tuple[int, int], int], holds: dict[int, int]) -> int:
        """On how many blades the nodes find room."""
        by_kind: dict[int, int] = defaultdict(int)
        by_class: dict[int, int] = defaultdict(int)
        for (kind, class_index), number in taken.items():
            by_kind[kind] += number
            by_class[class_index] += number
        needs = [-(-number // holds[kind]) for kind, number in by_kind.items()]
        for class_index, number in by_class.items():
            node_class = self._built.demand.classes[class_index]
            if node_class.most_per_blade is not None:
                needs.append(-(-number // node_class.most_per_blade))
        return max(needs)
