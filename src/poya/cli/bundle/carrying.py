# SPDX-License-Identifier: Apache-2.0
"""`poya bundle export` and `import`: a bundle in another place or form."""

from __future__ import annotations

import io
import json
import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import click

from poya.cli.moving import usual_moving
from poya.cli.progress import following
from poya.cli.session import Session
from poya.cli.text import count, printable, size, wrapped
from poya.errors import UsageError
from poya.files import is_file

if TYPE_CHECKING:
    from poya.sites.bundle.manta import MantaExport
    from poya.sites.bundle.stores import Parcel, Store
    from poya.sites.bundle.stores.base import Work

STREAM = "-"


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
    """Carry a bundle to a directory, a tar file or stream, or an S3 store."""
    from poya.sites.bundle.stores import parcel_of

    check_destination(session, destination, wrapping)
    parcel = parcel_of(Path(directory).absolute())
    if not wrapping.recipients:
        _warn_of_secrets(parcel)
    with _watched(session, parcel) as work, _to(session, destination, wrapping) as store:
        store.write(parcel, work)
        label = store.label
    click.echo(
        printable(
            f"{count(len(parcel.index.files), 'file')}, {size(parcel.size_bytes())}, "
            f"compared with the index and written to {label}."
        ),
        err=True,
    )


def import_bundle(session: Session, origin: str, directory: str, wrapping: Wrapping) -> None:
    """Bring a bundle from a directory, a tar file or stream, or an S3 store."""
    from poya.sites.bundle.stores import Landing
    from poya.sites.bundle.trust import TrustPolicy, read_public_key

    keys = tuple(read_public_key(key) for key in wrapping.keys)
    landing = Landing(Path(directory).absolute(), TrustPolicy(keys, must_be_signed=bool(keys)))
    with _watched(session) as work, _from(session, origin, wrapping) as store:
        store.read(landing, work)
    click.echo(
        printable(
            f"{count(len(landing.index.files), 'file')} of vCluster {landing.index.vcluster}, "
            f"all as the index says, in {directory}."
        ),
        err=True,
    )


def _warn_of_secrets(parcel: Parcel) -> None:
    """Say on stderr that documents hold what looks like secrets, and where."""
    from poya.model.secrets import find_secrets
    from poya.sites.bundle.reading import parse_json, read_bounded

    for name, entry in parcel.index.files.items():
        if entry.role in ("artifact", "manifest"):
            continue
        path = parcel.directory / name
        for place in find_secrets(parse_json(read_bounded(path), path)):
            text = (
                f"Warning: {name} holds what looks like a secret ({place}), and goes unencrypted."
            )
            click.echo(wrapped(printable(text)), err=True)


@contextmanager
def _watched(session: Session, parcel: Parcel | None = None) -> Iterator[Work]:
    """Work within the limits of the configuration, shown as it goes on."""
    from poya.migration.events import MoveStarted
    from poya.sites.bundle.stores.base import Work
    from poya.transfer import Cancel

    with following() as listener:
        if parcel is not None:
            files = parcel.index.files.items()
            listener(MoveStarted(tuple((n, n, e.size_bytes or 0) for n, e in files)))
        yield Work(Cancel(), listener, usual_moving(session.settings).limits(None))


@contextmanager
def _to(session: Session, destination: str, wrapping: Wrapping) -> Iterator[Store]:
    from poya.bootstrap import Workshop
    from poya.sites.bundle.stores import FolderStore, SealedFolderStore, TarStore
    from poya.sites.bundle.stores.sealing import recipients_of, sealed

    recipients = recipients_of(wrapping.recipients)
    if not is_stream(destination):
        place = Path(destination).expanduser().absolute()
        with Workshop(session.settings).bundle_store(destination) as remote:
            if remote is not None:
                yield remote.sealing(recipients)
                return
            yield SealedFolderStore(place, recipients) if recipients else FolderStore(place)
        return
    label = "standard output" if destination == STREAM else destination
    with _writing(destination) as stream:
        if not recipients:
            yield TarStore(stream, label)
            return
        with sealed(stream, recipients) as plain:
            yield TarStore(plain, label)


@contextmanager
def _from(session: Session, origin: str, wrapping: Wrapping) -> Iterator[Store]:
    from poya.bootstrap import Workshop
    from poya.sites.bundle.stores import SealedFolderStore, TarStore
    from poya.sites.bundle.stores.sealing import MAGIC, identities_of, unsealed

    if not is_stream(origin) and not is_file(origin):
        place = Path(origin).expanduser().absolute()
        with Workshop(session.settings).bundle_store(origin) as remote:
            if remote is not None:
                yield remote.sealing(identity_files=wrapping.identities)
                return
            yield SealedFolderStore(place, identity_files=wrapping.identities)
        return
    label = "standard input" if origin == STREAM else origin
    with _reading(origin) as stream:
        if stream.peek(len(MAGIC))[: len(MAGIC)] != MAGIC:
            yield TarStore(cast("BinaryIO", stream), label)
            return
        with unsealed(cast("BinaryIO", stream), identities_of(wrapping.identities)) as plain:
            yield TarStore(plain, label)


def is_stream(text: str) -> bool:
    """Say whether it names a tar, in a file or as a stream."""
    return text == STREAM or text.endswith((".tar", ".age"))


def check_destination(session: Session, destination: str, wrapping: Wrapping) -> None:
    """Make sure, before any work, that a bundle could be carried there.

    Raises:
        UsageError: It is a terminal, is taken, or nobody is named to encrypt it to.
        NotFound: It reads like a store that the configuration does not have.
    """
    if destination == STREAM:
        if sys.stdout.isatty():
            raise UsageError("A bundle is not written to a terminal.", todo="Redirect the output.")
        return
    if not is_stream(destination):
        session.settings.store_at(destination)
        return
    if destination.endswith(".age") and not wrapping.recipients:
        raise UsageError(f"Nobody is named to encrypt {destination} to.", todo="Add --encrypt-to.")
    path = Path(destination).expanduser().absolute()
    if os.path.lexists(path):
        raise UsageError(f"{path} is there already; it is not written over.")
    if not path.parent.is_dir():
        raise UsageError(f"There is no directory {path.parent}.")


@contextmanager
def _writing(destination: str) -> Iterator[BinaryIO]:
    """Standard output, or a file that appears when it is whole."""
    from poya.files import sync_directory
    from poya.sites.bundle.writing import not_written

    if destination == STREAM:
        yield sys.stdout.buffer
        return
    path = Path(destination).expanduser().absolute()
    partial = path.with_name(f"{path.name}.partial")
    try:
        with partial.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.rename(path)
        sync_directory(path.parent)
    except OSError as error:
        raise not_written(path, error) from error
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def _reading(origin: str) -> Iterator[io.BufferedReader]:
    if origin == STREAM:
        yield cast("io.BufferedReader", sys.stdin.buffer)
        return
    try:
        with Path(origin).expanduser().open("rb") as file:
            yield file
    except OSError as error:
        raise UsageError(f"{origin} cannot be read.", why=f"{error.strerror}.") from error
