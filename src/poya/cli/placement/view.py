# SPDX-License-Identifier: Apache-2.0
"""A placement as a table, and as a map of its cabinets before and after."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

import click

from poya.cli.text import count, printable, table, wrapped
from poya.model.host_lists import fold
from poya.model.names import xname_order
from poya.placement.facts import Machine, NodeFacts
from poya.placement.holding import Asker, claimed, is_member, reasons
from poya.placement.placing import Placement
from poya.placement.printing import print_demand
from poya.placement.syntax import Demand
from poya.placement.wording import costs_in_words

_WIDTH = 66
_FREE, _HELD, _STAYS, _JOINS, _LEAVES = "·", "x", "●", "■", "○"
_LEGEND = (
    f"  {_FREE} free  {_HELD} not to be had  {_STAYS} member  {_JOINS} joins  {_LEAVES} leaves"
)
_COLOURS = {_JOINS: "green", _LEAVES: "yellow", _STAYS: "cyan"}
_MOST_CABINETS = 12
_MOST_UNKNOWN = 5


def render_placement(
    demand: Demand, machine: Machine, asker: Asker, placement: Placement, *, title: str
) -> str:
    """The whole answer, at most 80 columns wide."""
    return "\n".join(_lines(demand, machine, asker, placement, title))


def _lines(
    demand: Demand, machine: Machine, asker: Asker, placement: Placement, title: str
) -> Iterator[str]:
    yield click.style(title, bold=True)
    for line in print_demand(demand).splitlines():
        yield f"  {printable(line)}"
    yield ""
    rows = [(c.name, str(len(c.nodes)), _spares(len(c.spares))) for c in placement.classes]
    for row, chosen in zip(rows, placement.classes, strict=True):
        yield f"  {row[0]:14} {row[1]:>5} {row[2]:10}".rstrip()
        yield wrapped(fold(chosen.nodes).replace("],", "], ").replace("n0,", "n0, "), "      ")
    yield ""
    yield wrapped(_summary(placement), "  ")
    for template, xnames in claimed(placement.joining, machine, asker).items():
        said = f"{count(len(xnames), 'joining node')} would be booted by template {template} too,"
        yield wrapped(f"Note: {said} which selects by role or group.", "  ")
    yield ""
    yield from _map(machine, asker, placement)
    yield from _unknown(machine)


def _spares(number: int) -> str:
    return f"{number} spare{'' if number == 1 else 's'}" if number else ""


def _summary(placement: Placement) -> str:
    said = ", ".join(costs_in_words(placement))
    leaving = f", {count(len(placement.leaving), 'node')} leaving" if placement.leaving else ""
    proof = "Provably none better." if placement.is_proven else "Perhaps not the best."
    return f"{said}{leaving}. {proof}"


def _unknown(machine: Machine) -> Iterator[str]:
    if not machine.unrecognised:
        return
    yield ""
    yield wrapped(
        f"{count(len(machine.unrecognised), 'model')} at {machine.label} have no name in the "
        "table; give them one in the configuration ([sites.<name>.placement.names]):",
        "  ",
    )
    for found in machine.unrecognised[:_MOST_UNKNOWN]:
        yield printable(f"      {found.parts} {found.kind} '{found.model}'")


# The map


def _map(machine: Machine, asker: Asker, placement: Placement) -> Iterator[str]:
    chosen = set(placement.nodes)
    concerned = {
        node.cabinet for node in machine.nodes if node.xname in chosen or is_member(node, asker)
    }
    ordered = sorted(concerned, key=xname_order)
    for cabinet in ordered[:_MOST_CABINETS]:
        nodes = [node for node in machine.nodes if node.cabinet == cabinet]
        yield from _cabinet(
            cabinet, nodes, _before(machine, asker), _after(machine, asker, chosen)
        )
    if len(ordered) > _MOST_CABINETS:
        yield f"  … and {count(len(ordered) - _MOST_CABINETS, 'more cabinet')}"
    yield _LEGEND


def _before(machine: Machine, asker: Asker) -> Callable[[NodeFacts], str]:
    def glyph(node: NodeFacts) -> str:
        if is_member(node, asker):
            return _STAYS
        return _HELD if node.role == "Management" or reasons(node, machine, asker) else _FREE

    return glyph


def _after(machine: Machine, asker: Asker, chosen: set[str]) -> Callable[[NodeFacts], str]:
    before = _before(machine, asker)

    def glyph(node: NodeFacts) -> str:
        if node.xname in chosen:
            return _STAYS if is_member(node, asker) else _JOINS
        return _LEAVES if is_member(node, asker) else before(node)

    return glyph


def _cabinet(
    cabinet: str,
    nodes: list[NodeFacts],
    before: Callable[[NodeFacts], str],
    after: Callable[[NodeFacts], str],
) -> Iterator[str]:
    yield f"  {cabinet}"
    chassis: dict[str, dict[str, list[NodeFacts]]] = defaultdict(lambda: defaultdict(list))
    for node in nodes:
        name = node.blade.removeprefix(cabinet).partition("s")[0]
        chassis[name][node.blade].append(node)
    for name, blades in chassis.items():
        for number, (then, now) in enumerate(_rows(list(blades.values()), before, after)):
            yield f"    {name if not number else '':4} before {then}"
            yield f"         after  {now}"


def _rows(
    blades: list[list[NodeFacts]],
    before: Callable[[NodeFacts], str],
    after: Callable[[NodeFacts], str],
) -> Iterator[tuple[str, str]]:
    """The blades side by side, in rows no wider than the terminal."""
    widest = max(len(blade) for blade in blades) + 1
    per_row = max(1, (_WIDTH - 12) // widest)
    for first in range(0, len(blades), per_row):
        row = blades[first : first + per_row]
        yield tuple(  # type: ignore[misc]  # two of them
            " ".join("".join(_coloured(glyph(node)) for node in blade) for blade in row)
            for glyph in (before, after)
        )


def _coloured(glyph: str) -> str:
    return click.style(glyph, fg=_COLOURS[glyph]) if glyph in _COLOURS else glyph


# Other views


def placement_json(
    demand: Demand, machine: Machine, asker: Asker, placement: Placement
) -> dict[str, Any]:
    """The answer as JSON's own types."""
    return {
        "site": machine.label,
        "demand": print_demand(demand),
        "feasible": True,
        "classes": [asdict(chosen) for chosen in placement.classes],
        "joining": list(placement.joining),
        "leaving": list(placement.leaving),
        "costs": [asdict(cost) for cost in placement.costs],
        "proven": placement.is_proven,
        "claimed": {k: list(v) for k, v in claimed(placement.joining, machine, asker).items()},
        "unrecognised": [asdict(found) for found in machine.unrecognised],
    }


def render_facts(nodes: list[NodeFacts]) -> str:
    """What a machine's nodes are made of, in the names that demands use."""
    header = ("XNAME", "NID", "ROLE", "ARCH", "MEMORY", "HSN", "PARTS")
    rows = [
        (
            node.xname,
            str(node.nid or ""),
            node.subrole or node.role,
            node.arch,
            f"{node.shape.memory_mib // 1024}GiB" if node.shape.memory_mib else "?",
            str(node.shape.hsn),
            " ".join(f"{name}:{number}" for name, number in node.shape.parts),
        )
        for node in nodes
    ]
    return table(header, rows)
