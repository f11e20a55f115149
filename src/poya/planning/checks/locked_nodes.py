# SPDX-License-Identifier: Apache-2.0
"""Target nodes that are locked or disabled: they can join a group, and will not boot."""

from __future__ import annotations

from collections.abc import Iterator

from poya.model.finding import Finding
from poya.planning.checks import Case
from poya.planning.nodes import shown


def check(case: Case) -> Iterator[Finding]:
    """Tell of nodes that HSM has locked or disabled."""
    known = case.inventory.nodes or {}
    nodes = [known[name] for name in sorted(set(case.nodes.pairs.values())) if name in known]
    for state, names in (
        ("locked", [node.xname for node in nodes if node.is_locked]),
        ("disabled", [node.xname for node in nodes if not node.is_enabled]),
    ):
        if names:
            yield Finding(
                f"node-{state}",
                "warning",
                f"vCluster {case.vcluster.name}",
                f"{len(names)} of its nodes at the target {'is' if len(names) == 1 else 'are'} "
                f"{state} in HSM.",
                evidence=shown(names),
                remedy="Choose others with --nodes, or accept that these will not boot.",
            )
