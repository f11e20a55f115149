# SPDX-License-Identifier: Apache-2.0
"""A run as an operator reads it: where it stands, and what to type next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import click

from poya.cli.text import count, printable, wrapped
from poya.migration.standing import Item, Standing

_PHASES = {
    "running": ("running", "cyan"),
    "interrupted": ("interrupted: its process ended without a word", "yellow"),
    "stopped": ("stopped part-way", "yellow"),
    "done": ("done", "green"),
    "part undone": ("undone in part", "yellow"),
    "undone": ("undone: the target is what it was", ""),
}
_GLYPHS = {
    "done": ("✓", "green"),
    "failed": ("✗", "red"),
    "begun": ("…", "cyan"),
    "not tried": ("·", ""),
    "undone": ("↶", ""),
    "was there": ("=", ""),
}
_COUNTED = ("done", "was there", "failed", "begun", "not tried", "undone")


def render_standing(standing: Standing, facts: Mapping[str, str], holder: str = "") -> str:
    """The whole run, in lines of at most 80 columns where names allow."""
    return "\n".join(_lines(standing, facts, holder))


def _lines(standing: Standing, facts: Mapping[str, str], holder: str) -> Iterator[str]:
    words, colour = _PHASES[standing.phase]
    vcluster, ends = facts.get("vcluster", ""), ("source_label", "target_label")
    source, target = (printable(facts.get(key, "")) for key in ends)
    yield f"Run {standing.run}: {click.style(words, fg=colour or None, bold=True)}"
    ways = f"at {target}" if source == target else f"from {source} to {target}"
    what = "HSM group" if standing.is_regrouping else "vCluster"
    yield f"  {what} {printable(vcluster)} {ways}"
    yield f"  begun {facts.get('started', '')}"
    if holder:
        yield wrapped(printable(f"held by {holder}"), "  ")
    if standing.because:
        yield wrapped(printable(standing.because), "  ")
    yield ""
    for item in standing.items:
        yield from _item(item)
    yield ""
    yield _counts(standing)
    if standing.next:
        yield ""
        yield "Next"
        for command, meaning in standing.next:
            yield f"  {command}"
            yield f"      {meaning}"


def _item(item: Item) -> Iterator[str]:
    glyph, colour = _GLYPHS[item.state]
    state = "" if item.state in ("done", "failed") else f" ({item.state})"
    yield f"  {click.style(glyph, fg=colour or None)} {printable(item.title)}{state}"
    if item.error:
        yield wrapped(printable(item.error), "      ")


def _counts(standing: Standing) -> str:
    counted = [(standing.count(state), state) for state in _COUNTED]  # type: ignore[arg-type]
    told = ", ".join(f"{number} {state}" for number, state in counted if number)
    return f"{count(len(standing.items), 'step')}: {told}."
