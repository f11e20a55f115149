# SPDX-License-Identifier: Apache-2.0
"""A demand as a tree: what a vCluster needs of nodes. Only data; parsed in `parsing`.

Positions (`at`) are offsets into the text that was parsed. They serve messages and do not count
when trees are compared.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Operator: TypeAlias = Literal[">=", ">", "<=", "<", "=", "!="]
Same: TypeAlias = Literal["firmware", "model"]

# What a node says of itself in words; every other field of a predicate counts parts.
TEXT_FIELDS = ("arch", "cabinet", "class", "firmware", "model", "role", "state", "subrole")
MEMORY = "memory"  # in MiB
CORES = "cores"
ACCELERATORS = "accelerators"
PROCESSORS = "processors"
HSN = "hsn"
MEMORY_UNIT_MIB = 16 * 1024  # manta counts memory in pieces of 16 GiB


@dataclass(frozen=True, slots=True)
class Count:
    """A comparison of a number: `a100 >= 4`, `memory >= 512GiB` (`amount` then in MiB)."""

    component: str
    operator: Operator
    amount: int
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Text:
    """A word of the node is one of these patterns: `arch = ARM`, `model in ("*EX254n*", …)`.

    Case does not count; `*` and `?` stand for any characters, for one character.
    """

    attribute: str
    patterns: tuple[str, ...]
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Not:
    """What the operand is not true of."""

    operand: Predicate


@dataclass(frozen=True, slots=True)
class And:
    """All of two or more; none of them is an And itself."""

    operands: tuple[Predicate, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of two or more; none of them is an Or itself."""

    operands: tuple[Predicate, ...]


Predicate: TypeAlias = Count | Text | Not | And | Or


@dataclass(frozen=True, slots=True)
class Total:
    """So much of one component over all nodes of the class: `total 512 a100` (memory in MiB)."""

    component: str
    amount: int
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class NodeClass:
    """Nodes of one shape.

    Attributes:
        nodes: How many; None where totals say it.
        totals: What the nodes must have together; empty where `nodes` says how many.
        where: What each node must be; None for any node.
        whole_blades: Only blades of which the class gets every node.
        most_cabinets, most_switch_groups: Packing.
        most_per_blade, most_per_cabinet: Spreading.
        same: What its nodes should have in common.
        prefer: What each node should be.
        spares: Nodes over and above `nodes`.
    """

    name: str
    nodes: int | None = None
    totals: tuple[Total, ...] = ()
    where: Predicate | None = None
    whole_blades: bool = False
    most_cabinets: int | None = None
    most_switch_groups: int | None = None
    most_per_blade: int | None = None
    most_per_cabinet: int | None = None
    same: tuple[Same, ...] = ()
    prefer: tuple[Predicate, ...] = ()
    spares: int = 0
    at: int = field(default=0, compare=False)

    @property
    def wanted(self) -> int | None:
        """The nodes to find, spares included; None where totals say it."""
        return None if self.nodes is None else self.nodes + self.spares


@dataclass(frozen=True, slots=True)
class Demand:
    """What a vCluster needs.

    Attributes:
        most_cabinets, most_switch_groups: Packing of all classes together.
        keep_members: The nodes that the group has now stay in it.
    """

    classes: tuple[NodeClass, ...]
    most_cabinets: int | None = None
    most_switch_groups: int | None = None
    keep_members: bool = False


def conjuncts(predicate: Predicate | None) -> tuple[Predicate, ...]:
    """The predicates that must all hold."""
    if predicate is None:
        return ()
    return predicate.operands if isinstance(predicate, And) else (predicate,)


def fields_of(predicate: Predicate | None) -> frozenset[str]:
    """The fields that a predicate looks at."""
    if predicate is None:
        return frozenset()
    if isinstance(predicate, Count):
        return frozenset({predicate.component})
    if isinstance(predicate, Text):
        return frozenset({predicate.attribute})
    inner = (predicate.operand,) if isinstance(predicate, Not) else predicate.operands
    return frozenset().union(*(fields_of(operand) for operand in inner))


def counts_of(demand: Demand) -> tuple[Count | Total, ...]:
    """Everything in a demand that counts parts, in the order written."""
    found: list[Count | Total] = []
    for node_class in demand.classes:
        for predicate in (node_class.where, *node_class.prefer):
            found.extend(_counts(predicate))
        found.extend(node_class.totals)
    return tuple(sorted(found, key=lambda item: item.at))


def _counts(predicate: Predicate | None) -> tuple[Count, ...]:
    if isinstance(predicate, Count):
        return (predicate,)
    if isinstance(predicate, Not):
        return _counts(predicate.operand)
    if isinstance(predicate, And | Or):
        return tuple(count for operand in predicate.operands for count in _counts(operand))
    return ()
