# SPDX-License-Identifier: Apache-2.0
"""Plan how a group comes to the nodes that were chosen for it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from poya.documents import Document
from poya.errors import NotFound, UsageError
from poya.migration.placing import held_findings
from poya.model.finding import Finding
from poya.model.plan import Plan
from poya.model.records import EntityRef
from poya.placement.facts import Machine
from poya.placement.holding import Asker, group_of, reasons
from poya.placement.placing import Placement
from poya.planning.nodes import shown
from poya.planning.regrouping import Regrouping, plan_regrouping
from poya.sites.base import Target


@dataclass(frozen=True, slots=True)
class Change:
    """A group and the nodes that it shall have.

    Attributes:
        makes: The group is to be made; else it is there.
    """

    label: str
    makes: bool
    asker: Asker
    placement: Placement
    description: str = ""
    exclusive_group: str = ""


async def plan_change(target: Target, machine: Machine, change: Change) -> Plan:
    """Read the groups concerned, and plan what becomes of them.

    Raises:
        NotFound: The group is not there, or a pool.
        UsageError: The group that is to be made is there already.
    """
    present = await target.read(EntityRef("group", change.label))
    _check(target.label, change, present)
    first = Regrouping(
        change.label,
        present,
        change.placement.joining,
        change.placement.leaving,
        change.description,
        change.exclusive_group,
    )
    others = await _others(target, machine, change)
    locked = {node.xname for node in machine.nodes if node.is_locked}
    moving = {*change.placement.joining, *change.placement.leaving}
    findings = [*held_findings(_subject(change), change.placement, machine, change.asker)]
    findings += _findings(machine, change)
    return plan_regrouping((target.label, ""), first, others, moving - locked, findings)


def _check(site: str, change: Change, present: Document | None) -> None:
    if present is None and not change.makes:
        raise NotFound(
            f"{site} has no HSM group '{change.label[:60]}'.",
            todo=f"poya group create {change.label} DEMAND makes it.",
        )
    if present is not None and change.makes:
        raise UsageError(
            f"{site} has an HSM group '{change.label}' already.",
            todo=f"poya group resize {change.label} DEMAND changes who is in it.",
        )


async def _others(target: Target, machine: Machine, change: Change) -> list[Regrouping]:
    """The groups that joining nodes leave, and the pool that leaving nodes go to."""
    leaving: dict[str, list[str]] = defaultdict(list)
    for xname in change.placement.joining:
        node = machine.by_xname[xname]
        held_by = {group_of(reason) for reason in reasons(node, machine, change.asker)}
        for label in node.groups:
            if label in change.asker.pools or label in held_by:
                leaving[label].append(xname)
    found = [
        Regrouping(label, await _group(target, label), leaving=tuple(xnames))
        for label, xnames in sorted(leaving.items())
    ]
    released = change.placement.leaving
    if released and len(change.asker.pools) == 1:
        (pool,) = change.asker.pools
        taken = tuple(leaving.get(pool, ()))
        found = [each for each in found if each.label != pool]
        found.append(Regrouping(pool, await _group(target, pool), released, taken))
    return found


async def _group(target: Target, label: str) -> Document:
    document = await target.read(EntityRef("group", label))
    if document is None:
        raise NotFound(f"{target.label} has no HSM group '{label[:60]}'.")
    return document


def _findings(machine: Machine, change: Change) -> Iterator[Finding]:
    placement = change.placement
    booting = machine.booted_by.get(change.label, ())
    if booting and placement.joining:
        yield Finding(
            "group-booted",
            "info",
            _subject(change),
            "Nodes that join are booted by the next session of its templates, not now.",
            evidence=shown(booting),
        )
    if placement.leaving:
        yield Finding(
            "node-leaves",
            "warning" if booting else "info",
            _subject(change),
            "Nodes that leave go on running what they booted, until something else boots them.",
            evidence=shown(placement.leaving),
            remedy="Drain them first where jobs may run there.",
        )


def _subject(change: Change) -> str:
    return f"HSM group {change.label}"
