# SPDX-License-Identifier: Apache-2.0
"""The port of a place that a bundle is carried to and from, and looked at in."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from poya.errors import BundleDamaged, DataDamaged
from poya.sites.bundle.index import Index
from poya.sites.bundle.indexed import parse_index
from poya.sites.bundle.names import INDEX, SIGNATURE
from poya.sites.bundle.reading import read_bounded
from poya.transfer import (
    Cancel,
    Event,
    Expected,
    FileTarget,
    Job,
    Limits,
    Source,
    Target,
    UploadMemory,
    copy,
)

if TYPE_CHECKING:
    from poya.sites.bundle.stores.landing import Landing
    from poya.sites.bundle.stores.shelf import Shelf


@dataclass(frozen=True, slots=True)
class Work:
    """How carrying is watched and stopped."""

    cancel: Cancel
    on_event: Callable[[Event], None] | None = None
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class Parcel:
    """A finished bundle in a directory, ready to be carried away.

    Attributes:
        raw_index: The bytes of its index, which a signature is of.
        signature: The signature's file; None if it is not signed.
    """

    directory: Path
    index: Index
    raw_index: bytes
    signature: bytes | None

    def size_bytes(self) -> int:
        """What all its files take."""
        return size_of(self.index)


class Store(Protocol):
    """A place that holds one bundle under the paths that its index has."""

    @property
    def label(self) -> str:
        """How people know it."""
        ...

    def write(self, parcel: Parcel, work: Work) -> None:
        """Put the bundle there; the index comes last, or whoever reads it can tell that it is cut.

        Every byte is compared with the index on the way. Repeating it continues, where the place
        can be looked at. Another bundle is not written over.

        Raises:
            DataDamaged: A file of the parcel is not what its index says.
            UsageError: The place holds something else, or has no room.
        """
        ...

    def read(self, landing: Landing, work: Work) -> None:
        """Bring the bundle from there: begin the landing with the index, then land every file.

        Raises:
            BundleDamaged: It is cut short, or a file is not what the index says.
        """
        ...

    def look(self) -> Shelf:
        """See what is there, and bring nothing but the index.

        A stream can be looked at once, and not be read after that.

        Raises:
            BundleDamaged: There is no bundle, or its index is damaged.
        """
        ...


def size_of(index: Index) -> int:
    """What all files of an index take, in bytes."""
    return sum(entry.size_bytes or 0 for entry in index.files.values())


def parcel_of(directory: Path) -> Parcel:
    """Take up the bundle of a directory.

    Raises:
        BundleDamaged: Its index is damaged, or its backup was not finished.
    """
    path = directory / INDEX
    raw = read_bounded(path)
    index = parse_index(raw, str(path))
    if index.unfinished():
        raise BundleDamaged(
            f"The backup in {directory} was not finished.",
            why=f"{len(index.unfinished())} of its files are not complete.",
            todo="Continue it by making it again, then carry it.",
        )
    return Parcel(directory, index, raw, signature_beside(directory))


def signature_beside(directory: Path) -> bytes | None:
    """The signature's file of a bundle in a directory; None if it is not signed."""
    beside = directory / SIGNATURE
    return read_bounded(beside) if os.path.lexists(beside) else None


def fill(
    landing: Landing,
    source_of: Callable[[str], Source],
    work: Work,
    already: Collection[str] = (),
) -> None:
    """Copy every file that a landing waits for, and finish it.

    Args:
        landing: It has begun.
        source_of: Where a file comes from.
        work: How it is watched.
        already: Files that are in their place and were compared.

    Raises:
        DataDamaged: A file is not what the index says.
    """
    coming = [name for name in landing.index.files if name not in already]
    carry_files(
        landing.index,
        lambda name: (source_of(name), FileTarget(landing.path(name))),
        work,
        coming,
    )
    for name in landing.index.files:
        landing.landed(name)
    landing.finish()


def carry_files(
    index: Index,
    ends: Callable[[str], tuple[Source, Target]],
    work: Work,
    names: Iterable[str],
    memory: UploadMemory | None = None,
) -> None:
    """Copy files of a bundle, several at once, each compared with the index.

    Args:
        index: Says what each must be.
        ends: Where a file comes from and goes to.
        work: How it is watched.
        names: Which files.
        memory: Of uploads that were interrupted.

    Raises:
        DataDamaged: A file is not what the index says.
    """
    chosen = list(names)
    results = copy(
        [_job(index, name, ends(name)) for name in chosen],
        work.limits,
        work.on_event,
        cancel=work.cancel,
        memory=memory,
    )
    for name, result in zip(chosen, results, strict=True):
        if result.sha256 is not None:
            compare_digest(index, name, result.sha256)


def compare_digest(index: Index, name: str, sha256: str) -> None:
    """Raise DataDamaged unless this is the digest that the index has for a file."""
    wanted = index.files[name].sha256
    if sha256 != wanted:
        raise DataDamaged(
            f"{name} is not what the index says.",
            why=f"sha256 {sha256}, expected {wanted}.",
            todo="Look at the bundle with 'poya bundle verify --deep'.",
        )


def _job(index: Index, name: str, ends: tuple[Source, Target]) -> Job:
    entry = index.files[name]
    return Job(
        name=name,
        source=ends[0],
        target=ends[1],
        expected=Expected(entry.size_bytes, entry.md5, entry.etag),
        metadata={"md5sum": entry.md5} if entry.md5 else {},
        replaces=True,
        sha256=True,
    )
