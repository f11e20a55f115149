# SPDX-License-Identifier: Apache-2.0
"""Records of BSS for roles and for everybody: nodes boot and are set up with them, too.

BSS merges the cloud-init data of `Global` and of a node's role into its own, and boots a node
without a record by its role's or by `Default`. None of these moves with a vCluster.
"""

from __future__ import annotations

from collections.abc import Iterator

from poya.model.finding import Finding
from poya.planning.checks import Case


def check(case: Case) -> Iterator[Finding]:
    """Tell which ones the nodes had, and which of them the target lacks."""
    if case.inventory.capabilities.is_verbatim:
        return
    here = sorted({h for record in case.vcluster.surroundings.shared_boots for h in record.hosts})
    there = case.inventory.circumstances.shared_boots
    lacking = [host for host in here if host not in there]
    # Every site has a record Global of its own, for what is the site's.
    if lacking or set(here) - {"Global"}:
        yield Finding(
            "shared-boot-record",
            "info",
            f"vCluster {case.vcluster.name}",
            "Its nodes also get boot parameters or cloud-init data that BSS keeps for roles or "
            "for everybody; they are not brought.",
            evidence=f"{', '.join(here)} at {case.vcluster.site}; "
            + (
                f"{case.inventory.label} lacks {', '.join(lacking)}"
                if lacking
                else f"{case.inventory.label} has its own of the same names"
            ),
            remedy="Compare them: poya get boot-parameters, at both sites.",
        )
