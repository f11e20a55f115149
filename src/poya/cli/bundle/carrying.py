# SPDX-License-Identifier: Apache-2.0
"""`poya bundle export` and `import`: a bundle in another place or form."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from poya.bootstrap import AwayPlace, Bundles
from poya.cli.moving import usual_moving
from poya.cli.progress import following
from poya.cli.session import Session
from poya.cli.text import count, printable, size, wrapped
from poya.errors import UsageError

if TYPE_CHECKING:
    from poya.sites.bundle.manta import MantaExport
    from poya.sites.bundle.stores import Parcel
    from poya.sites.bundle.stores.base import Work
    from poya.sites.bundle.trust import TrustPolicy


@dataclass(frozen=True, slots=True)
class Wrapping:
    """What the options say of encryption and signatures.

    Attributes:
        recipients: To encrypt to, when a bundle is written.
        identities: Files to decrypt with, when one is read.
        keys: Public keys, one of which must have signed what is read.
    """

    recipients: tuple[str, ...] = ()
    identities: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()


def export_for_manta(directory: str, destination: str, *, as_json: bool) -> None:
    """Write a bundle for manta."""
    from poya.sites.bundle.manta import export_for_manta as export

    source, target = Path(directory).absolute(), Path(destination).absolute()
    with following() as listener:
        done = export(source, target, on_event=listener)
    click.echo(
        json.dumps(asdict(done), indent=2, ensure_ascii=False)
        if as_json
        else "\n".join(_manta_lines(done))
    )


def _manta_lines(done: MantaExport) -> Iterator[str]:
    yield "Written for manta's restore:"
    yield from (printable(f"  {option} {shlex.quote(path)}") for option, path in done.files)
    for title, lines in (
        ("The files say otherwise than the bundle:", done.changed),
        ("manta's restore will not bring:", done.not_restored),
    ):
        if lines:
            yield f"\n{title}"
            yield from (wrapped(printable(line), "  ") for line in lines)


def export_bundle(session: Session, directory: str, destination: str, wrapping: Wrapping) -> None:
    """Carry a bundle to a directory, a tar file or stream, or an S3 store.

    Raises:
        UsageError: It is not in a directory, or the place is taken.
    """
    from poya.sites.bundle.stores import parcel_of

    bundles = Bundles(session.settings)
    refuse_away(bundles, directory, "exported")
    bundles.refuse_unwritable(destination, wrapping.recipients, is_new=False)
    parcel = parcel_of(Path(directory).absolute())
    if not wrapping.recipients:
        warn_of_secrets(parcel)
    with (
        _watched(session, parcel) as work,
        bundles.to_write(destination, wrapping.recipients) as store,
    ):
        store.write(parcel, work)
        label = store.label
    click.echo(
        printable(
            f"{count(len(parcel.index.files), 'file')}, {size(parcel.size_bytes())}, "
            f"compared with the index and written to {label}."
        ),
        err=True,
    )


def import_bundle(
    session: Session,
    origin: str,
    directory: str,
    wrapping: Wrapping,
    policy: TrustPolicy | None = None,
) -> None:
    """Bring a bundle from a directory, a tar file or stream, or an S3 store.

    Args:
        session: The configuration.
        origin: Where it is.
        directory: Where it goes.
        wrapping: What opens it, and the keys that must have signed it.
        policy: What else is demanded of it where no keys are.
    """
    from poya.sites.bundle.stores import Landing

    wanted = policy if policy and not wrapping.keys else demanding(wrapping.keys)
    landing = Landing(Path(directory).absolute(), wanted)
    with (
        _watched(session) as work,
        Bundles(session.settings).to_read(origin, wrapping.identities) as store,
    ):
        store.read(landing, work)
    click.echo(
        printable(
            f"{count(len(landing.index.files), 'file')} of vCluster {landing.index.vcluster}, "
            f"all as the index says, in {directory}."
        ),
        err=True,
    )


def refuse_away(bundles: Bundles, directory: str, what: str) -> None:
    """Say that something takes a bundle in a directory only, and what to type instead.

    Raises:
        UsageError: It is in a tar, a stream or a store.
    """
    if isinstance(bundles.place(directory), AwayPlace):
        raise UsageError(
            f"A bundle is {what} from a directory, with nothing in it encrypted.",
            why=f"{directory} is something else.",
            todo=f"Bring it first: poya bundle import {directory} DIR",
        )


def demanding(keys: tuple[str, ...]) -> TrustPolicy:
    """The policy that one of these keys must have signed; none of them: anything goes."""
    from poya.sites.bundle.trust import TrustPolicy, read_public_key

    return TrustPolicy(tuple(read_public_key(key) for key in keys), must_be_signed=bool(keys))


def warn_of_secrets(parcel: Parcel) -> None:
    """Say on stderr that documents hold what looks like secrets, and where."""
    from poya.sites.bundle.stores.parts import secrets_in

    for name, place in secrets_in(parcel):
        text = f"Warning: {name} holds what looks like a secret ({place}), and goes unencrypted."
        click.echo(wrapped(printable(text)), err=True)


@contextmanager
def _watched(session: Session, parcel: Parcel | None = None) -> Iterator[Work]:
    """Work within the limits of the configuration, shown as it goes on; Ctrl-C stops it."""
    from poya.migration.events import MoveStarted
    from poya.sites.bundle.stores.base import Work
    from poya.transfer import Cancel

    with following() as listener:
        if parcel is not None:
            files = parcel.index.files.items()
            listener(MoveStarted(tuple((n, n, e.size_bytes or 0) for n, e in files)))
        yield Work(Cancel(), listener, usual_moving(session.settings).limits(None))
