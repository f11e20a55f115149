# SPDX-License-Identifier: Apache-2.0
"""Which node of the target takes the place of which node of the source."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from poya.model.finding import Finding
from poya.model.intent import NodeChoice
from poya.model.inventory import Inventory
from poya.model.names import sorted_xnames
from poya.model.records import Node
from poya.model.vcluster import VCluster

BOOTABLE = ("X86", "ARM")
_SHOWN = 6


@dataclass(frozen=True, slots=True)
class NodeMap:
    """The outcome: a partial function from source nodes to target nodes.

    Attributes:
        pairs: Source xname → target xname; identity where names stay.
        findings: What is wrong or notable with it.
        is_identity: No name changes.
        like: Target node that comes on top → the source node whose places it joins.
    """

    pairs: Mapping[str, str]
    findings: tuple[Finding, ...] = ()
    is_identity: bool = True
    like: Mapping[str, str] = field(default_factory=dict)

    def apply(self, xnames: Iterable[str]) -> list[str]:
        """The target names of these nodes; nodes without a counterpart are left out.

        Nodes that come on top join those that they are like.
        """
        asked = list(xnames)
        extra = [target for target, model in self.like.items() if model in asked]
        return [*(self.pairs[xname] for xname in asked if xname in self.pairs), *extra]


def map_nodes(vcluster: VCluster, inventory: Inventory, choice: NodeChoice | None) -> NodeMap:
    """Pair the vCluster's nodes with the target's.

    With no choice the names stay, and those that the target does not have are a critical finding.
    """
    sources = sorted_xnames(vcluster.xnames())
    if inventory.nodes is None:
        return NodeMap({xname: xname for xname in sources})
    if choice is None:
        return NodeMap({xname: xname for xname in sources}, _unknown(sources, inventory, vcluster))
    if choice.pairs:
        return _by_pairs(vcluster, inventory, choice)
    return _by_list(vcluster, inventory, choice.targets)


def _by_pairs(vcluster: VCluster, inventory: Inventory, choice: NodeChoice) -> NodeMap:
    pairs = choice.pairs
    sources = sorted_xnames(vcluster.xnames())
    used = {xname: pairs[xname] for xname in sources if xname in pairs}
    unmapped = [xname for xname in sources if xname not in pairs]
    findings = [
        *_unknown((*used.values(), *choice.like), inventory, vcluster),
        *(_without_counterpart if choice.is_partial else _unmapped)(unmapped, vcluster),
        *_strangers(sorted_xnames(pairs.keys() - set(sources)), vcluster),
        *choice.findings,
    ]
    return NodeMap(used, tuple(findings), is_identity=False, like=choice.like)


def _by_list(vcluster: VCluster, inventory: Inventory, targets: tuple[str, ...]) -> NodeMap:
    known = inventory.nodes or {}
    archs = source_archs(vcluster)
    sources = sorted_xnames(archs)
    free = {xname: _booted_as(known[xname]) for xname in targets if xname in known}
    # Nodes of unknown architecture come last, or they would take what another one needs.
    pairs = _pair_off([x for x in sources if archs[x]], archs, free)
    pairs |= _pair_off([x for x in sources if not archs[x]], archs, free)
    left_out = [f"{x} ({archs[x] or 'arch unknown'})" for x in sources if x not in pairs]
    findings = [
        *_unknown(targets, inventory, vcluster),
        *_without_counterpart(left_out, vcluster),
        *_surplus(list(free), vcluster),
    ]
    return NodeMap(pairs, tuple(findings), is_identity=False)


def _pair_off(
    sources: Sequence[str], archs: Mapping[str, str], free: dict[str, str]
) -> dict[str, str]:
    """Give each source the next free target of its architecture, taking that out of `free`."""
    queues: dict[str, deque[str]] = defaultdict(deque)
    for target, arch in free.items():
        queues[arch].append(target)
        queues[""].append(target)
    pairs: dict[str, str] = {}
    for source in sources:
        queue = queues[archs[source]]
        if queue:
            pairs[source] = queue.popleft()
            del free[pairs[source]]
    return pairs


def _booted_as(node: Node) -> str:
    """The architecture that BOS takes a node for: what HSM does not know counts as X86."""
    arch = node.arch.upper()
    return "X86" if arch in ("", "UNKNOWN") else arch


def source_archs(vcluster: VCluster) -> dict[str, str]:
    """Each node's architecture as BOS writes it; from the boot sets where HSM's is not known.

    Empty where nothing says it.
    """
    said: dict[str, set[str]] = defaultdict(set)
    for template in vcluster.templates:
        for boot_set in template.boot_sets:
            for xname in vcluster.booted_by(boot_set):
                said[xname].add((boot_set.arch or "X86").upper())
    return {x: _source_arch(vcluster.nodes.get(x), said[x]) for x in vcluster.xnames()}


def _source_arch(node: Node | None, said: set[str]) -> str:
    known = node.arch.upper() if node else ""
    if known not in BOOTABLE and len(said) == 1:
        (known,) = said
    return known if known in BOOTABLE else ""


def _unknown(
    xnames: tuple[str, ...], inventory: Inventory, vcluster: VCluster
) -> tuple[Finding, ...]:
    known: Mapping[str, Node] = inventory.nodes or {}
    missing = [xname for xname in xnames if xname not in known]
    if not missing:
        return ()
    return (
        Finding(
            id="node-unknown",
            severity="critical",
            subject=_subject(vcluster),
            message=f"{_nodes(missing)} of {vcluster.name} are unknown at {inventory.label}.",
            evidence=f"{shown(missing)} not among the {len(known)} nodes that its HSM knows",
            remedy="Name nodes of the target: --nodes x9000c1s0b0n0,… or --nodes FILE with "
            "a pair 'source target' a line.",
        ),
    )


def _unmapped(xnames: Sequence[str], vcluster: VCluster) -> tuple[Finding, ...]:
    if not xnames:
        return ()
    return (
        Finding(
            id="node-unmapped",
            severity="critical",
            subject=_subject(vcluster),
            message=f"The node mapping says nothing of {_nodes(xnames)}.",
            evidence=shown(xnames),
            remedy="Add a line for each to the mapping.",
        ),
    )


def _strangers(xnames: Sequence[str], vcluster: VCluster) -> tuple[Finding, ...]:
    if not xnames:
        return ()
    return (
        Finding(
            id="node-not-in-vcluster",
            severity="critical",
            subject=_subject(vcluster),
            message=f"The node mapping names {_nodes(xnames)} that the vCluster does not have.",
            evidence=shown(xnames),
            remedy="Correct the left side of these lines, or remove them.",
        ),
    )


def _without_counterpart(nodes: Sequence[str], vcluster: VCluster) -> tuple[Finding, ...]:
    if not nodes:
        return ()
    return (
        Finding(
            id="node-without-counterpart",
            severity="warning",
            subject=_subject(vcluster),
            message=f"{_nodes(nodes)} of the source will have no counterpart.",
            evidence=shown(nodes),
            remedy="Name more target nodes of that architecture, or accept a smaller vCluster.",
        ),
    )


def _surplus(xnames: Sequence[str], vcluster: VCluster) -> tuple[Finding, ...]:
    if not xnames:
        return ()
    return (
        Finding(
            id="node-surplus",
            severity="warning",
            subject=_subject(vcluster),
            message=f"{_nodes(xnames)} given with --nodes will not be used.",
            evidence=f"{shown(xnames)}: no source node of the same architecture is left",
            remedy="Leave them out, or accept that they stay as they are.",
        ),
    )


def _subject(vcluster: VCluster) -> str:
    return f"vCluster {vcluster.name}"


def _nodes(xnames: Sequence[str]) -> str:
    return f"{len(xnames)} node{'s' if len(xnames) != 1 else ''}"


def shown(names: Iterable[str]) -> str:
    """The first few names, and how many more there are."""
    listed = list(names)
    more = len(listed) - _SHOWN
    return ", ".join(listed[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
