# SPDX-License-Identifier: Apache-2.0
"""From nodes that run to the demand that they fulfil."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from poya.model.names import sorted_xnames
from poya.placement.facts import NodeFacts, Shape
from poya.placement.predicates import RESERVED
from poya.placement.syntax import (
    ACCELERATORS,
    HSN,
    MEMORY,
    MEMORY_UNIT_MIB,
    PROCESSORS,
    And,
    Count,
    Demand,
    NodeClass,
    Predicate,
    Text,
)

_KNOWN_ARCHITECTURES = ("x86", "arm")
_NOT_IN_NAMES = re.compile(r"[^a-z0-9_.-]+")


@dataclass(frozen=True, slots=True)
class Derived:
    """A demand, and which node stands for which class of it."""

    demand: Demand
    members: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, order=True)
class _Alike:
    """What the nodes of one class have in common."""

    accelerators: tuple[tuple[str, int], ...]
    parts: tuple[tuple[str, int], ...]
    memory_mib: int
    arch: str
    role: str
    subrole: str


def derive_demand(nodes: Iterable[NodeFacts]) -> Derived:
    """What nodes like these are: a class for each combination of parts, memory, arch and role.

    Interfaces and models are only preferred: sites differ in them, and software seldom cares.
    Memory is rounded down to a multiple of 16 GiB.
    """
    groups: dict[_Alike, list[NodeFacts]] = defaultdict(list)
    for node in nodes:
        groups[_alike(node)].append(node)
    classes: list[NodeClass] = []
    members: dict[str, tuple[str, ...]] = {}
    for alike, found in sorted(groups.items()):
        name = _unused(_name(alike), members)
        classes.append(_class(name, alike, found))
        members[name] = sorted_xnames(node.xname for node in found)
    return Derived(Demand(tuple(classes)), members)


def _alike(node: NodeFacts) -> _Alike:
    shape = node.shape
    named = dict(shape.narrowest)
    accelerators = {n: c for n, c in named.items() if n in shape.accelerator_names}
    others = {n: c for n, c in named.items() if n not in accelerators and not _is_nic(n, shape)}
    _add_unnamed(accelerators, ACCELERATORS, shape.accelerators)
    _add_unnamed(others, PROCESSORS, shape.processors)
    return _Alike(
        accelerators=tuple(sorted(accelerators.items())),
        parts=tuple(sorted(others.items())),
        memory_mib=shape.memory_mib // MEMORY_UNIT_MIB * MEMORY_UNIT_MIB,
        arch=node.arch if node.arch.lower() in _KNOWN_ARCHITECTURES else "",
        role=node.role,
        subrole=node.subrole,
    )


def _is_nic(name: str, shape: Shape) -> bool:
    return name in shape.nic_names


def _add_unnamed(named: dict[str, int], generic: str, total: int) -> None:
    """Parts that the table does not know are demanded by their sort."""
    if total > sum(named.values()):
        named[generic] = total


def _class(name: str, alike: _Alike, nodes: list[NodeFacts]) -> NodeClass:
    least = {**dict(alike.accelerators), **dict(alike.parts)}
    required: list[Predicate] = [Count(part, ">=", number) for part, number in least.items()]
    if alike.memory_mib:
        required.append(Count(MEMORY, ">=", alike.memory_mib))
    words = (("arch", alike.arch), ("role", alike.role), ("subrole", alike.subrole))
    required += [Text(attribute, (word,)) for attribute, word in words if word]
    if not alike.accelerators:
        required.append(Count(ACCELERATORS, "=", 0))
    interfaces = min(node.shape.hsn for node in nodes)
    return NodeClass(
        name,
        nodes=len(nodes),
        where=And(tuple(required)) if len(required) > 1 else required[0],
        same=("model",) if len(nodes) > 1 else (),
        prefer=(Count(HSN, ">=", interfaces),) if interfaces else (),
    )


def _name(alike: _Alike) -> str:
    said = alike.subrole or next((n for n, _ in (*alike.accelerators, *alike.parts)), "nodes")
    name = _NOT_IN_NAMES.sub("-", said.lower()).lstrip("-._0123456789") or "nodes"
    return f"{name}-nodes" if name in RESERVED and name != "nodes" else name


def _unused(name: str, taken: Mapping[str, object]) -> str:
    number, candidate = 1, name
    while candidate in taken:
        number += 1
        candidate = f"{name}-{number}"
    return candidate
