# SPDX-License-Identifier: Apache-2.0
"""A bundle as a tar in a file: it appears whole or not at all, and any part of it can be read."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from poya.errors import BundleDamaged, PoyaError, StoppedPartWay, UsageError
from poya.files import sync_directory
from poya.sites.bundle.contents import Away
from poya.sites.bundle.indexed import parse_index
from poya.sites.bundle.reading import MOST_JSON_BYTES
from poya.sites.bundle.stores.base import Parcel, Work
from poya.sites.bundle.stores.landing import Landing
from poya.sites.bundle.stores.room import refuse_without_room
from poya.sites.bundle.stores.sealing import MAGIC, Recipient, is_encrypted
from poya.sites.bundle.stores.shelf import Shelf
from poya.sites.bundle.stores.slices import FileSlice
from poya.sites.bundle.stores.tar import TarStore
from poya.sites.bundle.stores.tar_reading import forward, not_named, read_head

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class TarFileStore:
    """The store port for a tar in a file; the arguments are as `TarStore`'s."""

    def __init__(
        self,
        path: Path,
        recipients: Sequence[Recipient] = (),
        identity_files: Sequence[str] = (),
    ) -> None:
        self._path = path
        self._recipients = recipients
        self._identity_files = identity_files

    @property
    def label(self) -> str:
        """The file."""
        return str(self._path)

    def write(self, parcel: Parcel, work: Work) -> None:
        """Write it beside, and give it its name when it is whole.

        Repeating it when that is done does nothing.
        """
        if os.path.lexists(self._path):
            self._refuse_another(parcel)
            return
        partial = self._path.with_name(f"{self._path.name}.partial")
        needed_bytes = parcel.size_bytes() + len(parcel.raw_index)
        refuse_without_room([(self._path.parent, needed_bytes)])
        try:
            with partial.open("wb") as file:
                TarStore(file, self.label, self._recipients).write(parcel, work)
                file.flush()
                os.fsync(file.fileno())
            partial.rename(self._path)
            sync_directory(self._path.parent)
        except OSError as error:
            raise _not_written(self._path, error) from error
        finally:
            with suppress(OSError):
                partial.unlink(missing_ok=True)

    def read(self, landing: Landing, work: Work) -> None:
        """Land its files in their order."""
        with self._opened() as file:
            TarStore(file, self.label, identity_files=self._identity_files).read(landing, work)

    def look(self) -> Shelf:
        """See where in the file everything is; one that is encrypted is read from its start."""
        with self._opened() as file:
            head = file.read(len(MAGIC))
            file.seek(0)
            if is_encrypted(head):
                return TarStore(file, self.label, identity_files=self._identity_files).look()
            return _shelf(self._path, file)

    def _refuse_another(self, parcel: Parcel) -> None:
        """A tar of the same bundle is there already, whole, or something else is."""
        with suppress(PoyaError):
            shelf = self.look()
            is_whole = isinstance(shelf, TarShelf) and shelf.names == parcel.index.files.keys()
            if shelf.raw_index == parcel.raw_index and (is_whole or self._recipients):
                return
        raise taken(self._path)

    @contextmanager
    def _opened(self) -> Iterator[BinaryIO]:
        try:
            file = self._path.open("rb")
        except OSError as error:
            raise UsageError(f"{self._path} cannot be read.", why=f"{error.strerror}.") from error
        with file:
            yield file


@dataclass(frozen=True, slots=True)
class TarShelf:
    """A tar in a file, and where in it everything is.

    Attributes:
        slices: By name.
    """

    label: str
    raw_index: bytes
    signature: bytes | None
    slices: Mapping[str, FileSlice]

    @property
    def names(self) -> frozenset[str]:
        """Every file."""
        return frozenset(self.slices)

    def record(self, name: str) -> bytes:
        """A small file."""
        found = self.slices.get(name)
        if found is None:
            raise BundleDamaged(f"{name} is missing in {self.label}.")
        if found.size_bytes > MOST_JSON_BYTES:
            raise BundleDamaged(f"{name} in {self.label} is larger than a record may be.")
        return found.read()

    def artifact(self, name: str) -> Away | None:
        """A range of the tar."""
        found = self.slices.get(name)
        return Away(found.size_bytes, found) if found else None


def taken(path: Path) -> UsageError:
    """The error for a tar that would be written over."""
    return UsageError(
        f"{path} is there already; it is not written over.", todo="Choose another name."
    )


def _shelf(path: Path, file: BinaryIO) -> TarShelf:
    slices: dict[str, FileSlice] = {}
    with forward(file, str(path), "r:") as files:
        raw_index, signature, rest = read_head(files, str(path))
        index = parse_index(raw_index, str(path))
        for member in rest:
            if member.name not in index.files or member.name in slices:
                raise not_named(member.name)
            start = member.info.offset_data
            slices[member.name] = FileSlice(path, start, member.info.size, member.name)
    return TarShelf(str(path), raw_index, signature, slices)


def _not_written(path: Path, error: OSError) -> PoyaError:
    stays = "Nothing of it stays; the bundle that it was made of does."
    if error.errno in _FULL:
        return StoppedPartWay(
            f"{path} could not be written: there is no space left.",
            why=f"{error.strerror}. {stays}",
            todo=f"Make space in {path.parent}, or choose a place on another disk.",
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR):
        return UsageError(f"{path} may not be written.", why=f"{error.strerror}.")
    return StoppedPartWay(f"{path} could not be written.", why=f"{error.strerror}. {stays}")
