# SPDX-License-Identifier: Apache-2.0
"""Which chosen node takes the place of which source node.

Within a class the nodes are paired in the order of their nids, so that what is numbered by them
(hostnames, Slurm's node lists) keeps its order. What no class covers is paired by architecture
and role.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from poya.model.names import xname_order
from poya.placement.causes import requirements
from poya.placement.facts import NodeFacts
from poya.placement.matching import matches
from poya.placement.placing import Placement
from poya.placement.syntax import Demand


class Pairable(Protocol):
    """What pairing must know of a node."""

    @property
    def xname(self) -> str:
        """Its name."""
        ...

    @property
    def nid(self) -> int | None:
        """Its number."""
        ...

    @property
    def arch(self) -> str:
        """As HSM spells it: `X86`, `ARM`."""
        ...

    @property
    def role(self) -> str:
        """As HSM spells it: `Compute`, `Application`."""
        ...

    @property
    def subrole(self) -> str:
        """As HSM spells it: `UAN`; empty for none."""
        ...


Classes: TypeAlias = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Pairing:
    """Source node → target node.

    Attributes:
        pairs: In the order of the source's nids.
        unpaired: Source nodes without a counterpart.
        extra: Target node without a counterpart → the source node that it is most like; absent
            where the source has none of its class.
    """

    pairs: Mapping[str, str]
    unpaired: tuple[str, ...] = ()
    extra: Mapping[str, str | None] = field(default_factory=dict)


def classify(demand: Demand, nodes: Iterable[NodeFacts]) -> dict[str, list[str]]:
    """Give each node to the first class that it fulfils and that has room, in nid order."""
    room = {c.name: c.nodes for c in demand.classes}
    found: dict[str, list[str]] = {c.name: [] for c in demand.classes}
    for node in sorted(nodes, key=_order):
        for node_class in demand.classes:
            most = room[node_class.name]
            has_room = most is None or len(found[node_class.name]) < most
            if has_room and all(matches(part, node) for part in requirements(node_class)):
                found[node_class.name].append(node.xname)
                break
    return found


def pair(
    sources: Mapping[str, Pairable],
    targets: Mapping[str, Pairable],
    classes: Classes,
    placement: Placement,
) -> Pairing:
    """Pair all source nodes with the chosen ones.

    Args:
        sources: Every node of the vCluster at the source.
        targets: At least the chosen nodes.
        classes: Class → source nodes that stand for it; may be empty, and may lack nodes.
    """
    pairs: dict[str, str] = {}
    left: list[str] = []
    like: dict[str, str | None] = {}
    for chosen in placement.classes:
        names = [x for x in classes.get(chosen.name, ()) if x in sources]
        mine = sorted((sources[x] for x in names), key=_order)
        steady = [x for x in chosen.nodes if x not in chosen.spares]
        theirs = sorted((targets[x] for x in steady), key=_order)
        pairs.update({s.xname: t.xname for s, t in zip(mine, theirs, strict=False)})
        model = mine[-1].xname if mine else None
        left += [t.xname for t in theirs[len(mine) :]]
        like.update(
            dict.fromkeys([*(t.xname for t in theirs[len(mine) :]), *chosen.spares], model)
        )
    open_sources = [sources[x] for x in sources if x not in pairs]
    _pair_rest(sorted(open_sources, key=_order), [targets[x] for x in left], pairs)
    used = set(pairs.values())
    return Pairing(
        pairs={x: pairs[x] for x in sorted(pairs, key=lambda x: _order(sources[x]))},
        unpaired=tuple(node.xname for node in open_sources if node.xname not in pairs),
        extra={x: like[x] for x in sorted(like, key=xname_order) if x not in used},
    )


def _pair_rest(
    sources: Sequence[Pairable], targets: Sequence[Pairable], pairs: dict[str, str]
) -> None:
    """By architecture, role and subrole; then by architecture and role; never across."""
    keys = (
        lambda n: (n.arch.upper(), n.role, n.subrole),
        lambda n: (n.arch.upper(), n.role),
    )
    free = {target.xname: target for target in sorted(targets, key=_order)}
    for key in keys:
        queues: dict[Hashable, deque[str]] = defaultdict(deque)
        for target in free.values():
            queues[key(target)].append(target.xname)
        for source in sources:
            queue = queues[key(source)]
            if source.xname not in pairs and queue:
                pairs[source.xname] = queue.popleft()
                del free[pairs[source.xname]]


def _order(node: Pairable) -> tuple[float, tuple[tuple[int, str], ...]]:
    return (float("inf") if node.nid is None else node.nid, xname_order(node.xname))
