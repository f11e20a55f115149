# SPDX-License-Identifier: Apache-2.0
"""`poya bundle unfinished`: the bundles on their way to or from a tar, a stream or a store."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

import click

from poya.bootstrap import BundlePlace, OutgoingPlace, Workshop
from poya.bootstrap.places import decode_place
from poya.bootstrap.works import Kept
from poya.cli.delivering import STREAM
from poya.cli.session import Session, can_ask
from poya.cli.text import minute, printable, size, wrapped
from poya.errors import Cancelled, Locked


@dataclass(frozen=True, slots=True)
class _Belonging:
    """A working directory and the run that uses it; no run if it did not come to one."""

    kept: Kept
    run: str

    @property
    def way_on(self) -> str:
        if self.run:
            return f"poya migrate resume {self.run}"
        with_work = f" with --work {self.kept.directory}" if self.kept.place == STREAM else ""
        return f"repeat the {self.kept.purpose}{with_work}" if self.kept.purpose else ""


def list_unfinished(session: Session, *, as_json: bool) -> None:
    """Print every working directory, what it belongs to, and what goes on with it."""
    found = _found(Workshop(session.settings))
    if as_json:
        documents = [
            {**asdict(b.kept), "size_bytes": b.kept.size_bytes(), "run": b.run or None}
            for b in found
        ]
        click.echo(json.dumps(documents, indent=2))
        return
    for belonging in found:
        kept = belonging.kept
        way = "to" if kept.purpose == "backup" else "from"
        click.echo(printable(f"{kept.name}"))
        click.echo(printable(f"    {kept.purpose or 'unknown'} {way} {kept.place or '-'}"))
        click.echo(f"    begun {minute(kept.begun) or '-'} UTC, {size(kept.size_bytes())} so far")
        click.echo(printable(f"    in {kept.directory}"))
        if belonging.way_on:
            click.echo(printable(f"    go on: {belonging.way_on}"))
    if found:
        text = "What is of no use any more: poya bundle unfinished --remove NAME"
        click.echo(wrapped(text), err=True)
    else:
        click.echo("No bundle is on its way.", err=True)


def remove_unfinished(session: Session, name: str, *, yes: bool) -> None:
    """Remove a working directory with all that is in it.

    Raises:
        Locked: A run works in it.
        NotFound: There is none of this name.
    """
    workshop = Workshop(session.settings)
    kept = workshop.bundles.works.find(name)
    run = next((b.run for b in _found(workshop) if b.kept == kept), "")
    if run and workshop.runs.occupation(run).is_held():
        raise Locked(f"The run {run} works in {kept.name}.", todo=f"poya migrate cancel {run}")
    what = f"{kept.name} ({size(kept.size_bytes())})"
    if not yes:
        if not can_ask():
            raise Cancelled("Nobody is there to confirm; nothing was removed.", todo="Add --yes.")
        if not click.confirm(f"Remove {what}? What is in it is lost.", err=True):
            raise Cancelled("Nothing was removed.")
    workshop.bundles.works.remove(kept)
    click.echo(printable(f"Removed {what}."), err=True)


def _found(workshop: Workshop) -> list[_Belonging]:
    runs: dict[str, str] = {}
    for facts in workshop.runs.all_facts():
        for end in ("source", "target"):
            place = decode_place(facts[end]) if end in facts else None
            if isinstance(place, BundlePlace | OutgoingPlace):
                runs[place.directory] = facts["run"]
    works = workshop.bundles.works.all()
    return [_Belonging(kept, runs.get(kept.directory, "")) for kept in works]
