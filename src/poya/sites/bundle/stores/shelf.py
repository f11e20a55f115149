# SPDX-License-Identifier: Apache-2.0
"""A bundle where its store keeps it: looked at, and not brought."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from poya.errors import BundleDamaged
from poya.sites.bundle.contents import Away
from poya.sites.bundle.index import Index
from poya.sites.bundle.indexed import parse_index
from poya.sites.bundle.names import INDEX, SEALED
from poya.sites.bundle.reading import open_regular, read_bounded, regular_size
from poya.sites.bundle.stores.base import signature_beside
from poya.sites.bundle.stores.sealing import is_sealed, open_part
from poya.transfer import FileSource


class Shelf(Protocol):
    """What can be seen of one bundle without bringing it; reading may be repeated."""

    @property
    def label(self) -> str:
        """How people know the place."""
        ...

    @property
    def raw_index(self) -> bytes:
        """The index, as it is there."""
        ...

    @property
    def signature(self) -> bytes | None:
        """The signature's file; None if it is not signed."""
        ...

    @property
    def names(self) -> frozenset[str]:
        """The files that are seen there, the encrypted ones under their plain names."""
        ...

    def record(self, name: str) -> bytes:
        """One of the small files that the index names, whole and not yet compared.

        Raises:
            BundleDamaged: It is missing, or larger than a record may be.
            UsageError: It is encrypted, and no identity is given.
        """
        ...

    def artifact(self, name: str) -> Away | None:
        """Where an image's file is, and how long; None if it is not there."""
        ...


def index_of(shelf: Shelf) -> Index:
    """The index of a bundle that stays where it is. Raises BundleDamaged if it cannot be used."""
    return parse_index(shelf.raw_index, shelf.label)


def is_record(index: Index, name: str) -> bool:
    """Say whether a file is small and read whole: everything but the images' own files."""
    return index.files[name].role != "artifact"


@dataclass(frozen=True, slots=True)
class StreamShelf:
    """What a stream told of before the first image file: its index and its records.

    Attributes:
        records: By name.
    """

    label: str
    raw_index: bytes
    signature: bytes | None
    records: Mapping[str, bytes]

    @property
    def names(self) -> frozenset[str]:
        """The records; more was not seen."""
        return frozenset(self.records)

    def record(self, name: str) -> bytes:
        """A record that came."""
        if name not in self.records:
            raise BundleDamaged(f"{name} did not come in {self.label}.")
        return self.records[name]

    def artifact(self, name: str) -> Away:  # noqa: ARG002 - nothing is known of any
        """Not seen: the index alone tells of it."""
        return Away(None, None)


class FolderShelf:
    """A bundle in a directory, of which parts may be encrypted."""

    def __init__(self, directory: Path, identity_files: Sequence[str] = ()) -> None:
        self._directory = directory
        self._identity_files = identity_files
        self.label = str(directory)
        self.raw_index = read_bounded(directory / INDEX)
        self.signature = signature_beside(directory)

    @property
    def names(self) -> frozenset[str]:
        """The index's own files that are there."""
        index, here = index_of(self), self._directory
        return frozenset(
            name for name in index.files if is_sealed(here, name) or os.path.lexists(here / name)
        )

    def record(self, name: str) -> bytes:
        """A record, opened if it is encrypted."""
        if not is_sealed(self._directory, name):
            return read_bounded(self._directory / name)
        with (
            open_regular(self._directory / f"{name}{SEALED}") as descriptor,
            os.fdopen(os.dup(descriptor), "rb") as file,
        ):
            return open_part(file, self._identity_files)

    def artifact(self, name: str) -> Away | None:
        """The file."""
        path = self._directory / name
        if not os.path.lexists(path):
            return None
        return Away(regular_size(path), FileSource(path))
