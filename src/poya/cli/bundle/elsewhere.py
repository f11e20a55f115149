# SPDX-License-Identifier: Apache-2.0
"""Backups to, and restores from, places that no bundle is worked in: tars, streams, stores.

Planning reads every document before the first write, and a run is resumed from files that are
still there. So the bundle stands in a working directory on its way.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path

import click

from poya.bootstrap import BundlePlace, Place, Workshop
from poya.cli.bundle.bundling import bring_backup, restore_from
from poya.cli.bundle.carrying import (
    STREAM,
    Wrapping,
    check_destination,
    export_bundle,
    import_bundle,
    is_stream,
)
from poya.cli.flow import Wishes, show_json
from poya.cli.session import Session
from poya.cli.text import printable
from poya.errors import UsageError
from poya.files import is_file
from poya.settings import state_directory


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A bundle that is not in a directory of its own.

    Attributes:
        place: A tar file, `-` for a stream, or STORE:PREFIX.
        wrapping: Encryption and signatures.
        work: The directory to work in, which stays; empty for one that is removed.
    """

    place: str
    wrapping: Wrapping = field(default_factory=Wrapping)
    work: str = ""


def is_elsewhere(session: Session, elsewhere: Elsewhere) -> bool:
    """Say whether the place is anything but a directory that a bundle is worked in.

    Raises:
        NotFound: It reads like a store that the configuration does not have.
    """
    place, wrapping = elsewhere.place, elsewhere.wrapping
    return (
        is_stream(place)
        or session.settings.store_at(place) is not None
        or is_file(place)
        or bool(wrapping.recipients or wrapping.identities)
    )


def was_carried_away(place: Place) -> bool:
    """Say whether a bundle stood in a working directory of ours that is gone."""
    if not isinstance(place, BundlePlace):
        return False
    directory = Path(place.directory)
    return directory.parent == _work_root() and not directory.exists()


def _work_root() -> Path:
    return state_directory() / "work"


def back_up_to(
    session: Session,
    elsewhere: Elsewhere,
    site: str | None,
    selection: tuple[str, tuple[str, ...]],
    wishes: Wishes,
) -> None:
    """Make a bundle in the working directory, then carry it to its place.

    Raises:
        UsageError: The place is taken, or cannot be written to; nothing was read.
    """
    to_stdout = elsewhere.place == STREAM
    if to_stdout and wishes.as_json:
        raise UsageError("Standard output is the bundle; there is no JSON beside it.")
    check_destination(session, elsewhere.place, elsewhere.wrapping)
    with _work_directory(elsewhere.work) as directory:
        with redirect_stdout(sys.stderr) if to_stdout else nullcontext():
            outcome = bring_backup(
                session, site, selection, (str(directory), elsewhere.place), wishes
            )
        if outcome.report is not None:
            export_bundle(session, str(directory), elsewhere.place, elsewhere.wrapping)
    if wishes.as_json:
        show_json(outcome)


def restore_from_elsewhere(
    session: Session,
    elsewhere: Elsewhere,
    site: str | None,
    templates: tuple[str, ...],
    wishes: Wishes,
) -> None:
    """Bring a bundle into the working directory, every file compared, then restore it.

    Raises:
        UsageError: Standard input is the bundle, and questions could come up; or no such site.
    """
    if elsewhere.place == STREAM and not (wishes.yes or wishes.only_plan):
        raise UsageError(
            "Standard input is the bundle, so nobody can be asked.",
            todo="Answer beforehand with --yes, or look first with --dry-run.",
        )
    Workshop(session.settings).site_place(site or session.site)
    with _work_directory(elsewhere.work) as directory:
        import_bundle(session, elsewhere.place, str(directory), elsewhere.wrapping)
        restore_from(session, site, (BundlePlace(str(directory)), templates), wishes)


@contextmanager
def _work_directory(named: str) -> Iterator[Path]:
    """The directory that was named, or one of ours that is kept only when the work fails."""
    if named:
        yield Path(named).expanduser().absolute()
        return
    root = _work_root()
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    directory = Path(tempfile.mkdtemp(dir=root, prefix="bundle-"))
    try:
        yield directory
    except BaseException:
        if any(directory.iterdir()):
            _tell_kept(directory)
        else:
            directory.rmdir()
        raise
    shutil.rmtree(directory)


def _tell_kept(directory: Path) -> None:
    for line in (
        "The bundle so far stays. To go on repeat the command with",
        f"  --work {directory}",
        "A run that began is resumed from there. Remove it when it is of no use any more.",
    ):
        click.echo(printable(line), err=True)
