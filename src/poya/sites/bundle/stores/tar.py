# SPDX-License-Identifier: Apache-2.0
"""A bundle as a tar stream: the index first, so that every file is compared as it comes.

Reading trusts nothing of the archive: names must be those of the index, only regular files count,
and headers are bounded. Nothing is extracted by `tarfile`, which only takes the stream apart.
"""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from pathlib import Path
from typing import IO, BinaryIO

from poya.errors import BundleDamaged, DataDamaged, StoppedPartWay
from poya.sites.bundle.index import FileEntry
from poya.sites.bundle.names import INDEX, SIGNATURE
from poya.sites.bundle.reading import MOST_JSON_BYTES, open_regular
from poya.sites.bundle.stores.base import Parcel, Work
from poya.sites.bundle.stores.landing import Landing
from poya.sites.bundle.trust.signatures import MOST_SIGNATURE_BYTES

_MOST_HEADER_BYTES = 64 * 1024
# A pax header of the index: what the index says of others, it cannot say of itself.
_DIGEST = "POYA.sha256"
_BUFFER_BYTES = 1024 * 1024


class TarStore:
    """The store port for a stream; it can be read or written once."""

    def __init__(self, stream: BinaryIO, label: str) -> None:
        self._stream = stream
        self._label = label

    @property
    def label(self) -> str:
        """The file, or standard input or output."""
        return self._label

    def write(self, parcel: Parcel, work: Work) -> None:
        """Write an archive in the pax format; records come before image files."""
        try:
            with tarfile.open(
                fileobj=self._stream, mode="w|", format=tarfile.PAX_FORMAT, bufsize=_BUFFER_BYTES
            ) as archive:
                digest = hashlib.sha256(parcel.raw_index).hexdigest()
                _add(archive, INDEX, parcel.raw_index, {_DIGEST: digest})
                if parcel.signature is not None:
                    _add(archive, SIGNATURE, parcel.signature)
                for name in sorted(parcel.index.files, key=lambda n: _order(parcel, n)):
                    work.cancel.check()
                    _add_file(archive, name, parcel)
            self._stream.flush()
        except BrokenPipeError as error:
            raise StoppedPartWay(
                f"{self._label} was closed before the bundle was through.",
                todo="What reads it has ended: look there.",
            ) from error

    def read(self, landing: Landing, work: Work) -> None:
        """Land the files of an archive as they come."""
        try:
            with tarfile.open(
                fileobj=self._stream, mode="r|", bufsize=_BUFFER_BYTES, tarinfo=_Bounded
            ) as archive:
                _land_all(archive, landing, self._label, work)
        except tarfile.TarError as error:
            raise BundleDamaged(
                f"{self._label} is not a tar archive, or is cut short.", why=f"{error}"
            ) from error
        landing.finish()


def _order(parcel: Parcel, name: str) -> tuple[bool, str]:
    return parcel.index.files[name].role == "artifact", name


def _add(
    archive: tarfile.TarFile, name: str, content: bytes, headers: dict[str, str] | None = None
) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.pax_headers = len(content), 0o644, headers or {}
    archive.addfile(info, io.BytesIO(content))


def _add_file(archive: tarfile.TarFile, name: str, parcel: Parcel) -> None:
    path, entry = parcel.directory / name, parcel.index.files[name]
    with open_regular(path) as descriptor, os.fdopen(os.dup(descriptor), "rb") as file:
        info = tarfile.TarInfo(name)
        info.size, info.mode = os.fstat(descriptor).st_size, 0o644
        if info.size != entry.size_bytes:
            raise _damaged(path, f"bytes {info.size}, expected {entry.size_bytes}")
        hashing = _Hashing(file)
        try:
            archive.addfile(info, hashing)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise _damaged(path, f"It changed while it was read: {error}.") from error
    hashing.compare(path, entry)


class _Hashing(io.RawIOBase):
    """A file that is hashed as it is read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        data = self._file.read(size)
        self._digest.update(data)
        return data

    def compare(self, path: Path, entry: FileEntry) -> None:
        """Raise DataDamaged if what was read is not what the index says."""
        if self._digest.hexdigest() != entry.sha256:
            raise _damaged(path, f"sha256 {self._digest.hexdigest()}, expected {entry.sha256}")


class _Bounded(tarfile.TarInfo):
    """A member whose headers cannot be larger than a path needs."""

    _LONG = (
        tarfile.GNUTYPE_LONGNAME,
        tarfile.GNUTYPE_LONGLINK,
        tarfile.XHDTYPE,
        tarfile.XGLTYPE,
        tarfile.SOLARIS_XHDTYPE,
    )

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        if self.type in self._LONG and self.size > _MOST_HEADER_BYTES:
            raise tarfile.ReadError(f"a header of {self.size} bytes")
        if self.type == tarfile.GNUTYPE_SPARSE:
            raise tarfile.ReadError("a sparse file")
        return super()._proc_member(archive)  # type: ignore[misc,no-any-return]


def _land_all(archive: tarfile.TarFile, landing: Landing, label: str, work: Work) -> None:
    raw_index: bytes | None = None
    signature: bytes | None = None
    is_begun = False
    for member in archive:
        work.cancel.check()
        if member.isdir():
            continue
        content = archive.extractfile(member) if member.isreg() else None
        if content is None:
            raise BundleDamaged(f"{label} holds {member.name[:80]!r}, which is no regular file.")
        name = member.name.removeprefix("./")
        if raw_index is None:
            raw_index = _small(content, member, INDEX, MOST_JSON_BYTES)
            _compare_index(raw_index, member.pax_headers.get(_DIGEST), label)
        elif not is_begun and name == SIGNATURE:
            signature = _small(content, member, SIGNATURE, MOST_SIGNATURE_BYTES)
        else:
            if not is_begun:
                landing.begin(raw_index, signature, label)
                is_begun = True
            landing.land(name, content, member.size)
        archive.members.clear()  # type: ignore[attr-defined]
    if raw_index is not None and not is_begun:
        landing.begin(raw_index, signature, label)


def _compare_index(raw_index: bytes, digest: str | None, label: str) -> None:
    """Refuse an altered index; archives that others packed tell no digest of it."""
    if digest not in (None, hashlib.sha256(raw_index).hexdigest()):
        raise BundleDamaged(
            f"The index in {label} was altered on its way.",
            why=f"sha256 {hashlib.sha256(raw_index).hexdigest()}, expected {digest}.",
            todo="Get the archive again from another copy.",
        )


def _small(content: IO[bytes], member: tarfile.TarInfo, name: str, most_bytes: int) -> bytes:
    if member.name.removeprefix("./") != name or member.size > most_bytes:
        raise BundleDamaged(
            f"The archive does not begin with {name}.",
            why=f"It has {member.name[:80]!r} of {member.size} bytes there.",
            todo="Use an archive that 'poya bundle export' wrote.",
        )
    return content.read(most_bytes)


def _damaged(path: Path, why: str) -> DataDamaged:
    return DataDamaged(
        f"{path} is not what the index says; what was written is no bundle.",
        why=why,
        todo="Look at the bundle with 'poya bundle verify --deep'.",
    )
