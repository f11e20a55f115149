# SPDX-License-Identifier: Apache-2.0
"""Members that another group with the same exclusive group already has: HSM answers 409."""

from __future__ import annotations

from collections.abc import Iterator

from poya.model.finding import Finding
from poya.model.records import Group
from poya.planning.canonical import canonical_form
from poya.planning.checks import Case
from poya.planning.nodes import shown


def check(case: Case) -> Iterator[Finding]:
    """Compare each planned group with the target's groups that exclude it."""
    present = [Group.of(d) for ref, d in case.inventory.entities.items() if ref.kind == "group"]
    for entity in case.of_kind("group"):
        form = canonical_form("group", entity.body)
        exclusive = str(form["exclusiveGroup"])
        members = form["members"]
        wanted = {str(member) for member in members} if isinstance(members, list) else set()
        for group in present:
            both = sorted(wanted & set(group.members))
            same = group.exclusive_group.lower() == exclusive and group.label != entity.name
            if exclusive and same and both:
                yield Finding(
                    "exclusive-group",
                    "critical",
                    f"HSM group {entity.name}",
                    f"Nodes are in the group {group.label}, which excludes them from this one.",
                    evidence=f"exclusive group '{exclusive}': {shown(both)}",
                    remedy=f"Take them out of {group.label}, or choose others with --nodes.",
                )
