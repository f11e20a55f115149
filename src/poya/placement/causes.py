# SPDX-License-Identifier: Apache-2.0
"""The requirements of a placement, one by one: what can be lifted to see whether it then fits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from poya.placement.syntax import Demand, NodeClass, Predicate, Text, conjuncts, fields_of

CauseSort: TypeAlias = Literal[
    "amount",
    "where",
    "excluded",
    "whole-blades",
    "cabinets",
    "switch-groups",
    "per-blade",
    "per-cabinet",
    "together-cabinets",
    "together-switch-groups",
    "keep-members",
]
DEFAULT_ROLE = Text("role", ("Compute",))


@dataclass(frozen=True, slots=True, order=True)
class Cause:
    """One requirement.

    Attributes:
        sort: `amount`: a class's number of nodes, or one of its totals; `where`: one conjunct of
            its predicate; `excluded`: nodes with a reason not to be taken; else a clause.
        subject: The class's name, or the reason's id; empty for what concerns all.
        index: Which of the class's totals or conjuncts.
    """

    sort: CauseSort
    subject: str = ""
    index: int = 0


def requirements(node_class: NodeClass) -> tuple[Predicate, ...]:
    """The conjuncts that each node must fulfil; Compute nodes are meant where no role is said."""
    said = conjuncts(node_class.where)
    return said if "role" in fields_of(node_class.where) else (*said, DEFAULT_ROLE)


def causes_of(demand: Demand) -> Iterator[Cause]:
    """Every requirement that the demand itself makes."""
    for node_class in demand.classes:
        name = node_class.name
        yield from (Cause("amount", name, i) for i in range(max(1, len(node_class.totals))))
        yield from (Cause("where", name, i) for i in range(len(requirements(node_class))))
        clauses: tuple[tuple[CauseSort, bool], ...] = (
            ("whole-blades", node_class.whole_blades),
            ("cabinets", node_class.most_cabinets is not None),
            ("switch-groups", node_class.most_switch_groups is not None),
            ("per-blade", node_class.most_per_blade is not None),
            ("per-cabinet", node_class.most_per_cabinet is not None),
        )
        yield from (Cause(sort, name) for sort, is_said in clauses if is_said)
    if demand.most_cabinets is not None:
        yield Cause("together-cabinets")
    if demand.most_switch_groups is not None:
        yield Cause("together-switch-groups")
    if demand.keep_members:
        yield Cause("keep-members")
