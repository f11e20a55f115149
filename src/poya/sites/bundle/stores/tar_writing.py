# SPDX-License-Identifier: Apache-2.0
"""Write a bundle as a tar: the index first, then records, then image files, all compared."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from poya.errors import DataDamaged
from poya.sites.bundle.index import FileEntry
from poya.sites.bundle.names import INDEX, SIGNATURE
from poya.sites.bundle.reading import open_regular, unreadable
from poya.sites.bundle.stores.base import Parcel, Work
from poya.sites.bundle.stores.tar_reading import DIGEST
from poya.transfer.events import Progress

_BUFFER_BYTES = 1024 * 1024


def write_archive(stream: BinaryIO, parcel: Parcel, work: Work) -> None:
    """Write an archive in the pax format.

    Raises:
        DataDamaged: A file of the parcel is not what its index says.
        OSError: The stream could not be written.
    """
    progress = Progress(work.on_event)
    for name, entry in parcel.index.files.items():
        progress.expect(name, entry.size_bytes or 0)
    with tarfile.open(
        fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT, bufsize=_BUFFER_BYTES
    ) as archive:
        digest = hashlib.sha256(parcel.raw_index).hexdigest()
        _add(archive, INDEX, parcel.raw_index, {DIGEST: digest})
        if parcel.signature is not None:
            _add(archive, SIGNATURE, parcel.signature)
        for name in sorted(parcel.index.files, key=lambda n: _order(parcel, n)):

            def advance(count_bytes: int, name: str = name) -> None:
                work.cancel.check()
                progress.advance(name, count_bytes)

            progress.start(name, parcel.index.files[name].size_bytes or 0, 0)
            _add_file(archive, name, parcel, advance)
    stream.flush()


def _order(parcel: Parcel, name: str) -> tuple[bool, str]:
    return parcel.index.files[name].role == "artifact", name


def _add(
    archive: tarfile.TarFile, name: str, content: bytes, headers: dict[str, str] | None = None
) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.pax_headers = len(content), 0o644, headers or {}
    archive.addfile(info, io.BytesIO(content))


def _add_file(
    archive: tarfile.TarFile, name: str, parcel: Parcel, advance: Callable[[int], None]
) -> None:
    path, entry = parcel.directory / name, parcel.index.files[name]
    with open_regular(path) as descriptor, os.fdopen(os.dup(descriptor), "rb") as file:
        info = tarfile.TarInfo(name)
        info.size, info.mode = os.fstat(descriptor).st_size, 0o644
        if info.size != entry.size_bytes:
            raise _damaged(path, f"bytes {info.size}, expected {entry.size_bytes}")
        hashing = _Hashing(file, path, advance)
        try:
            archive.addfile(info, hashing)
        except OSError as error:
            if error.errno is not None:  # it could not be written
                raise
            raise _damaged(path, f"It changed while it was read: {error}.") from error
    hashing.compare(path, entry)


class _Hashing(io.RawIOBase):
    """A file that is hashed as it is read."""

    def __init__(self, file: BinaryIO, path: Path, advance: Callable[[int], None]) -> None:
        self._file, self._path, self._advance = file, path, advance
        self._digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        try:
            data = self._file.read(size)
        except OSError as error:
            raise unreadable(self._path, error) from error
        self._digest.update(data)
        self._advance(len(data))
        return data

    def compare(self, path: Path, entry: FileEntry) -> None:
        """Raise DataDamaged if what was read is not what the index says."""
        if self._digest.hexdigest() != entry.sha256:
            raise _damaged(path, f"sha256 {self._digest.hexdigest()}, expected {entry.sha256}")


def _damaged(path: Path, why: str) -> DataDamaged:
    return DataDamaged(
        f"{path} is not what the index says; what was written is no bundle.",
        why=why,
        todo="Look at the bundle with 'poya bundle verify --deep'.",
    )
