# SPDX-License-Identifier: Apache-2.0
"""How an object is cut into parts: pure decisions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from poya.errors import UsageError
from poya.transfer.etags import (
    MAX_OBJECT_BYTES,
    MAX_PART_BYTES,
    MIB,
    MIN_PART_BYTES,
    candidate_part_sizes,
    choose_part_size,
    is_plain_md5,
    part_count,
    parts_for,
)

DEFAULT_PART_BYTES = 16 * MIB
STREAM_CHUNK_BYTES = 4 * MIB
# Each cut that is hashed for costs a core 1.5 s per GiB.
_SMALL_BYTES, _MANY_CUTS, _FEW_CUTS = 64 * MIB, 8, 2


@dataclass(frozen=True, slots=True)
class Part:
    """A range of the object.

    Attributes:
        number: From 1.
        start: Offset of its first byte.
        size_bytes: Zero only for the single part of an empty object.
    """

    number: int
    start: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Layout:
    """How an artifact is cut and sent.

    Attributes:
        size_bytes: Of the whole.
        part_size_bytes: Of every part but the last.
        is_multipart: Whether the target object is a multipart one; False sends one PUT.
        chunk_bytes: The largest piece that is held in memory at once. Parts that are larger are
            streamed, one after the other.
    """

    size_bytes: int
    part_size_bytes: int
    is_multipart: bool
    chunk_bytes: int

    @property
    def is_streamed(self) -> bool:
        """Whether parts are larger than what is held in memory."""
        return min(self.part_size_bytes, self.size_bytes) > self.chunk_bytes

    @property
    def count(self) -> int:
        """Number of parts."""
        return parts_for(self.size_bytes, self.part_size_bytes)

    def parts(self) -> Iterator[Part]:
        """All parts in order."""
        for index in range(self.count):
            start = index * self.part_size_bytes
            yield Part(index + 1, start, min(self.part_size_bytes, self.size_bytes - start))


def lay_out_object(
    size_bytes: int, source_etag: str, memory_bytes: int, told_bytes: int | None = None
) -> Layout:
    """Cut an object for an object store, so that equal bytes get the source's etag if possible.

    Args:
        size_bytes: Of the object.
        source_etag: At the source; empty if unknown.
        memory_bytes: What all buffers may take.
        told_bytes: The part size at the source, if it is known.

    Raises:
        UsageError: It is larger than S3 objects can be (5 TiB).
    """
    if size_bytes > MAX_OBJECT_BYTES:
        raise UsageError(f"An object of {size_bytes} bytes is larger than S3 allows (5 TiB).")
    held_bytes = _held_bytes(memory_bytes)
    count = part_count(source_etag)
    # A larger single PUT is streamed: only a known md5 keeps damage from being published then.
    single_bytes = (
        memory_bytes if is_plain_md5(source_etag) else min(DEFAULT_PART_BYTES, held_bytes)
    )
    if count is None and size_bytes <= single_bytes:
        at_once = min(DEFAULT_PART_BYTES, held_bytes)
        return _bounded(size_bytes, max(size_bytes, 1), at_once, is_multipart=False)
    usable = usable_part_sizes(size_bytes, count or 0, told_bytes)
    part_bytes = usable[0] if usable else choose_part_size(size_bytes, DEFAULT_PART_BYTES)
    return _bounded(size_bytes, part_bytes, held_bytes, is_multipart=True)


def lay_out_file(
    size_bytes: int, source_etag: str, memory_bytes: int, told_bytes: int | None = None
) -> Layout:
    """Cut a file: as the source object was if that fits in memory, since that checks its etag."""
    usable = usable_part_sizes(size_bytes, part_count(source_etag) or 0, told_bytes)
    part_bytes = usable[0] if usable else DEFAULT_PART_BYTES
    if part_bytes > _held_bytes(memory_bytes):
        part_bytes = min(DEFAULT_PART_BYTES, _held_bytes(memory_bytes))
    return Layout(size_bytes, part_bytes, is_multipart=bool(usable), chunk_bytes=part_bytes)


def usable_part_sizes(size_bytes: int, count: int, told_bytes: int | None = None) -> list[int]:
    """Part sizes that a multipart etag of so many parts allows and S3 accepts, likeliest first.

    One that the source's store tells is beyond doubt, if it gives that many parts.
    """
    if told_bytes and count and parts_for(size_bytes, told_bytes) == count:
        return [told_bytes]
    return [
        size
        for size in candidate_part_sizes(size_bytes, count)
        if MIN_PART_BYTES <= size <= MAX_PART_BYTES
    ]


def recut_layout(size_bytes: int, part_size_bytes: int) -> Layout:
    """Cut an object that is not going to pass through memory."""
    return Layout(size_bytes, part_size_bytes, is_multipart=True, chunk_bytes=part_size_bytes)


def other_cuts(
    size_bytes: int, source_etag: str, chosen_bytes: int, told_bytes: int | None = None
) -> list[int]:
    """Part sizes besides the chosen one that are worth hashing for: two, or more if it is small.

    None where the chosen one is beyond doubt: few sizes cut a large object into so many parts.
    """
    count = part_count(source_etag) or 0
    usable = usable_part_sizes(size_bytes, count, told_bytes)
    is_narrow = count > 1 and size_bytes // (count * (count - 1)) < MIB
    if usable and usable[0] == chosen_bytes and is_narrow and chosen_bytes % MIB == 0:
        return []
    most = _MANY_CUTS if size_bytes <= _SMALL_BYTES else _FEW_CUTS
    return [size for size in usable if size != chosen_bytes][:most]


def is_cut_in_doubt(size_bytes: int, etag: str) -> bool:
    """Whether a multipart etag leaves it open where its object was cut."""
    usable = usable_part_sizes(size_bytes, part_count(etag) or 0)
    return bool(usable) and bool(other_cuts(size_bytes, etag, usable[0]))


def _bounded(size_bytes: int, part_bytes: int, at_once: int, *, is_multipart: bool) -> Layout:
    fits = min(part_bytes, size_bytes) <= at_once
    chunk_bytes = part_bytes if fits else min(STREAM_CHUNK_BYTES, at_once)
    return Layout(size_bytes, part_bytes, is_multipart, chunk_bytes)


def _held_bytes(memory_bytes: int) -> int:
    """The largest buffer: half of the memory, so that reading and writing overlap."""
    return max(1, memory_bytes // 2)
