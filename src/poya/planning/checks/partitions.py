# SPDX-License-Identifier: Apache-2.0
"""HSM partitions: they stay behind, and divide the target's nodes as its administrators want."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from poya.model.finding import Finding
from poya.planning.checks import Case
from poya.planning.nodes import shown

_NONE = "no partition"


def check(case: Case) -> Iterator[Finding]:
    """Compare how both sites divide the vCluster's nodes."""
    if case.inventory.capabilities.is_verbatim:
        return
    here = _divided(case.vcluster.xnames(), case.vcluster.surroundings.partitions)
    targets = [node.xname for node in case.targets()]
    there = _divided(targets, case.inventory.circumstances.partitions)
    subject = f"vCluster {case.vcluster.name}"
    if len(there) > max(1, len(here)):
        yield Finding(
            "partition-split",
            "warning",
            subject,
            f"Its nodes at {case.inventory.label} are in {len(there)} HSM partitions.",
            evidence=_in_words(there),
            remedy="Choose nodes of one partition with --nodes.",
        )
    kept = {name: nodes for name, nodes in here.items() if name != _NONE}
    if kept:
        yield Finding(
            "partition-not-brought",
            "info",
            subject,
            f"HSM partitions of {case.vcluster.site} hold its nodes; partitions are not brought.",
            evidence=_in_words(kept),
            remedy="Where the vCluster needs one at the target, have its administrators add the "
            "nodes to it.",
        )


def _divided(xnames: Iterable[str], partitions: Mapping[str, str]) -> dict[str, list[str]]:
    divided: dict[str, list[str]] = defaultdict(list)
    for xname in xnames:
        divided[partitions.get(xname, _NONE)].append(xname)
    return dict(sorted(divided.items()))


def _in_words(divided: Mapping[str, list[str]]) -> str:
    return "; ".join(f"{name}: {shown(nodes)}" for name, nodes in divided.items())
