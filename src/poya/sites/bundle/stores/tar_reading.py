# SPDX-License-Identifier: Apache-2.0
"""Take a tar apart, trusting nothing of it: only regular files count, and headers are bounded.

Nothing is extracted by `tarfile`.
"""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import IO, BinaryIO, Literal

from poya.errors import BundleDamaged
from poya.sites.bundle.names import INDEX, SIGNATURE
from poya.sites.bundle.reading import MOST_JSON_BYTES
from poya.sites.bundle.trust.signatures import MOST_SIGNATURE_BYTES

# A pax header of the index: what the index says of others, it cannot say of itself.
DIGEST = "POYA.sha256"
_MOST_HEADER_BYTES = 64 * 1024
_BUFFER_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Member:
    """A regular file of an archive; its content is to be read before the next one is asked for."""

    name: str
    info: tarfile.TarInfo
    content: IO[bytes]


@contextmanager
def forward(
    stream: BinaryIO, label: str, mode: Literal["r|", "r:"] = "r|"
) -> Iterator[Iterator[Member]]:
    """The regular files of an archive, in their order.

    Args:
        stream: Where it is read from.
        label: How people know it.
        mode: `r:` if the stream can be searched, so that contents are passed over.

    Raises:
        BundleDamaged: It is no archive, is cut short, or holds something else than files.
    """
    try:
        with tarfile.open(
            fileobj=stream, mode=mode, bufsize=_BUFFER_BYTES, tarinfo=_Bounded
        ) as archive:
            yield _members(archive, label)
    except tarfile.TarError as error:
        raise BundleDamaged(
            f"{label} is not a tar archive, or is cut short.", why=f"{error}"
        ) from error


def _members(archive: tarfile.TarFile, label: str) -> Iterator[Member]:
    for info in archive:
        if not info.isdir():
            content = archive.extractfile(info) if info.isreg() else None
            if content is None:
                raise BundleDamaged(f"{label} holds {info.name[:80]!r}, which is no regular file.")
            yield Member(info.name.removeprefix("./"), info, content)
        archive.members.clear()  # type: ignore[attr-defined]


def read_head(files: Iterator[Member], label: str) -> tuple[bytes, bytes | None, Iterator[Member]]:
    """The index, which comes first, the signature if there is one, and the members after them.

    Raises:
        BundleDamaged: The archive begins otherwise, or its index was altered on the way.
    """
    first = next(files, None)
    if first is None:
        raise BundleDamaged(
            f"There is no bundle in {label}: it is empty.",
            todo="It may be cut short, or something else than 'poya bundle export' wrote.",
        )
    if first.name != INDEX or first.info.size > MOST_JSON_BYTES:
        raise BundleDamaged(
            f"The archive does not begin with {INDEX}.",
            why=f"It has {first.name[:80]!r} of {first.info.size} bytes there.",
            todo="Use an archive that 'poya bundle export' wrote.",
        )
    raw_index = small(first, MOST_JSON_BYTES)
    _compare_index(raw_index, first.info.pax_headers.get(DIGEST), label)
    second = next(files, None)
    if second is None:
        return raw_index, None, files
    if second.name == SIGNATURE:
        return raw_index, small(second, MOST_SIGNATURE_BYTES), files
    return raw_index, None, chain([second], files)


def small(member: Member, most_bytes: int) -> bytes:
    """The whole of a small member. Raises BundleDamaged if it is larger than it may be."""
    if member.info.size > most_bytes:
        raise BundleDamaged(
            f"{member.name[:80]!r} is larger than it may be.",
            why=f"It has {member.info.size} bytes, the limit is {most_bytes}.",
        )
    content = member.content.read(most_bytes)
    if len(content) != member.info.size:
        raise BundleDamaged(f"{member.name[:80]!r} is cut short.")
    return content


def not_named(name: str) -> BundleDamaged:
    """The error for a file that came and that the index does not name, or names once only."""
    return BundleDamaged(
        f"There is a file {name[:80]!r} that the index does not name, or that came before."
    )


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


def _compare_index(raw_index: bytes, digest: str | None, label: str) -> None:
    """Refuse an altered index; archives that others packed tell no digest of it."""
    if digest not in (None, hashlib.sha256(raw_index).hexdigest()):
        raise BundleDamaged(
            f"The index in {label} was altered on its way.",
            why=f"sha256 {hashlib.sha256(raw_index).hexdigest()}, expected {digest}.",
            todo="Get the archive again from another copy.",
        )
