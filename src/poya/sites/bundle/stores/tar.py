# SPDX-License-Identifier: Apache-2.0
"""A bundle as a tar stream: the index first, so that every file is compared as it comes."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO, cast

from poya.errors import StoppedPartWay
from poya.sites.bundle.indexed import parse_index
from poya.sites.bundle.reading import MOST_JSON_BYTES
from poya.sites.bundle.stores.base import Parcel, Work
from poya.sites.bundle.stores.landing import Landing
from poya.sites.bundle.stores.sealing import (
    MAGIC,
    Recipient,
    identities_of,
    is_encrypted,
    sealed,
    unsealed,
)
from poya.sites.bundle.stores.shelf import StreamShelf, is_record
from poya.sites.bundle.stores.tar_reading import forward, not_named, read_head, small
from poya.sites.bundle.stores.tar_writing import write_archive


class TarStore:
    """The store port for a stream; it can be read, looked at or written once.

    Args:
        stream: Read from or written to.
        label: The file, or standard input or output.
        recipients: Whom to encrypt it to; empty for nobody.
        identity_files: To decrypt with; needed only if it is encrypted.
    """

    def __init__(
        self,
        stream: BinaryIO,
        label: str,
        recipients: Sequence[Recipient] = (),
        identity_files: Sequence[str] = (),
    ) -> None:
        self._stream = stream
        self._label = label
        self._recipients = recipients
        self._identity_files = identity_files

    @property
    def label(self) -> str:
        """The file, or standard input or output."""
        return self._label

    def write(self, parcel: Parcel, work: Work) -> None:
        """Write an archive in the pax format; records come before image files."""
        try:
            with self._sealed() as stream:
                write_archive(stream, parcel, work)
            self._stream.flush()
        except BrokenPipeError as error:
            raise StoppedPartWay(
                f"{self._label} was closed before the bundle was through.",
                todo="What reads it has ended: look there.",
            ) from error

    def read(self, landing: Landing, work: Work) -> None:
        """Land the files of an archive as they come."""
        with self._opened() as stream, forward(stream, self._label) as files:
            raw_index, signature, rest = read_head(files, self._label)
            landing.begin(raw_index, signature, self._label)
            for member in rest:
                work.cancel.check()
                landing.land(member.name, member.content, member.info.size)
        landing.finish()

    def look(self) -> StreamShelf:
        """See the index and the records, which come first; the rest is not waited for."""
        with self._opened(to_end=False) as stream, forward(stream, self._label) as files:
            raw_index, signature, rest = read_head(files, self._label)
            index = parse_index(raw_index, self._label)
            wanted = {name for name in index.files if is_record(index, name)}
            found: dict[str, bytes] = {}
            while wanted - found.keys() and (member := next(rest, None)) is not None:
                if member.name not in index.files or member.name in found:
                    raise not_named(member.name)
                if member.name in wanted:
                    found[member.name] = small(member, MOST_JSON_BYTES)
        return StreamShelf(self._label, raw_index, signature, found)

    @contextmanager
    def _sealed(self) -> Iterator[BinaryIO]:
        if not self._recipients:
            yield self._stream
            return
        with sealed(self._stream, self._recipients) as plain:
            yield plain

    @contextmanager
    def _opened(self, *, to_end: bool = True) -> Iterator[BinaryIO]:
        stream = _Peeked(self._stream)
        if not is_encrypted(stream.head):
            yield cast("BinaryIO", stream)
            return
        identities = identities_of(self._identity_files)
        with unsealed(cast("BinaryIO", stream), identities, to_end=to_end) as plain:
            yield plain


class _Peeked(io.RawIOBase):
    """A stream whose first bytes were looked at."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.head = self._left = stream.read(len(MAGIC))

    def read(self, size: int = -1) -> bytes:
        """The next bytes, the first ones included."""
        if not self._left:
            return self._stream.read(size)
        data = self._left if size < 0 else self._left[:size]
        self._left = self._left[len(data) :]
        return data + self._stream.read(-1 if size < 0 else size - len(data))
