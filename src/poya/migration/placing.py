# SPDX-License-Identifier: Apache-2.0
"""Choose a vCluster's nodes at the target by what they are made of."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from poya import transfer
from poya.errors import FindingsRefuse, PoyaError, UsageError
from poya.model.finding import Finding
from poya.model.intent import Intent, NodeChoice
from poya.model.records import Node
from poya.model.vcluster import Hardware, Selector, VCluster
from poya.placement.deriving import Derived, derive_demand
from poya.placement.explaining import Explanation, explain
from poya.placement.facts import Machine, NodeFacts
from poya.placement.holding import Asker, claimed, is_reason, reasons, words_of
from poya.placement.pairing import Pairing, classify, pair
from poya.placement.parsing import parse_demand
from poya.placement.placing import Placement, placements
from poya.placement.printing import print_demand
from poya.placement.syntax import Demand
from poya.placement.wording import (
    costs_in_words,
    remedies_in_words,
    unknown_names,
    why_in_words,
)
from poya.planning.nodes import shown, source_archs
from poya.settings import PlacementSettings
from poya.sites.base import Source

AUTO = "auto"


@dataclass(frozen=True, slots=True)
class Ground:
    """What nodes are chosen from.

    Attributes:
        source: The machine that the vCluster runs on; None where only a bundle of it is at hand.
        rules: What the configuration says of the target.
    """

    source: Machine | None
    target: Machine
    rules: PlacementSettings


class HardwareNoted:
    """A source that also says what the nodes of a vCluster are made of."""

    def __init__(self, source: Source, machine: Callable[[], Awaitable[Machine]]) -> None:
        self._source = source
        self._machine = machine

    @property
    def label(self) -> str:
        """As the source's."""
        return self._source.label

    async def capture(self, selector: Selector) -> VCluster:
        """Capture, and derive the demand that the nodes fulfil; what cannot be asked is noted."""
        vcluster = await self._source.capture(selector)
        try:
            machine = await self._machine()
        except PoyaError as error:
            around = vcluster.surroundings
            unasked = (*around.unasked, f"what the nodes are made of: {error.what}")
            return replace(vcluster, surroundings=replace(around, unasked=unasked))
        members = set(vcluster.xnames())
        known = [node for node in machine.nodes if node.xname in members]
        if not known:
            return vcluster
        derived = derive_demand(known)
        hardware = Hardware(print_demand(derived.demand), derived.members)
        return replace(vcluster, hardware=hardware)

    async def readable(self, path: str) -> transfer.Source:
        """As the source's."""
        return await self._source.readable(path)


def choose_nodes(
    vcluster: VCluster, intent: Intent, ground: Ground, accepted: Iterable[str]
) -> Intent:
    """The intent with its demand turned into nodes.

    Args:
        accepted: What `--accept` names; ids of warnings among them do not concern nodes.

    Raises:
        UsageError: The demand cannot be read, or the source's hardware is not known.
        FindingsRefuse: The target cannot fulfil it; the error says why, and what would.
    """
    derived = _derived(vcluster, intent.demand, ground.source)
    demand = derived.demand
    asker = asker_of(
        ground.rules,
        group=_label(vcluster),
        accepted=[each for each in accepted if is_reason(each)],
        templates=[template.name for template in vcluster.templates],
    )
    placement = solve(demand, ground.target, asker)
    pairing = pair(_sources(vcluster), ground.target.by_xname, derived.members, placement)
    choice = NodeChoice(
        pairs=dict(pairing.pairs),
        like={target: model for target, model in pairing.extra.items() if model},
        is_partial=True,
        findings=tuple(_findings(vcluster, ground.target, asker, (placement, pairing))),
    )
    return replace(intent, nodes=choice, demand=print_demand(demand))


def asker_of(
    rules: PlacementSettings,
    *,
    group: str,
    accepted: Iterable[str],
    pools: Iterable[str] = (),
    templates: Iterable[str] = (),
) -> Asker:
    """For whom nodes are looked for.

    Raises:
        UsageError: A reason to be accepted is not one.
    """
    accepted = frozenset(accepted)
    for reason in sorted(accepted):
        if not is_reason(reason):
            raise UsageError(
                f"'{reason[:60]}' is no reason that keeps a node from being taken.",
                todo="Reasons are locked, reserved, disabled, no-inventory, outside-pool, "
                "group:LABEL, tenant:NAME, template:NAME and running:NAME.",
            )
    return Asker(
        group=group.lower(),
        templates=frozenset(templates),
        pools=frozenset(label.lower() for label in pools) or frozenset(rules.pools),
        shared=rules.shared_groups,
        accepted=accepted,
    )


def solve(demand: Demand, machine: Machine, asker: Asker) -> Placement:
    """The best placement.

    Raises:
        FindingsRefuse: There is none; the error says why, and what would be the least to change.
    """
    found = best(demand, machine, asker)
    if isinstance(found, Placement):
        return found
    raise refusal(demand, machine, found)


def best(demand: Demand, machine: Machine, asker: Asker) -> Placement | Explanation:
    """The best placement, or why there is none."""
    found = list(placements(demand, machine, asker))
    if found:
        return found[-1]
    why = explain(demand, machine, asker)
    assert why is not None
    return why


def refusal(demand: Demand, machine: Machine, why: Explanation) -> FindingsRefuse:
    """The error that says why there is no placement, and what would be the least to change."""
    unknown = [str(name) for name in unknown_names(demand, machine)]
    return FindingsRefuse(
        f"{machine.label} cannot fulfil this demand.",
        why="\n".join([*why_in_words(why, demand), *unknown]),
        todo="\n".join(remedies_in_words(why, demand)),
    )


def _derived(vcluster: VCluster, text: str, source: Machine | None) -> Derived:
    members = set(vcluster.xnames())
    known = [node for node in source.nodes if node.xname in members] if source else []
    kept = vcluster.hardware
    if text.lower() == AUTO and not known and kept:
        return Derived(parse_demand(kept.demand), kept.members)
    if text.lower() != AUTO:
        demand = parse_demand(text)
        return Derived(demand, {k: tuple(v) for k, v in classify(demand, known).items()})
    if not known:
        raise UsageError(
            f"What the nodes of {vcluster.name} are made of is not known.",
            why=f"{vcluster.site} says nothing of their hardware.",
            todo="Say what they must be: --nodes '4 nodes where a100 >= 4'; where the vCluster "
            "still runs, 'poya placement demand' writes it.",
        )
    return derive_demand(known)


def _label(vcluster: VCluster) -> str:
    """The group whose members at the target are the vCluster's already."""
    labels = [group.label for group in vcluster.groups]
    return vcluster.name if vcluster.name in labels or not labels else labels[0]


def _sources(vcluster: VCluster) -> Mapping[str, Node]:
    """The vCluster's nodes, their architecture as it is booted where HSM does not know it."""
    archs = source_archs(vcluster)
    known = {x: vcluster.nodes.get(x) or Node(x) for x in vcluster.xnames()}
    return {x: replace(node, arch=archs.get(x) or node.arch) for x, node in known.items()}


def _findings(
    vcluster: VCluster, machine: Machine, asker: Asker, found: tuple[Placement, Pairing]
) -> Iterable[Finding]:
    placement, pairing = found
    subject = f"vCluster {vcluster.name}"
    proof = "; provably none better" if placement.is_proven else ""
    yield Finding(
        "node-chosen",
        "info",
        subject,
        f"{len(placement.nodes)} nodes of {machine.label} were chosen by what they are made of.",
        evidence=f"{', '.join(costs_in_words(placement))}{proof}",
    )
    yield from held_findings(subject, placement, machine, asker)
    lonely = [target for target, model in pairing.extra.items() if not model]
    if lonely:
        yield Finding(
            "node-without-place",
            "warning",
            subject,
            f"{len(lonely)} chosen nodes are like none of the vCluster's and join nothing.",
            evidence=shown(lonely),
            remedy="Demand no class that the vCluster does not have.",
        )


def held_findings(
    subject: str, placement: Placement, machine: Machine, asker: Asker
) -> Iterable[Finding]:
    """Which nodes are taken in spite of an accepted reason, and which others could claim."""
    held: dict[str, list[str]] = {}
    for xname in placement.nodes:
        for reason in reasons(machine.by_xname[xname], machine, asker):
            held.setdefault(reason, []).append(xname)
    for reason, xnames in sorted(held.items()):
        yield _held(subject, reason, [machine.by_xname[xname] for xname in xnames])
    for template, claimed_nodes in claimed(placement.joining, machine, asker).items():
        yield _claimed(subject, template, claimed_nodes)


def _held(subject: str, reason: str, nodes: Sequence[NodeFacts]) -> Finding:
    verb = "is" if len(nodes) == 1 else "are"
    running = sorted({name for node in nodes for name in node.running})
    at_work = f"; running there: {', '.join(running)}" if running else ""
    return Finding(
        "node-held",
        "warning",
        subject,
        f"{len(nodes)} of its nodes at the target {verb} {words_of(reason)}.",
        evidence=f"{shown([node.xname for node in nodes])}{at_work}",
        remedy="They are taken because --accept names that; leave it out to spare them.",
    )


def _claimed(subject: str, template: str, xnames: Sequence[str]) -> Finding:
    return Finding(
        "node-claimed",
        "info",
        subject,
        f"{len(xnames)} of its nodes would be booted by template {template} too, "
        "which selects them by role or group.",
        evidence=shown(xnames),
        remedy="Nothing of it runs there now. A session of that template needs a limit that "
        "leaves them out.",
    )
