# SPDX-License-Identifier: Apache-2.0
"""What HSM's exclusive groups forbid: a member in two of them, and leaving one by a change."""

from __future__ import annotations

from collections.abc import Iterator

from poya.documents import JsonObject
from poya.model.finding import Finding
from poya.model.plan import EntityPlan
from poya.planning.canonical import canonical_form
from poya.planning.checks import Case
from poya.planning.nodes import shown


def check(case: Case) -> Iterator[Finding]:
    """Compare each planned group with the target's groups that exclude it."""
    if case.inventory.capabilities.is_verbatim:
        return
    held = case.inventory.entities.items()
    present = [canonical_form("group", d.value) for ref, d in held if ref.kind == "group"]
    for entity in case.of_kind("group"):
        form = canonical_form("group", entity.body)
        exclusive = form["exclusiveGroup"]
        rivals = [g for g in present if exclusive and g["exclusiveGroup"] == exclusive]
        for rival in rivals:
            if rival["label"] != entity.name:
                yield from _shared_members(entity, form, rival)
        if entity.action == "change":
            yield from _changed_exclusion(entity)


def _shared_members(entity: EntityPlan, form: JsonObject, rival: JsonObject) -> Iterator[Finding]:
    both = sorted(_members(form) & _members(rival))
    if both:
        yield Finding(
            "exclusive-group",
            "critical",
            f"HSM group {entity.name}",
            f"Nodes are in the group {rival['label']}, which excludes them from this one.",
            evidence=f"exclusive group '{form['exclusiveGroup']}': {shown(both)}",
            remedy=f"Take them out of {rival['label']}, or choose others with --nodes.",
        )


def _changed_exclusion(entity: EntityPlan) -> Iterator[Finding]:
    """HSM's PATCH of a group takes description and tags only (SMD 2.45)."""
    change = next((c for c in entity.changes if c.pointer == "/exclusiveGroup"), None)
    if change is not None:
        yield Finding(
            "exclusive-group-fixed",
            "critical",
            f"HSM group {entity.name}",
            "HSM cannot change the exclusive group of a group that exists.",
            evidence=f"it is {change.before}, planned {change.after}",
            remedy="--on-conflict group=rename makes another group.",
        )


def _members(form: JsonObject) -> set[str]:
    members = form["members"]
    return {str(member) for member in members} if isinstance(members, list) else set()
