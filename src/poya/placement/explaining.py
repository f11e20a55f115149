# SPDX-License-Identifier: Apache-2.0
"""Why a demand cannot be fulfilled, and what would be the least to change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from poya.placement.causes import Cause, causes_of
from poya.placement.cells import Field, Kind, survey_field
from poya.placement.conflicts import (
    Causes,
    Counted,
    OutOfQuestions,
    corrections,
    minimal_conflict,
    smallest_conflict,
)
from poya.placement.facts import Machine
from poya.placement.holding import Asker
from poya.placement.nearest import Nearest, nearest
from poya.placement.program import PlacementProgram
from poya.placement.solver import Solver
from poya.placement.syntax import Demand, NodeClass

_PATIENCE_S = 10.0
_MOST_QUESTIONS = 400
_MOST_REMEDIES = 5
_DEEPEST = 3
_NO_LIMIT = 1_000_000
_MOST_LIFTED = 24
_MOST_NEAREST = 2


@dataclass(frozen=True, slots=True)
class Supply:
    """What there is for one amount that a class wants.

    Attributes:
        component: Of a total; empty for a number of nodes. Memory is in MiB.
        possible: The most that can be had with every requirement kept but the class's amounts;
            None where those conflict already.
        fitting: What the nodes that are as the class wants them have, whoever holds them.
        held: Reason → how much of that is kept back by it; one node may have several reasons.
    """

    class_name: str
    component: str
    wanted: int
    possible: int | None
    fitting: int
    free: int
    held: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Remedy:
    """A least change with which the demand is fulfilled.

    Attributes:
        lifted: The requirements to give up, all of them together; none of them can be kept.
        limits: For a limit on cabinets or switch groups among them, the least that would do.
    """

    lifted: tuple[Cause, ...]
    limits: tuple[tuple[Cause, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why not.

    Attributes:
        conflict: Requirements that cannot hold together; without any one of them the others can.
        is_smallest: No conflict has fewer; False where looking for one would have taken too long.
        held: How many nodes each excluding reason in the conflict keeps back.
        nearest: Smaller demands that fit: with everything else kept first, and, where no remedy
            lets it fit as it is, with one requirement given up.
    """

    conflict: tuple[Cause, ...]
    is_smallest: bool
    supplies: tuple[Supply, ...]
    remedies: tuple[Remedy, ...]
    held: tuple[tuple[str, int], ...] = ()
    nearest: tuple[Nearest, ...] = ()


def explain(demand: Demand, machine: Machine, asker: Asker) -> Explanation | None:
    """Say why the demand cannot be fulfilled; None if it can."""
    return _Explainer(demand, machine, asker).explain()


def all_causes(demand: Demand, field: Field) -> tuple[Cause, ...]:
    """Every requirement, those of the demand first, then what keeps nodes back."""
    held = sorted({reason for kind in field.kinds for reason in kind.reasons})
    return (*causes_of(demand), *(Cause("excluded", reason) for reason in held))


class _Explainer:
    def __init__(self, demand: Demand, machine: Machine, asker: Asker) -> None:
        self._demand = demand
        self._machine = machine
        self._field = survey_field(demand, machine, asker)
        self._causes = all_causes(demand, self._field)
        self._everything = frozenset(self._causes)

    def explain(self) -> Explanation | None:
        if self._fits(self._everything):
            return None
        conflict, is_smallest = self._conflict()
        concerned = {cause.subject for cause in conflict if cause.sort == "amount"}
        classes = [c for c in self._demand.classes if c.name in concerned]
        excluding = {cause.subject for cause in conflict if cause.sort == "excluded"}
        held: Counter[str] = Counter()
        for kind, number in self._nodes():
            if self._would_do(kind, concerned):
                held.update({reason: number for reason in kind.reasons if reason in excluding})
        remedies = tuple(self._remedies())
        return Explanation(
            conflict=tuple(sorted(conflict)),
            is_smallest=is_smallest,
            supplies=tuple(s for c in classes for s in self._supplies(c)),
            remedies=remedies,
            held=tuple(sorted(held.items())),
            nearest=tuple(self._nearest(conflict, has_remedy=bool(remedies))),
        )

    def _nearest(self, conflict: Causes, *, has_remedy: bool) -> Iterator[Nearest]:
        kept = nearest(self._demand, self._machine, self._field)
        if kept and kept.is_something:
            yield kept
        if has_remedy:
            return
        subjects = {cause.subject for cause in conflict}
        liftable = [c for c in self._causes if c.sort != "amount"]
        concerned = [c for c in liftable if c.sort == "excluded" or c.subject in {"", *subjects}]
        found = (
            nearest(self._demand, self._machine, self._field, (cause,))
            for cause in concerned[:_MOST_LIFTED]
        )
        better = [n for n in found if n and (kept is None or n.missing < kept.missing)]
        yield from sorted(better, key=lambda n: (n.missing, n.lifted))[:_MOST_NEAREST]

    def _would_do(self, kind: Kind, classes: set[str]) -> bool:
        """Say whether a node is as one of the classes wants it, whoever holds it."""
        return not kind.is_management and any(
            merit.truths == self._all_true(node_class)
            and (any(merit.amounts) or not node_class.totals)
            for node_class, merit in zip(self._demand.classes, kind.merits, strict=True)
            if node_class.name in classes
        )

    def _fits(self, causes: Causes) -> bool:
        lifted = self._everything - causes
        built = PlacementProgram(self._demand, self._machine, self._field, lifted)
        return not Solver(built.program).minimise({}, limit_s=_PATIENCE_S).is_infeasible

    def _conflict(self) -> tuple[Causes, bool]:
        try:
            return smallest_conflict(Counted(self._fits, _MOST_QUESTIONS), self._causes), True
        except OutOfQuestions:
            return minimal_conflict(self._fits, self._causes), False

    def _remedies(self) -> Iterator[Remedy]:
        liftable = frozenset(cause for cause in self._causes if cause.sort != "amount")
        oracle = Counted(self._fits, _MOST_QUESTIONS)
        found = corrections(oracle, self._causes, liftable=liftable, deepest=_DEEPEST)
        try:
            for _ in range(_MOST_REMEDIES):
                lifted = next(found, None)
                if lifted is None:
                    return
                limits = tuple(self._limits(lifted))
                yield Remedy(tuple(sorted(lifted)), limits)
        except OutOfQuestions:
            return

    # Numbers

    def _limits(self, lifted: Causes) -> Iterator[tuple[Cause, int]]:
        """The least cabinets or switch groups that would do in place of a lifted limit."""
        for cause in sorted(lifted):
            demand = without_limit(self._demand, cause)
            if demand is None:
                continue
            others = lifted - {cause}
            built = PlacementProgram(demand, self._machine, self._field, others)
            columns = built.columns.cabinets
            if cause.sort.endswith("switch-groups"):
                columns = built.columns.switch_groups
            index = _class_index(demand, cause.subject)
            weights = {column: 1 for (i, _), column in columns.items() if i == index}
            answer = Solver(built.program).minimise(weights, limit_s=_PATIENCE_S)
            if answer.values:
                yield cause, answer.value

    def _supplies(self, node_class: NodeClass) -> Iterator[Supply]:
        if not node_class.totals:
            yield self._supply(node_class, 0, "", node_class.wanted or 0)
        for i, total in enumerate(node_class.totals):
            yield self._supply(node_class, i, total.component, total.amount)

    def _supply(self, node_class: NodeClass, i: int, component: str, wanted: int) -> Supply:
        index = _class_index(self._demand, node_class.name)
        assert index is not None
        all_true = self._all_true(node_class)
        fitting = free = 0
        held: Counter[str] = Counter()
        for kind, number in self._nodes():
            merit = kind.merits[index]
            if merit.truths != all_true or kind.is_management:
                continue
            amount = number * (merit.amounts[i] if component else 1)
            fitting += amount
            free += 0 if kind.reasons else amount
            held.update(dict.fromkeys(kind.reasons if amount else (), amount))
        possible = self._possible(node_class, index, i if component else None)
        counts = sorted(held.items(), key=lambda item: (-item[1], item[0]))
        return Supply(node_class.name, component, wanted, possible, fitting, free, tuple(counts))

    def _possible(self, node_class: NodeClass, index: int, total: int | None) -> int | None:
        amounts = range(max(1, len(node_class.totals)))
        lifted = frozenset(Cause("amount", node_class.name, i) for i in amounts)
        built = PlacementProgram(self._demand, self._machine, self._field, lifted)
        weights = {c: -w for c, w in built.weigh(only=index, total=total).items()}
        answer = Solver(built.program).minimise(weights, limit_s=_PATIENCE_S)
        return None if answer.is_infeasible else -answer.value

    def _all_true(self, node_class: NodeClass) -> int:
        own = [c for c in self._causes if c.sort == "where" and c.subject == node_class.name]
        return (1 << len(own)) - 1

    def _nodes(self) -> Iterator[tuple[Kind, int]]:
        """Each kind of node with how many there are, cell by cell."""
        for cell in self._field.cells:
            for kind, number in cell.holds:
                yield self._field.kinds[kind], number * len(cell.blades)


def without_limit(demand: Demand, cause: Cause) -> Demand | None:
    """The demand with a limit on cabinets or switch groups too wide to matter; None for others."""
    if cause.sort == "together-cabinets":
        return replace(demand, most_cabinets=_NO_LIMIT)
    if cause.sort == "together-switch-groups":
        return replace(demand, most_switch_groups=_NO_LIMIT)
    if cause.sort not in ("cabinets", "switch-groups"):
        return None
    wide = (
        {"most_cabinets": _NO_LIMIT}
        if cause.sort == "cabinets"
        else {"most_switch_groups": _NO_LIMIT}
    )
    classes = tuple(
        replace(c, **wide) if c.name == cause.subject else c  # type: ignore[arg-type]
        for c in demand.classes
    )
    return replace(demand, classes=classes)


def _class_index(demand: Demand, name: str) -> int | None:
    """The class's place; None for all classes together."""
    return next((i for i, c in enumerate(demand.classes) if c.name == name), None)
