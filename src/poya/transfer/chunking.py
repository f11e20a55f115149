# SPDX-License-Identifier: Apache-2.0
"""Content-defined chunks: what two versions of a file have in common, wherever it moved to.

A file's index lists the digests of its chunks. It is kept of what was brought to a target, so that
a rebuilt image can be compared with it without reading the old one.
"""

from __future__ import annotations

import functools
import os
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

_AVERAGE_BYTES = 16 * 1024
_LEAST_BYTES = 4 * 1024
_MOST_BYTES = 64 * 1024
_DIGEST_BYTES = 16
_MAGIC = b"poya chunks 1\n"
_ENTRY = struct.Struct(f"<I{_DIGEST_BYTES}s")
_MOST_INDEXES = 64

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
        self._starts: dict[bytes, int] = {}
        start = 0
        for chunk in chunks:
            self._starts.setdefault(chunk.digest, start)
            start += chunk.size_bytes
        self.size_bytes = start

    def start_of(self, chunk: Chunk) -> int | None:
        """The offset of a chunk; None if the file has none like it."""
        return self._starts.get(chunk.digest)

    def encode(self) -> bytes:
        """The index as a file holds it."""
        return _MAGIC + b"".join(_ENTRY.pack(c.size_bytes, c.digest) for c in self.chunks)


def decode_index(raw: bytes) -> ChunkIndex | None:
    """Read an index; None if it is none."""
    body = raw.removeprefix(_MAGIC)
    if len(body) == len(raw) or len(body) % _ENTRY.size:
        return None
    return ChunkIndex([Chunk(size, digest) for size, digest in _ENTRY.iter_unpack(body)])


def joined(parts: Mapping[int, Iterable[Chunk]], count: int) -> ChunkIndex | None:
    """The index of a whole of the chunks of its parts (from 1); None if a part is missing."""
    if set(parts) != set(range(1, count + 1)):
        return None
    return ChunkIndex([chunk for number in range(1, count + 1) for chunk in parts[number]])


class ChunkStore:
    """Keeps the indexes of files that were moved, by the md5 of the file.

    It is a cache: what is lost costs bytes on the wire, nothing else.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def find(self, md5: str, size_bytes: int) -> ChunkIndex | None:
        """The index of a file; None if there is none that can be read."""
        try:
            index = decode_index(self._path(md5).read_bytes())
        except OSError:
            return None
        return index if index is not None and index.size_bytes == size_bytes else None

    def keep(self, md5: str, index: ChunkIndex) -> None:
        """Keep the index of a file; the oldest ones make room."""
        try:
            self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            draft = self._path(f"{md5}.{os.getpid()}")
            draft.write_bytes(index.encode())
            draft.rename(self._path(md5))
            found = sorted(self._directory.iterdir(), key=lambda path: path.stat().st_mtime)
            for old in found[:-_MOST_INDEXES]:
                old.unlink(missing_ok=True)
        except OSError:
            return  # a full disk must not fail a transfer that is done

    def _path(self, name: str) -> Path:
        return self._directory / name
