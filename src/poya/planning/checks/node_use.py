# SPDX-License-Identifier: Apache-2.0
"""Target nodes that serve somebody else: management, tenants, other groups, running sessions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from poya.model.finding import Finding, Severity
from poya.planning.canonical import canonical_form
from poya.planning.checks import Case
from poya.planning.nodes import shown

_SEVERAL = {"s": "", "are": "are", "them": "them"}
_UP = ("Ready", "On", "Standby")


def check(case: Case) -> Iterator[Finding]:
    """Tell of nodes that a migration would take from somebody."""
    nodes = case.targets()
    names = {node.xname for node in nodes}
    if not names:
        return
    stand = case.inventory.circumstances
    management = [n.xname for n in nodes if n.role.lower() == "management"]
    yield from _told(
        case,
        ("node-management", "critical"),
        management,
        "run{s} CSM itself: booting {them} would take the site down.",
    )
    empty = [node.xname for node in nodes if node.state == "Empty"]
    yield from _told(case, ("node-empty", "warning"), empty, "{are} empty to HSM.")
    reserved = sorted(names & stand.reserved)
    yield from _told(case, ("node-reserved", "warning"), reserved, "{are} reserved by a service.")
    busy = [f"{x} ({stand.busy[x]})" for x in sorted(names & stand.busy.keys())]
    yield from _told(
        case, ("node-busy", "warning"), busy, "{are} being worked on by a BOS session right now."
    )
    up = [node.xname for node in nodes if node.state in _UP]
    yield from _told(
        case, ("node-up", "info"), up, "{are} up; what runs there ends at the next boot."
    )
    yield from _in_groups(case, names)


def _told(
    case: Case, kind: tuple[str, Severity], nodes: list[str], message: str
) -> Iterator[Finding]:
    if nodes:
        is_one = len(nodes) == 1
        words = {"s": "s", "are": "is", "them": "it"} if is_one else _SEVERAL
        noun = "node" if is_one else "nodes"
        remedy = "" if kind[1] == "info" else "Choose others with --nodes."
        yield Finding(
            *kind,
            f"vCluster {case.vcluster.name}",
            f"{len(nodes)} {noun} at {case.inventory.label} {message.format_map(words)}",
            evidence=shown(nodes),
            remedy=remedy,
        )


def _in_groups(case: Case, names: set[str]) -> Iterator[Finding]:
    """Nodes that other groups of the target have: two vClusters would boot them in turn."""
    own = {entity.name for entity in case.of_kind("group")}
    shared: dict[str, list[str]] = defaultdict(list)
    for ref, document in case.inventory.entities.items():
        if ref.kind == "group" and ref.name not in own:
            members = canonical_form("group", document.value)["members"]
            for member in members if isinstance(members, list) else ():
                if member in names:
                    shared[ref.name].append(str(member))
    for label, nodes in sorted(shared.items()):
        yield Finding(
            "node-in-group",
            "warning",
            f"vCluster {case.vcluster.name}",
            f"The group {label} of {case.inventory.label} has {len(nodes)} of its nodes, too.",
            evidence=shown(nodes),
            remedy="Choose others with --nodes, or make sure that nobody boots that group.",
        )
