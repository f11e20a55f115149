# SPDX-License-Identifier: Apache-2.0
"""Why a node cannot be had: locked, reserved, disabled, somebody else's, at work.

Each reason has an id, which `--accept` takes, and words. A member of the group concerned is
there already: nothing of this keeps it from staying.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from poya.placement.facts import Machine, NodeFacts

LOCKED = "locked"
RESERVED = "reserved"
DISABLED = "disabled"
UNINVENTORIED = "no-inventory"
OUTSIDE_POOL = "outside-pool"
_GROUP, _TENANT, _TEMPLATE, _RUNNING = "group:", "tenant:", "template:", "running:"
_WORDS = {
    LOCKED: "locked",
    RESERVED: "reserved",
    DISABLED: "disabled",
    UNINVENTORIED: "without hardware inventory",
    OUTSIDE_POOL: "outside the pool",
}


@dataclass(frozen=True, slots=True)
class Asker:
    """For whom nodes are looked for, and what is accepted.

    Attributes:
        group: The label of the HSM group that is to have them; its members are ours already.
        templates: Our own session templates; what they name or run is not held by them.
        pools: Groups whose nodes are there to be taken; with any named, only those are taken.
        shared: Globs of groups that say nothing of who uses a node (`all`, `x86-*`).
        accepted: Ids of reasons that do not count.
    """

    group: str = ""
    tenant: str = ""
    templates: frozenset[str] = frozenset()
    pools: frozenset[str] = frozenset()
    shared: tuple[str, ...] = ()
    accepted: frozenset[str] = field(default_factory=frozenset)


_REASON = re.compile(
    r"locked|reserved|disabled|no-inventory|outside-pool|(?:group|tenant|template|running):\S+"
)


def is_reason(text: str) -> bool:
    """Say whether the text is the id of a reason."""
    return _REASON.fullmatch(text) is not None


def is_member(node: NodeFacts, asker: Asker) -> bool:
    """Say whether the node is in the group already."""
    return bool(asker.group) and asker.group in node.groups


def reasons(node: NodeFacts, machine: Machine, asker: Asker) -> tuple[str, ...]:
    """The ids of everything that keeps the node from being taken, accepted or not, sorted."""
    if is_member(node, asker) or _is_free(node, asker):
        return ()
    plain = (
        (LOCKED, node.is_locked),
        (RESERVED, node.is_reserved),
        (DISABLED, not node.is_enabled),
        (UNINVENTORIED, not node.shape.is_inventoried),
        (OUTSIDE_POOL, bool(asker.pools) and not asker.pools.intersection(node.groups)),
    )
    found = [name for name, holds in plain if holds]
    if node.tenant and node.tenant != asker.tenant:
        found.append(f"{_TENANT}{node.tenant}")
    groups = [label for label in node.groups if _holds(label, asker)]
    found += [f"{_GROUP}{label}" for label in groups]
    found += _of_templates(node, machine, asker, groups)
    return tuple(sorted(found))


def _of_templates(
    node: NodeFacts, machine: Machine, asker: Asker, groups: Iterable[str]
) -> Iterable[str]:
    """One holder, one reason: what a holding group boots is not named again."""
    spared = set(_own_templates(machine, asker))
    spared.update(name for label in groups for name in machine.booted_by.get(label, ()))
    for name in node.running:
        if name not in spared:
            yield f"{_RUNNING}{name}"
    for name in node.templates:
        if name not in spared and name not in node.running:
            yield f"{_TEMPLATE}{name}"


def claims(node: NodeFacts, machine: Machine, asker: Asker) -> tuple[str, ...]:
    """Templates that boot the node with others of its role or group, and do not run on it."""
    if is_member(node, asker):
        return ()
    own = _own_templates(machine, asker)
    return tuple(name for name in node.selected_by if name not in {*own, *node.running})


def claimed(xnames: Iterable[str], machine: Machine, asker: Asker) -> dict[str, tuple[str, ...]]:
    """Template → which of these nodes its next session would boot, although it runs on none."""
    found: dict[str, list[str]] = {}
    for xname in xnames:
        for name in claims(machine.by_xname[xname], machine, asker):
            found.setdefault(name, []).append(xname)
    return {name: tuple(found[name]) for name in sorted(found)}


def _own_templates(machine: Machine, asker: Asker) -> frozenset[str]:
    return asker.templates.union(machine.booted_by.get(asker.group, ()))


def _is_free(node: NodeFacts, asker: Asker) -> bool:
    """Whether nothing at all is to be said of the node; so it is with most, and this is quick."""
    return not (
        node.is_locked
        or node.is_reserved
        or node.groups
        or node.templates
        or node.running
        or node.tenant
        or asker.pools
    ) and (node.is_enabled and node.shape.is_inventoried)


def group_of(reason: str) -> str:
    """The group that a reason names; empty for other reasons."""
    return reason.removeprefix(_GROUP) if reason.startswith(_GROUP) else ""


def words_of(reason: str) -> str:
    """A reason as people read it: `4 are …`."""
    for prefix, words in (
        (_GROUP, "in group"),
        (_TENANT, "of tenant"),
        (_TEMPLATE, "listed by template"),
        (_RUNNING, "running"),
    ):
        if reason.startswith(prefix):
            return f"{words} {reason.removeprefix(prefix)}"
    return _WORDS[reason]


def _holds(label: str, asker: Asker) -> bool:
    if label == asker.group or label in asker.pools:
        return False
    return not any(fnmatch.fnmatchcase(label, glob) for glob in asker.shared)
