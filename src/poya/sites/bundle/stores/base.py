# SPDX-License-Identifier: Apache-2.0
"""The port of a place that a bundle is carried to and from, whole."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from poya.errors import BundleDamaged, DataDamaged
from poya.sites.bundle.index import Index
from poya.sites.bundle.indexed import parse_index
from poya.sites.bundle.names import INDEX, SIGNATURE
from poya.sites.bundle.reading import read_bounded
from poya.transfer import Cancel, Event, Expected, Job, Limits, Source, Target, copy

if TYPE_CHECKING:
    from poya.sites.bundle.stores.landing import Landing


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
        return sum(entry.size_bytes or 0 for entry in self.index.files.values())


class Store(Protocol):
    """A place that holds one bundle under the paths that its index has."""

    @property
    def label(self) -> str:
        """How people know it."""
        ...

    def write(self, parcel: Parcel, work: Work) -> None:
        """Put the bundle there; the index comes last, or whoever reads it can tell that it is cut.

        Every byte is compared with the index on the way. Repeating it continues, where the place
        can be looked at.

        Raises:
            DataDamaged: A file of the parcel is not what its index says.
        """
        ...

    def read(self, landing: Landing, work: Work) -> None:
        """Bring the bundle from there: begin the landing with the index, then land every file.

        Raises:
            BundleDamaged: It is cut short, or a file is not what the index says.
        """
        ...


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
    beside = directory / SIGNATURE
    return Parcel(directory, index, raw, read_bounded(beside) if os.path.lexists(beside) else None)


def carry_files(
    index: Index,
    ends: Callable[[str], tuple[Source, Target]],
    work: Work,
    names: Iterable[str] | None = None,
) -> None:
    """Copy files of a bundle, several at once, each compared with the index.

    Args:
        index: Says what each must be.
        ends: Where a file comes from and goes to.
        work: How it is watched.
        names: Some files only.

    Raises:
        DataDamaged: A file is not what the index says.
    """
    chosen = list(index.files if names is None else names)
    results = copy([_job(index, name, ends(name)) for name in chosen], work.limits, work.on_event,
                   cancel=work.cancel)  # fmt: skip
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
