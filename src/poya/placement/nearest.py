# SPDX-License-Identifier: Apache-2.0
"""The most that can be had of a demand that cannot be fulfilled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from poya.placement.causes import Cause
from poya.placement.cells import Field
from poya.placement.facts import Machine
from poya.placement.program import PlacementProgram
from poya.placement.solver import Solver
from poya.placement.syntax import MEMORY, MEMORY_UNIT_MIB, Demand, NodeClass

_PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class Nearest:
    """A demand that fits, as close to what was demanded as can be.

    Attributes:
        amounts: Each amount that has to shrink, and to what (memory in MiB); 0 for none at all.
        lifted: Requirements that are given up for it besides; empty for none.
        missing: How much all amounts together are short of, to compare by.
    """

    amounts: tuple[tuple[Cause, int], ...]
    lifted: tuple[Cause, ...]
    missing: int

    @property
    def is_something(self) -> bool:
        """Whether anything can be had of what has to shrink."""
        return any(amount for _, amount in self.amounts)


def nearest(
    demand: Demand, machine: Machine, field: Field, lifted: tuple[Cause, ...] = ()
) -> Nearest | None:
    """The most that can be had, the less missing in all the better; None if nothing fits."""
    wanted = dict(_amounts(demand))
    built = PlacementProgram(demand, machine, field, frozenset((*wanted, *lifted)))
    program = built.program
    missing: dict[int, int] = {}
    columns: dict[Cause, int] = {}
    for cause, amount in wanted.items():
        node_class, index = _class(demand, cause.subject)
        total = cause.index if node_class.totals else None
        has = built.weigh(only=index, total=total)
        columns[cause] = short = program.column(amount)
        missing[short] = _weight(node_class, cause)
        program.row({**has, short: 1}, least=amount)
        if total is None:
            program.row(has, most=amount + built.overshoot(index))
    answer = Solver(program).minimise(missing, limit_s=_PATIENCE_S)
    if not answer.values:
        return None
    shrunk = tuple(
        (cause, wanted[cause] - answer.values[column])
        for cause, column in columns.items()
        if answer.values[column]
    )
    return Nearest(shrunk, lifted, answer.value)


def _amounts(demand: Demand) -> Iterator[tuple[Cause, int]]:
    for node_class in demand.classes:
        if not node_class.totals:
            yield Cause("amount", node_class.name), node_class.wanted or 0
        for i, total in enumerate(node_class.totals):
            yield Cause("amount", node_class.name, i), total.amount


def _weight(node_class: NodeClass, cause: Cause) -> int:
    """A part, or a node, weighs what 16 GiB of memory do."""
    is_memory = bool(node_class.totals) and node_class.totals[cause.index].component == MEMORY
    return 1 if is_memory else MEMORY_UNIT_MIB


def _class(demand: Demand, name: str) -> tuple[NodeClass, int]:
    return next((c, i) for i, c in enumerate(demand.classes) if c.name == name)
