# SPDX-License-Identifier: Apache-2.0
"""`migrate backup`, with the words that operators of manta know."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click

from poya.bootstrap import BundlePlace, OutgoingPlace, Workshop
from poya.cli.asynchronous import Interrupted, run_async
from poya.cli.delivering import STREAM, speaking_beside
from poya.cli.flow import Outcome, Wishes, bring, show_json
from poya.cli.session import Session
from poya.cli.text import duration, printable, size
from poya.errors import UsageError
from poya.model.vcluster import Selector


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a backup goes.

    Attributes:
        text: A directory, a tar, `-` for a stream, or STORE:PREFIX.
        recipients: Whom to encrypt it to.
        work: The directory to make it in, if it does not stay there; empty for one of ours.
    """

    text: str
    recipients: tuple[str, ...] = ()
    work: str = ""


def back_up(
    session: Session,
    site: str | None,
    selection: tuple[str, tuple[str, ...]],
    destination: Destination,
    wishes: Wishes,
) -> None:
    """Bring what is selected into a bundle, and say what came of it.

    Raises:
        UsageError: The place is taken, or cannot be written to; nothing was read.
    """
    workshop = Workshop(session.settings)
    here = workshop.site_place(site or session.site)
    name, templates = selection
    there = _place(workshop, destination, (here.name, name, *templates), wishes)
    with speaking_beside(there):
        _say(
            wishes,
            f"Migrate backup of {_selected(name, templates)}; destination folder: {there}",
        )
        interrupted = Interrupted()
        selector = Selector(name=name, templates=templates)
        work = bring(workshop, (here, there), selector, wishes, interrupted)
        outcome = run_async(work, interrupted)
        if wishes.as_json:
            show_json(outcome)
        elif outcome.report is not None:
            _show(workshop, there, outcome)


def _place(
    workshop: Workshop, destination: Destination, key: tuple[str, ...], wishes: Wishes
) -> BundlePlace | OutgoingPlace:
    text, recipients, work = destination.text, destination.recipients, destination.work
    if not (workshop.bundles.is_elsewhere(text) or recipients):
        if work:
            raise UsageError(
                "--work is for a tar, a stream or a store; a directory is written where it is.",
                todo="Leave --work out.",
            )
        return BundlePlace(str(Path(text).expanduser().absolute()))
    if text == STREAM and wishes.as_json:
        raise UsageError("Standard output is the bundle; there is no JSON beside it.")
    workshop.bundles.refuse_unwritable(text, recipients)
    return workshop.bundles.outgoing(text, recipients, work, key)


def _selected(name: str, templates: tuple[str, ...]) -> str:
    if templates:
        return f"the BOS Template: {', '.join(templates)}"
    return f"the vCluster: {name}"


def _show(workshop: Workshop, there: BundlePlace | OutgoingPlace, outcome: Outcome) -> None:
    if isinstance(there, BundlePlace):
        click.echo("Done, the following image bundle was generated:")
        for title, path in workshop.bundle_files(there):
            indent = "        " if title == "file" else "    "
            click.echo(printable(f"{indent}{title}: {path}"))
    else:
        click.echo(printable(f"Done, the image bundle was generated: {there}"))
    report = outcome.report
    assert report is not None, "shown only once it was carried out"
    click.echo(
        f"\n{size(report.moved_bytes)} moved, {size(report.saved_bytes)} saved, in "
        f"{duration(report.elapsed_s)}; {report.checked} things read back, all as planned."
    )
    if isinstance(there, BundlePlace):
        click.echo(f"Verify again: poya migrate verify {report.run}")
    elif there.destination != STREAM:
        click.echo(printable(f"Verify again: poya bundle verify {there}"))


def _say(wishes: Wishes, text: str) -> None:
    click.echo(printable(text), err=wishes.as_json)
