# SPDX-License-Identifier: Apache-2.0
"""The integer program of a placement.

Columns, all whole numbers:

* `b[cell]`: blades of the cell of which some nodes are taken;
* `t[cell, kind, class]`: nodes of the kind taken from them for the class;
* `w[cell, class]`: blades that one class takes whole;
* `y[cabinet]`, `g[switch group]`: 1 where any blade there is taken; the same for each class
  that limits its own.

Blades of a cell are alike, so numbers are enough: `t` nodes go on `b` blades if each kind finds
room on them (`spreading` does it). The rows that open a cabinet are one for each cell, which
makes the program's relaxation tight.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from poya.placement.causes import Cause, CauseSort
from poya.placement.cells import USELESS, Cell, Field, ReducedField, pieces, reduce_field
from poya.placement.facts import Machine
from poya.placement.solver import Program, Weights
from poya.placement.syntax import Demand, NodeClass, Total

_Sum = dict[int, int]


@dataclass
class Columns:
    """Where the columns of a placement's program are.

    Attributes:
        blades: Cell index → column.
        taken: (cell index, reduced kind, class index) → column.
        whole: (cell index, class index) → column.
        cabinets: Cabinet → column; None as the class means all classes together.
        switch_groups: Likewise.
    """

    blades: dict[int, int] = field(default_factory=dict)
    taken: dict[tuple[int, int, int], int] = field(default_factory=dict)
    whole: dict[tuple[int, int], int] = field(default_factory=dict)
    cabinets: dict[tuple[int | None, str], int] = field(default_factory=dict)
    switch_groups: dict[tuple[int | None, str], int] = field(default_factory=dict)


class PlacementProgram:
    """Builds the program of one demand on one machine, some requirements lifted."""

    def __init__(
        self, demand: Demand, machine: Machine, whole_field: Field, lifted: frozenset[Cause]
    ) -> None:
        self.demand = demand
        self.machine = machine
        self.lifted = lifted
        self.field: ReducedField = reduce_field(whole_field, demand, lifted)
        self.members = whole_field.members
        self.program = Program()
        self.columns = Columns()
        for number, cell in enumerate(self.field.cells):
            self._cell(number, cell)
        for class_index, node_class in enumerate(demand.classes):
            self._amounts(class_index, node_class)
            self._class_limits(class_index, node_class)
        self._together()
        if self.stands("keep-members"):
            self.program.row(self.weigh(kept=True), least=self.members)

    def stands(self, sort: CauseSort, subject: str = "", index: int = 0) -> bool:
        """Say whether the demand makes this requirement, and it is not lifted."""
        if Cause(sort, subject, index) in self.lifted:
            return False
        if sort in ("amount", "where", "excluded"):
            return True
        return self._limit(sort, subject) not in (None, False)

    def _limit(self, sort: CauseSort, subject: str) -> int | bool | None:
        demand = self.demand
        if not subject:
            return {
                "together-cabinets": demand.most_cabinets,
                "together-switch-groups": demand.most_switch_groups,
                "keep-members": demand.keep_members,
            }[sort]
        node_class = next(c for c in demand.classes if c.name == subject)
        return {
            "whole-blades": node_class.whole_blades,
            "cabinets": node_class.most_cabinets,
            "switch-groups": node_class.most_switch_groups,
            "per-blade": node_class.most_per_blade,
            "per-cabinet": node_class.most_per_cabinet,
        }[sort]

    # Cells

    def _cell(self, number: int, cell: Cell) -> None:
        program, count = self.program, len(cell.blades)
        opened: _Sum = {}
        partly = [i for i, c in enumerate(self.demand.classes) if not self._is_whole(c)]
        spread: dict[int, _Sum] = defaultdict(dict)
        blade_rows: list[tuple[int, _Sum]] = []
        for kind, per_blade in cell.holds:
            fits = self.field.kinds[kind].fits if kind != USELESS else ()
            takers = [i for i in fits if i in partly]
            row: _Sum = {}
            for class_index in takers:
                column = program.column(per_blade * count)
                self.columns.taken[number, kind, class_index] = column
                row[column] = 1
                spread[class_index][column] = 1
            if row:
                blade_rows.append((per_blade, row))
        if blade_rows:
            blades = self.columns.blades[number] = program.column(count)
            opened[blades] = 1
            for per_blade, row in blade_rows:
                program.row({**row, blades: -per_blade}, most=0)
            self._per_blade(spread, blades)
        for class_index, node_class in enumerate(self.demand.classes):
            if self._is_whole(node_class) and self._takes_whole(cell, class_index, node_class):
                column = self.columns.whole[number, class_index] = program.column(count)
                opened[column] = 1
        if opened:
            cabinet = self._cabinet(None, cell.cabinet)
            program.row({**opened, cabinet: -count}, most=0)

    def _per_blade(self, spread: dict[int, _Sum], blades: int) -> None:
        for class_index, row in spread.items():
            node_class = self.demand.classes[class_index]
            if self.stands("per-blade", node_class.name):
                self.program.row({**row, blades: -(node_class.most_per_blade or 0)}, most=0)

    def _is_whole(self, node_class: NodeClass) -> bool:
        return self.stands("whole-blades", node_class.name)

    def _takes_whole(self, cell: Cell, class_index: int, node_class: NodeClass) -> bool:
        kinds = self.field.kinds
        if any(k == USELESS or class_index not in kinds[k].fits for k, _ in cell.holds):
            return False
        if not self.stands("per-blade", node_class.name):
            return True
        return sum(n for _, n in cell.holds) <= (node_class.most_per_blade or 0)

    def _cabinet(self, class_index: int | None, cabinet: str) -> int:
        """The column that opens a cabinet, and with it the cabinet's switch group."""
        found = self.columns.cabinets.get((class_index, cabinet))
        if found is None:
            found = self.columns.cabinets[class_index, cabinet] = self.program.column(1)
            group = class_index, self.machine.switch_group(cabinet)
            if group not in self.columns.switch_groups:
                self.columns.switch_groups[group] = self.program.column(1)
            self.program.row({found: 1, self.columns.switch_groups[group]: -1}, most=0)
        return found

    # Classes

    def _amounts(self, class_index: int, node_class: NodeClass) -> None:
        if node_class.totals:
            for i, total in enumerate(node_class.totals):
                if self.stands("amount", node_class.name, i):
                    self.program.row(self._sum(class_index, i), least=total.amount)
            return
        if not self.stands("amount", node_class.name):
            return
        wanted = node_class.wanted or 0
        most = wanted + self.overshoot(class_index)
        self.program.row(self._sum(class_index), least=wanted, most=most)

    def overshoot(self, class_index: int) -> int:
        """How many nodes more than demanded whole blades may make it."""
        if not self._is_whole(self.demand.classes[class_index]):
            return 0
        sizes = [
            sum(n for _, n in self.field.cells[cell].holds)
            for cell, i in self.columns.whole
            if i == class_index
        ]
        return max(sizes, default=1) - 1

    def _sum(self, class_index: int, total: int | None = None) -> _Sum:
        """The nodes of a class, or what they have of one of its totals."""
        return self.weigh(only=class_index, total=total)

    def _class_limits(self, class_index: int, node_class: NodeClass) -> None:
        name = node_class.name
        if self.stands("per-cabinet", name):
            rows: dict[str, _Sum] = defaultdict(dict)
            for column, (cell, weight) in self._columns_of(class_index).items():
                rows[self.field.cells[cell].cabinet][column] = weight
            for row in rows.values():
                self.program.row(row, most=node_class.most_per_cabinet or 0)
        by_cabinet = self.stands("cabinets", name)
        by_group = self.stands("switch-groups", name)
        if not (by_cabinet or by_group):
            return
        for column, (cell, _) in self._columns_of(class_index).items():
            opens = self._cabinet(class_index, self.field.cells[cell].cabinet)
            self.program.row({column: 1, opens: -self.program.upper[column]}, most=0)
        if by_cabinet:
            self._at_most(self.columns.cabinets, class_index, node_class.most_cabinets)
        if by_group:
            self._at_most(self.columns.switch_groups, class_index, node_class.most_switch_groups)

    def _columns_of(self, class_index: int) -> dict[int, tuple[int, int]]:
        """The columns that give nodes to a class: column → (cell, nodes for each unit)."""
        found = {
            c: (cell, 1) for (cell, _, i), c in self.columns.taken.items() if i == class_index
        }
        for (cell, i), column in self.columns.whole.items():
            if i == class_index:
                found[column] = (cell, sum(n for _, n in self.field.cells[cell].holds))
        return found

    def _together(self) -> None:
        if self.stands("together-cabinets"):
            self._at_most(self.columns.cabinets, None, self.demand.most_cabinets)
        if self.stands("together-switch-groups"):
            self._at_most(self.columns.switch_groups, None, self.demand.most_switch_groups)

    def _at_most(
        self,
        columns: dict[tuple[int | None, str], int],
        class_index: int | None,
        most: int | None,
    ) -> None:
        row = {column: 1 for (i, _), column in columns.items() if i == class_index}
        self.program.row(row, most=most or 0)

    # Sums over nodes

    def weigh(
        self,
        *,
        only: int | None = None,
        total: int | None = None,
        kept: bool | None = None,
        waived: bool = False,
        missed: bool = False,
        surplus: bool = False,
        same: tuple[str, str] | None = None,
    ) -> _Sum:
        """A weight for each column: what the nodes that it stands for count together.

        Args:
            only: Only nodes of this class.
            total: Count what they have of this total.
            kept: Only members (True), only others (False).
            waived: Only nodes that are taken in spite of a reason.
            missed: Count the preferences that they miss.
            surplus: Count what they have beyond what is asked for.
            same: Only nodes with this model or firmware.
        """

        def weight(kind: int, class_index: int) -> int:
            reduced = self.field.kinds[kind]
            if kept is not None and reduced.is_member != kept:
                return 0
            if (waived and not reduced.is_waived) or (same and same not in reduced.same):
                return 0
            amounts, misses, extra = reduced.merits[reduced.fits.index(class_index)]
            if total is not None:
                return amounts[total]
            return misses if missed else extra if surplus else 1

        sums: _Sum = {}
        for (_, kind, class_index), column in self.columns.taken.items():
            if only in (None, class_index):
                sums[column] = weight(kind, class_index)
        for (cell, class_index), column in self.columns.whole.items():
            if only in (None, class_index):
                holds = self.field.cells[cell].holds
                sums[column] = sum(n * weight(kind, class_index) for kind, n in holds)
        return sums


def surplus_offset(demand: Demand) -> int:
    """What is asked for, as surplus counts it: to be taken off the sum over nodes and totals."""
    totals: list[Total] = [t for c in demand.classes for t in c.totals]
    return sum(pieces(total.component, total.amount) for total in totals)


def add_up(*sums: Weights) -> _Sum:
    """The sum of sums."""
    found: _Sum = defaultdict(int)
    for weights in sums:
        for column, weight in weights.items():
            found[column] += weight
    return dict(found)
