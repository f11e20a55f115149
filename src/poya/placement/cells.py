# SPDX-License-Identifier: Apache-2.0
"""Blades that are as good as each other, counted instead of listed.

A machine has thousands of nodes and few kinds of them. Nodes that no requirement tells apart are
of one kind; blades of one cabinet that hold the same kinds make a cell. The integer program
speaks of cells, so its size is that of the machine's variety.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from poya.placement.causes import Cause, requirements
from poya.placement.facts import Machine, NodeFacts, Shape, cabinet_of
from poya.placement.holding import Asker, is_member, reasons
from poya.placement.matching import amount, lower_bounds, matches
from poya.placement.syntax import (
    ACCELERATORS,
    MEMORY,
    MEMORY_UNIT_MIB,
    Demand,
    NodeClass,
    Predicate,
)

MANAGEMENT = "management"


@dataclass(frozen=True, slots=True)
class Merit:
    """What a node is to one class.

    Attributes:
        truths: A bit for each requirement that it fulfils.
        amounts: How much it has of each total.
        missed: How many preferences it misses.
        surplus: Accelerators, and memory in pieces of 16 GiB, beyond what is asked for.
    """

    truths: int
    amounts: tuple[int, ...]
    missed: int
    surplus: int


@dataclass(frozen=True, slots=True)
class Kind:
    """All that the program knows of a node.

    Attributes:
        merits: One for each class of the demand.
        same: Its model and firmware where a class cares, else empty.
        reasons: What keeps it from being taken, less what is accepted.
        is_waived: It has a reason, and that is accepted.
    """

    merits: tuple[Merit, ...]
    same: tuple[tuple[str, str], ...]
    reasons: tuple[str, ...]
    is_waived: bool
    is_member: bool
    is_management: bool


@dataclass(frozen=True, slots=True)
class Blade:
    """A blade: its nodes, each with the index of its kind."""

    name: str
    nodes: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """Alike blades of one cabinet.

    Attributes:
        holds: (index of a kind, how many nodes of it a blade has), sorted.
        blades: In the order of the machine.
    """

    cabinet: str
    holds: tuple[tuple[int, int], ...]
    blades: tuple[Blade, ...]


@dataclass(frozen=True, slots=True)
class Field:
    """A machine as one demand sees it."""

    kinds: tuple[Kind, ...]
    cells: tuple[Cell, ...]
    members: int


def survey_field(demand: Demand, machine: Machine, asker: Asker) -> Field:
    """Sort the machine's nodes into kinds and its blades into cells."""
    sorter = _Sorter(demand, machine, asker)
    blades: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for node in machine.nodes:
        blades[node.blade].append((sorter.kind_of(node), node.xname))
    listed = [Blade(name, tuple(nodes)) for name, nodes in blades.items()]
    return Field(tuple(sorter.index), _cells(listed), sorter.members)


class _Sorter:
    """Finds each node's kind; nodes that look alike are judged once."""

    def __init__(self, demand: Demand, machine: Machine, asker: Asker) -> None:
        self._judge = _Judge(demand)
        self._machine = machine
        self._asker = asker
        self._cares = sorted({same for node_class in demand.classes for same in node_class.same})
        self._seen: dict[object, int] = {}
        self.index: dict[Kind, int] = {}
        self.members = 0

    def kind_of(self, node: NodeFacts) -> int:
        """The index of the node's kind."""
        held = reasons(node, self._machine, self._asker)
        member = is_member(node, self._asker)
        self.members += member
        # The shape stands in by its identity: the machine holds it, and hashing it is slow.
        looks = (id(node.shape), node.cabinet, _words(node), held, member)
        found = self._seen.get(looks)
        if found is None:
            kind = self._kind(node, held, is_in_group=member)
            found = self._seen[looks] = self.index.setdefault(kind, len(self.index))
        return found

    def _kind(self, node: NodeFacts, held: tuple[str, ...], *, is_in_group: bool) -> Kind:
        accepted = self._asker.accepted
        return Kind(
            merits=self._judge.merits(node),
            same=tuple((c, str(getattr(node.shape, c))) for c in self._cares),
            reasons=tuple(reason for reason in held if reason not in accepted),
            is_waived=any(reason in accepted for reason in held),
            is_member=is_in_group,
            is_management=node.role.lower() == MANAGEMENT,
        )


def _words(node: NodeFacts) -> tuple[str, ...]:
    return (node.arch, node.role, node.subrole, node.state, node.hardware_class)


def _cells(blades: list[Blade]) -> tuple[Cell, ...]:
    found: dict[tuple[str, tuple[tuple[int, int], ...]], list[Blade]] = defaultdict(list)
    for blade in blades:
        counts: dict[int, int] = defaultdict(int)
        for kind, _ in blade.nodes:
            counts[kind] += 1
        found[cabinet_of(blade.name), tuple(sorted(counts.items()))].append(blade)
    return tuple(Cell(*key, tuple(alike)) for key, alike in found.items())


class _Judge:
    """Judges nodes for each class; nodes of one shape and one kind of words only once."""

    def __init__(self, demand: Demand) -> None:
        self._classes = [(c, requirements(c), lower_bounds(c.where)) for c in demand.classes]
        self._known: dict[object, tuple[Merit, ...]] = {}

    def merits(self, node: NodeFacts) -> tuple[Merit, ...]:
        """What the node is to each class."""
        key = (node.shape, node.cabinet, _words(node))
        if key not in self._known:
            self._known[key] = tuple(self._merit(node, *each) for each in self._classes)
        return self._known[key]

    def _merit(
        self,
        node: NodeFacts,
        node_class: NodeClass,
        required: tuple[Predicate, ...],
        bounds: Mapping[str, int],
    ) -> Merit:
        truths = sum(1 << i for i, part in enumerate(required) if matches(part, node))
        return Merit(
            truths=truths,
            amounts=tuple(amount(node.shape, t.component) for t in node_class.totals),
            missed=sum(not matches(wish, node) for wish in node_class.prefer),
            surplus=surplus_of(node.shape, node_class, bounds),
        )


def surplus_of(shape: Shape, node_class: NodeClass, bounds: Mapping[str, int]) -> int:
    """Accelerators, and pieces of 16 GiB of memory, that a node has beyond what is asked of it.

    Of a class with totals, what it has of them counts whole: the amounts are taken off the sum.
    """
    if node_class.totals:
        asked = {total.component for total in node_class.totals}
        counted = sum(pieces(c, amount(shape, c)) for c in asked)
        is_asked = asked & {ACCELERATORS, *shape.accelerator_names}
        return counted + (0 if is_asked else shape.accelerators)
    names = (ACCELERATORS, *shape.accelerator_names)
    wanted = max((bounds.get(name, 0) for name in names), default=0)
    extra = max(0, shape.accelerators - wanted)
    if MEMORY in bounds:
        extra += max(0, shape.memory_mib - bounds[MEMORY]) // MEMORY_UNIT_MIB
    return extra


def pieces(component: str, value: int) -> int:
    """An amount as surplus counts it: parts, or pieces of 16 GiB."""
    return value // MEMORY_UNIT_MIB if component == MEMORY else value


@dataclass(frozen=True, slots=True)
class ReducedKind:
    """A kind as far as a program with some requirements lifted must tell it from others."""

    fits: tuple[int, ...]
    merits: tuple[tuple[tuple[int, ...], int, int], ...]
    same: tuple[tuple[str, str], ...]
    is_waived: bool
    is_member: bool


USELESS = -1


@dataclass(frozen=True, slots=True)
class ReducedField:
    """Cells merged as far as they are alike under the requirements that stand.

    Attributes:
        reduced: For each kind of the field, the index of its reduced kind, or USELESS.
    """

    kinds: tuple[ReducedKind, ...]
    cells: tuple[Cell, ...]
    reduced: tuple[int, ...]
    useful_members: int


def reduce_field(field: Field, demand: Demand, lifted: frozenset[Cause]) -> ReducedField:
    """Leave out the requirements that are lifted, and merge what is then alike."""
    index: dict[ReducedKind, int] = {}
    reduced: list[int] = []
    masks = [_mask(node_class, lifted) for node_class in demand.classes]
    for kind in field.kinds:
        one = _reduced(kind, demand, masks, lifted)
        reduced.append(index.setdefault(one, len(index)) if one.fits else USELESS)
    merged: dict[tuple[str, tuple[tuple[int, int], ...]], list[Blade]] = defaultdict(list)
    useful_members = 0
    for cell in field.cells:
        counts: dict[int, int] = defaultdict(int)
        for kind_index, number in cell.holds:
            counts[reduced[kind_index]] += number
            if field.kinds[kind_index].is_member and reduced[kind_index] != USELESS:
                useful_members += number * len(cell.blades)
        holds = tuple(sorted(counts.items()))
        if any(kind_index != USELESS for kind_index, _ in holds):
            merged[cell.cabinet, holds].extend(cell.blades)
    cells = tuple(Cell(*key, tuple(alike)) for key, alike in merged.items())
    return ReducedField(tuple(index), cells, tuple(reduced), useful_members)


def _mask(node_class: NodeClass, lifted: frozenset[Cause]) -> int:
    required = range(len(requirements(node_class)))
    return sum(1 << i for i in required if Cause("where", node_class.name, i) not in lifted)


def _reduced(
    kind: Kind, demand: Demand, masks: list[int], lifted: frozenset[Cause]
) -> ReducedKind:
    standing = (r for r in kind.reasons if Cause("excluded", r) not in lifted)
    is_out = kind.is_management or any(True for _ in standing)
    fits: list[int] = []
    merits: list[tuple[tuple[int, ...], int, int]] = []
    if not is_out:
        for i, (node_class, merit) in enumerate(zip(demand.classes, kind.merits, strict=True)):
            has_some = any(merit.amounts) or not node_class.totals
            if merit.truths & masks[i] == masks[i] and has_some:
                fits.append(i)
                merits.append((merit.amounts, merit.missed, merit.surplus))
    same = kind.same if fits else ()
    return ReducedKind(tuple(fits), tuple(merits), same, kind.is_waived, kind.is_member)
