# SPDX-License-Identifier: Apache-2.0
"""What a placement costs, the gravest first: each is minimised before the next is looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from poya.placement.program import PlacementProgram, add_up, surplus_offset
from poya.placement.solver import Weights

CostName: TypeAlias = Literal[
    "waived", "joining", "missed", "switch-groups", "cabinets", "blades", "surplus"
]
COSTS: dict[CostName, str] = {
    "waived": "nodes taken in spite of an accepted reason",
    "joining": "nodes that join the group",
    "missed": "preferences missed",
    "switch-groups": "switch groups used",
    "cabinets": "cabinets used",
    "blades": "blades used",
    "surplus": "accelerators, memory and nodes beyond what is asked for",
}


@dataclass(frozen=True, slots=True)
class Level:
    """One cost as weights of a program's columns, plus a constant.

    Attributes:
        where_none: Sums that are at most 0 wherever the cost is none; they follow from its rows,
            and say it so that the relaxation sees it too.
    """

    name: CostName
    weights: Weights
    constant: int = 0
    where_none: tuple[Weights, ...] = ()
    settled: tuple[int, ...] = ()


def levels_of(built: PlacementProgram) -> list[Level]:
    """The costs in their order; adds the columns that the preferences need to the program."""
    columns = built.columns
    cabinets = [c for (i, _), c in columns.cabinets.items() if i is None]
    groups = [c for (i, _), c in columns.switch_groups.items() if i is None]
    blades = [*columns.blades.values(), *columns.whole.values()]
    offset = surplus_offset(built.demand)
    extra_nodes = [
        built.weigh(only=i)
        for i, node_class in enumerate(built.demand.classes)
        if node_class.nodes is not None
    ]
    wanted = sum(node_class.wanted or 0 for node_class in built.demand.classes)
    all_cabinets = tuple(columns.cabinets.values())
    return [
        Level("waived", built.weigh(waived=True)),
        Level("joining", built.weigh(kept=False)),
        _missed(built),
        Level("switch-groups", dict.fromkeys(groups, 1)),
        Level(
            "cabinets",
            dict.fromkeys(cabinets, 1),
            settled=tuple(columns.switch_groups.values()),
        ),
        Level("blades", dict.fromkeys(blades, 1), settled=all_cabinets),
        Level(
            "surplus",
            add_up(built.weigh(surplus=True), *extra_nodes),
            -offset - wanted,
            settled=all_cabinets,
        ),
    ]


def _missed(built: PlacementProgram) -> Level:
    """Preferences missed: each node's own, and nodes unlike most of their class."""
    sums: list[Weights] = [built.weigh(missed=True)]
    where_none: list[Weights] = []
    for class_index, node_class in enumerate(built.demand.classes):
        for same in node_class.same:
            credit, ties = _alike(built, class_index, same)
            sums += [built.weigh(only=class_index), credit]
            where_none += ties
    return Level("missed", add_up(*sums), where_none=tuple(where_none))


def _alike(built: PlacementProgram, class_index: int, same: str) -> tuple[Weights, list[Weights]]:
    """Columns that count, negatively, the nodes of the value that most nodes have.

    The sums beside them take only nodes of that value.
    """
    program = built.program
    values = {pair for kind in built.field.kinds for pair in kind.same if pair[0] == same}
    chosen: dict[int, int] = {}
    credit: dict[int, int] = {}
    ties: list[Weights] = []
    for value in sorted(values):
        nodes = built.weigh(only=class_index, same=value)
        most = sum(weight * program.upper[column] for column, weight in nodes.items())
        if not most:
            continue
        is_chosen, credited = program.column(1), program.column(most)
        chosen[is_chosen] = 1
        credit[credited] = -1
        program.row({**{c: -w for c, w in nodes.items()}, credited: 1}, most=0)
        program.row({credited: 1, is_chosen: -most}, most=0)
        ties += [{c: 1, is_chosen: -program.upper[c]} for c, w in nodes.items() if w]
    program.row(chosen, most=1)
    return credit, ties
