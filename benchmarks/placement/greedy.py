"""manta's way of choosing nodes (service/hw_cluster, 2026), told again in Python.

Components are totals. A node's score is the sum of its components, each weighted by how scarce
it is, added where it is still wanted and taken off where it is not. The best node is taken, one
at a time, until every total is reached; nothing is looked back at, and nothing is known of
blades, cabinets or locks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from poya.placement.facts import NodeFacts


def greedy(pool: Sequence[NodeFacts], wanted: Mapping[str, int]) -> list[NodeFacts]:
    """The nodes that it takes out of the pool; the pool must have enough."""
    parts = {node.xname: _counts(node, wanted) for node in pool}
    left: Counter[str] = Counter()
    for counts in parts.values():
        left.update(counts)
    scarcity = {c: sum(left.values()) / n for c, n in left.items() if n}
    final = {c: left[c] - n for c, n in wanted.items()}
    rest = sorted(pool, key=lambda node: node.xname)
    chosen: list[NodeFacts] = []
    while any(left[c] > final[c] for c in wanted):
        open_ = {c for c in wanted if left[c] > final[c]}

        def score(node: NodeFacts, still: frozenset[str] = frozenset(open_)) -> float:
            counts = parts[node.xname]
            return sum(scarcity[c] * n * (1 if c in still else -1) for c, n in counts.items())

        best = max(rest, key=score)
        rest.remove(best)
        chosen.append(best)
        left.subtract(parts[best.xname])
    return chosen


def _counts(node: NodeFacts, wanted: Mapping[str, int]) -> Counter[str]:
    """Its parts, each under the wanted name that it has, else under its own."""
    have = dict(node.shape.parts)
    counts = Counter({name: have[name] for name in wanted if name in have})
    hidden = {n for n in have if n in wanted}
    counts.update({n: c for n, c in node.shape.narrowest if n not in hidden and not hidden})
    return counts
