# SPDX-License-Identifier: Apache-2.0
"""Boot sets that boot by role: at another site the role has other nodes, perhaps all of them."""

from __future__ import annotations

from collections.abc import Iterator

from poya.model.finding import Finding
from poya.model.records import Node
from poya.planning.checks import Case
from poya.planning.nodes import shown


def check(case: Case) -> Iterator[Finding]:
    """Count the target's nodes that each role stands for."""
    for template, boot_set in case.boot_sets():
        for role in boot_set.node_roles_groups:
            nodes = [n for n in (case.inventory.nodes or {}).values() if _has(n, role)]
            foreign = sorted({n.xname for n in nodes} - set(case.nodes.pairs.values()))
            if foreign and not case.inventory.capabilities.is_verbatim:
                yield Finding(
                    "boot-set-by-role",
                    "warning",
                    f"boot set {boot_set.name} of {template.name}",
                    f"It boots every node of the role {role}: at {case.inventory.label} "
                    f"{len(foreign)} that are not the vCluster's.",
                    evidence=shown(foreign),
                    remedy="Boot by group instead: patch node_roles_groups away in a mapping, or "
                    "always give a limit to its sessions.",
                )


def _has(node: Node, role: str) -> bool:
    """BOS names a role `Compute`, or with its sub-role `Application_UAN`."""
    wanted = role.lower()
    return wanted in (node.role.lower(), f"{node.role}_{node.subrole}".lower())
