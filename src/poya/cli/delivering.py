# SPDX-License-Identifier: Apache-2.0
"""The last step of a backup to a tar, a stream or a store: the bundle is carried there."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext, redirect_stdout
from pathlib import Path
from typing import Any

import click

from poya.bootstrap import BundlePlace, OutgoingPlace, Place, Workshop
from poya.cli.text import printable
from poya.errors import PoyaError, UsageError
from poya.migration.carrying import Run
from poya.migration.events import Listener, MoveStarted
from poya.transfer import Cancel, Limits

STREAM = "-"
_FACT = "carried"


def speaking_beside(place: Place) -> AbstractContextManager[Any]:
    """Where the bundle goes to standard output, all else that is printed goes beside it."""
    is_stream = isinstance(place, OutgoingPlace) and place.destination == STREAM
    return redirect_stdout(sys.stderr) if is_stream else nullcontext()


def target_of(workshop: Workshop, run_id: str) -> Place:
    """Where a run goes. Raises UsageError if that is a stream, and a terminal is in its place."""
    with workshop.runs.look_at(run_id) as (_, (_, there)):
        if isinstance(there, OutgoingPlace) and there.destination == STREAM:
            workshop.bundles.refuse_unwritable(STREAM)
        return there


def begin(workshop: Workshop, place: Place) -> None:
    """Note what a working directory is for, before a run puts anything there."""
    if isinstance(place, OutgoingPlace):
        workshop.bundles.works.begin(place.directory, "backup", place.destination)


async def deliver(
    workshop: Workshop, run: Run, place: Place, limits: Limits, listener: Listener
) -> None:
    """Carry the bundle that a run made, if it goes anywhere, and remove the working directory.

    Raises:
        PoyaError: It could not be carried; the bundle stays where it was made.
    """
    if not isinstance(place, OutgoingPlace):
        return
    # An encrypted tar cannot be looked into: that it was begun here is all that is known of it.
    if not (_was_begun(run) and _stands_sealed(place)):
        run.journal.set_fact(_FACT, "begun")
        try:
            await _carry(workshop, place, limits, listener)
        except PoyaError as error:
            raise _with_way_on(error, run, place) from error
    run.journal.set_fact(_FACT, "yes")
    workshop.bundles.works.end(place.directory)
    where = "standard output" if place.destination == STREAM else place.destination
    click.echo(printable(f"Every byte compared with the index, and written to {where}."), err=True)


def _was_begun(run: Run) -> bool:
    return run.journal.facts().get(_FACT) == "begun"


def _stands_sealed(place: OutgoingPlace) -> bool:
    is_tar = place.destination.endswith((".tar", ".age"))
    return bool(place.recipients) and is_tar and Path(place.destination).exists()


async def _carry(
    workshop: Workshop, place: OutgoingPlace, limits: Limits, listener: Listener
) -> None:
    from poya.sites.bundle.stores.base import Work

    files = workshop.bundles.files_to_deliver(place)
    listener(MoveStarted(tuple((name, name, size_bytes) for name, size_bytes in files)))
    cancel = Cancel()
    work = Work(cancel, listener, limits)
    carrying = asyncio.ensure_future(asyncio.to_thread(workshop.bundles.deliver, place, work))
    try:
        await asyncio.shield(carrying)
    except asyncio.CancelledError:
        cancel.set()
        await asyncio.gather(carrying, return_exceptions=True)
        raise


def _with_way_on(error: PoyaError, run: Run, place: OutgoingPlace) -> PoyaError:
    error.todo = "\n".join(
        text
        for text in (
            error.todo,
            f"The bundle is made, in {place.directory}.",
            f"'poya migrate resume {run.id}' carries it once that is mended;",
            f"'poya bundle export {place.directory} PLACE' carries it elsewhere.",
        )
        if text
    )
    return error


def end(workshop: Workshop, places: tuple[Place, Place]) -> None:
    """Remove the working directory that a bundle was restored from."""
    here = places[0]
    if isinstance(here, BundlePlace):
        workshop.bundles.works.end(here.directory)


def refuse_carried(facts: Mapping[str, str], place: Place, then: str) -> None:
    """Say that a bundle is not here any more.

    Args:
        facts: Of the run that made it.
        place: The run's target.
        then: What that means for what was asked.

    Raises:
        UsageError: It was carried away.
    """
    if not isinstance(place, OutgoingPlace) or facts.get(_FACT) != "yes":
        return
    where = place.destination
    raise UsageError(
        f"The bundle of the run {facts['run']} was carried to {where}; {then}.",
        todo=f"poya bundle verify --deep {where}" if where != STREAM else "",
    )
