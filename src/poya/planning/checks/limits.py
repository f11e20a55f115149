# SPDX-License-Identifier: Apache-2.0
"""What a service refuses by its length or emptiness."""

from __future__ import annotations

from collections.abc import Iterator

from poya.documents import Json
from poya.model.finding import Finding
from poya.planning.checks import Case

# CFS v3: V3ConfigurationData.name, maxLength 60; v2 takes longer ones.
MOST_CONFIGURATION_NAME = 60


def check(case: Case) -> Iterator[Finding]:
    """Names too long for CFS v3, and boot sets left without any node."""
    if case.inventory.capabilities.is_verbatim:
        return
    for entity in case.of_kind("configuration"):
        if len(entity.name) > MOST_CONFIGURATION_NAME and entity.action != "reuse":
            yield Finding(
                "name-too-long",
                "critical",
                f"CFS configuration {entity.name}",
                f"CFS takes names of at most {MOST_CONFIGURATION_NAME} characters.",
                evidence=f"{len(entity.name)} characters",
                remedy="Rename the configuration at the source.",
            )
    for entity in case.of_kind("template"):
        boot_sets = entity.body.get("boot_sets", {})
        for name in sorted(boot_sets):
            if not _has_nodes(boot_sets[name]):
                yield Finding(
                    "boot-set-without-nodes",
                    "critical",
                    f"boot set {name} of {entity.name}",
                    "No node list, group or role is left in it; BOS refuses such a boot set.",
                    remedy="Map at least one of its nodes with --nodes.",
                )


def _has_nodes(boot_set: Json) -> bool:
    keys = ("node_list", "node_groups", "node_roles_groups")
    return isinstance(boot_set, dict) and any(boot_set.get(key) for key in keys)
