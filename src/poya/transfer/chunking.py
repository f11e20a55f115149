# SPDX-License-Identifier: Apache-2.0
"""Content-defined chunks: what two versions of a file have in common, wherever it moved to.

A file's index lists the digests of its chunks. It is kept of what was brought to a target or into
a bundle, so that a rebuilt image can be compared with it without reading the old one.
"""

from __future__ import annotations

import contextlib
import functools
import os
import struct
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import TypeAlias

from poya.transfer.layout import Part

_AVERAGE_BYTES = 16 * 1024
_LEAST_BYTES = 4 * 1024
_MOST_BYTES = 64 * 1024
_DIGEST_BYTES = 16
_MAGIC = b"poya chunks 1\n"
_ENTRY = struct.Struct(f"<I{_DIGEST_BYTES}s")
_MOST_INDEXES = 64
# The digest of bytes that nobody has looked at; no chunk has it.
_UNSEEN = bytes(_DIGEST_BYTES)

Cutter: TypeAlias = "Callable[[memoryview], list[Chunk]]"


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a file.

    Attributes:
        size_bytes: Its length.
        digest: Of its bytes; equal ones are taken to be equal bytes until the whole is proven.
    """

    size_bytes: int
    digest: bytes


@functools.cache
def cutter() -> Cutter | None:
    """The function that cuts bytes into chunks; None where its libraries are not installed.

    They come with `pip install poya[delta]`.
    """
    try:
        from pyfastcdc import FastCDC  # noqa: PLC0415 -- optional
        from xxhash import xxh3_128_digest  # noqa: PLC0415
    except ImportError:
        return None
    cdc = FastCDC(avg_size=_AVERAGE_BYTES, min_size=_LEAST_BYTES, max_size=_MOST_BYTES)

    def cut(data: memoryview) -> list[Chunk]:
        # Each part of an object is cut by itself, so that parts need not wait for one another.
        return [Chunk(c.length, xxh3_128_digest(c.data)) for c in cdc.cut_buf(data)]

    return cut


class ChunkIndex:
    """Where a file has which chunk."""

    def __init__(self, chunks: Sequence[Chunk]) -> None:
        self.chunks = tuple(chunks)
        self._offsets = list(accumulate((chunk.size_bytes for chunk in chunks), initial=0))
        self._starts: dict[bytes, int] = {}
        for chunk, start in zip(self.chunks, self._offsets, strict=False):
            self._starts.setdefault(chunk.digest, start)
        self._starts.pop(_UNSEEN, None)
        self.size_bytes = self._offsets[-1]

    def start_of(self, chunk: Chunk) -> int | None:
        """The offset of a chunk; None if the file has none like it."""
        return self._starts.get(chunk.digest)

    def within(self, start: int, size_bytes: int) -> list[Chunk] | None:
        """The chunks that make up a range; None if it begins or ends in the middle of one."""
        ends = (start, start + size_bytes)
        first, last = (bisect_left(self._offsets, end) for end in ends)
        is_exact = self._offsets[first : first + 1] + self._offsets[last : last + 1] == [*ends]
        return list(self.chunks[first:last]) if is_exact else None

    def encode(self) -> bytes:
        """The index as a file holds it."""
        return _MAGIC + b"".join(_ENTRY.pack(c.size_bytes, c.digest) for c in self.chunks)


def decode_index(raw: bytes) -> ChunkIndex | None:
    """Read an index; None if it is none."""
    body = raw.removeprefix(_MAGIC)
    if len(body) == len(raw) or len(body) % _ENTRY.size:
        return None
    return ChunkIndex([Chunk(size, digest) for size, digest in _ENTRY.iter_unpack(body)])


def joined(
    parts: Iterable[Part], seen: Mapping[int, Iterable[Chunk]], known: ChunkIndex | None = None
) -> ChunkIndex:
    """The index of a whole of the chunks of its parts.

    Args:
        parts: All of them, in order.
        seen: Chunks by the number of the part.
        known: What an interrupted run saw of the same file; it fills in for parts that this one
            did not see. What neither saw is a gap that nothing will be found in.
    """
    chunks: list[Chunk] = []
    for part in parts:
        if part.number in seen:
            chunks += seen[part.number]
        else:
            before = known.within(part.start, part.size_bytes) if known is not None else None
            chunks += before or [Chunk(part.size_bytes, _UNSEEN)]
    return ChunkIndex(chunks)


class ChunkStore:
    """Keeps the indexes of files that were moved, by the md5 of the file.

    It is a cache: what is lost costs bytes on the wire, nothing else.

    Args:
        keeps: Directories that every index is put into: the operator's own, and that of the
            bundle which is being written.
        reads: Directories that are looked into besides: that of the bundle which is being read.
    """

    def __init__(self, *keeps: Path, reads: Sequence[Path] = ()) -> None:
        self._keeps, self._reads = keeps, tuple(reads)

    def find(self, md5: str, size_bytes: int) -> ChunkIndex | None:
        """The index of a file; None if there is none that can be read."""
        for directory in (*self._keeps, *self._reads):
            try:
                index = decode_index((directory / md5).read_bytes())
            except OSError:
                continue
            if index is not None and index.size_bytes == size_bytes:
                return index
        return None

    def keep(self, md5: str, index: ChunkIndex) -> None:
        """Keep the index of a file; the oldest ones make room."""
        for directory in self._keeps:
            # A full disk must not fail a transfer that is done.
            with contextlib.suppress(OSError):
                _keep(directory, md5, index)


def _keep(directory: Path, md5: str, index: ChunkIndex) -> None:
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = directory / f"{md5}.{os.getpid()}"
    draft.write_bytes(index.encode())
    draft.rename(directory / md5)
    found = sorted(directory.iterdir(), key=lambda path: path.stat().st_mtime)
    for old in found[:-_MOST_INDEXES]:
        old.unlink(missing_ok=True)
