# SPDX-License-Identifier: Apache-2.0
"""From numbers back to nodes: which blade of a cell gives which node to which class.

The program says how many nodes of each kind each class takes from a cell, and on how many
blades. Kinds and classes are the two sides of a bipartite graph with an edge for each node, and
a blade is a colour: with every vertex cut into pieces of at most as many edges as there are
blades, an edge colouring gives no blade more of a kind, or to a class, than it holds (König).
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import TypeAlias

Vertex: TypeAlias = tuple[str, int, int]


def spread(taken: Mapping[tuple[int, int], int], blades: int) -> list[dict[tuple[int, int], int]]:
    """Deal nodes out over blades.

    Args:
        taken: (kind, class) → how many nodes.
        blades: How many blades to use; at least the nodes of any kind divided by what a blade
            holds of it, rounded up.

    Returns:
        For each blade (kind, class) → how many; of no kind or class does a blade have more than
        its sum over all blades divided by their number, rounded up.
    """
    edges = [pair for pair, number in sorted(taken.items()) for _ in range(number)]
    colours = _colour(_pieces(edges, blades), blades)
    dealt: list[dict[tuple[int, int], int]] = [{} for _ in range(blades)]
    for pair, colour in zip(edges, colours, strict=True):
        dealt[colour][pair] = dealt[colour].get(pair, 0) + 1
    return dealt


def _pieces(edges: list[tuple[int, int]], blades: int) -> list[tuple[Vertex, Vertex]]:
    """The edges between vertices that are cut into pieces of at most `blades` edges."""
    seen: dict[tuple[str, int], int] = {}
    cut: list[tuple[Vertex, Vertex]] = []
    for kind, class_index in edges:
        ends = []
        for side in (("kind", kind), ("class", class_index)):
            number = seen.get(side, 0)
            seen[side] = number + 1
            ends.append((*side, number // blades))
        cut.append((ends[0], ends[1]))
    return cut


def _colour(edges: list[tuple[Vertex, Vertex]], colours: int) -> list[int]:
    """Colour the edges of a bipartite graph of at most that degree, none twice at a vertex."""
    at: dict[Vertex, dict[int, int]] = {}
    found = [0] * len(edges)
    for number, (one, other) in enumerate(edges):
        first, second = at.setdefault(one, {}), at.setdefault(other, {})
        here = next(c for c in count() if c not in first)
        there = next(c for c in count() if c not in second)
        if here in second:
            _swap(edges, at, found, other, here, there)
        assert here < colours
        found[number] = here
        first[here] = second[here] = number
    return found


def _swap(
    edges: list[tuple[Vertex, Vertex]],
    at: dict[Vertex, dict[int, int]],
    found: list[int],
    start: Vertex,
    old: int,
    new: int,
) -> None:
    """Swap two colours along the path that begins at a vertex, so that `old` is free there."""
    path: list[int] = []
    vertex, colour = start, old
    while (edge := at[vertex].get(colour)) is not None:
        path.append(edge)
        one, other = edges[edge]
        vertex = other if vertex == one else one
        colour = new if colour == old else old
    for edge in path:
        for vertex in edges[edge]:
            del at[vertex][found[edge]]
    for edge in path:
        found[edge] = new if found[edge] == old else old
        for vertex in edges[edge]:
            at[vertex][found[edge]] = edge
