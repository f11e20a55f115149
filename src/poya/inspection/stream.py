# SPDX-License-Identifier: Apache-2.0
"""Bytes one after the other, from a file or out of a decompressor."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from poya.errors import ImageUnreadable
from poya.inspection.ranges import KIB, MIB, Metered

_FIRST_BYTES = MIB
_MOST_BYTES = 8 * MIB
_SOME_BYTES = 256 * KIB


class ByteStream:
    """Takes bytes in order from pieces that arrive as they are needed.

    No more than one piece is held beyond what was asked for.

    Attributes:
        position: How many bytes were taken or passed over.
    """

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._held: deque[memoryview] = deque()
        self._held_bytes = 0
        self.position = 0

    def peek(self, length: int) -> bytes:
        """The next bytes, which stay; fewer at the end."""
        while self._held_bytes < length and self._fetch():
            pass
        if self._held and len(self._held[0]) < length:
            self._gather(length)
        return bytes(self._held[0][:length]) if self._held else b""

    def take(self, length: int) -> bytes:
        """The next bytes.

        Raises:
            ImageUnreadable: It ends before.
        """
        data = self.peek(length)
        if len(data) < length:
            raise self._too_early(length - len(data))
        self._drop(length)
        return data

    def take_some(self) -> bytes:
        """Some of what comes next, as it is at hand; empty at the end."""
        self.peek(1)
        data = bytes(self._held[0][:_SOME_BYTES]) if self._held else b""
        self._drop(len(data))
        return data

    def skip(self, length: int) -> None:
        """Pass over bytes.

        Raises:
            ImageUnreadable: It ends before.
        """
        while length > 0:
            self.peek(1)
            step = min(length, len(self._held[0])) if self._held else 0
            if step == 0:
                raise self._too_early(length)
            self._drop(step)
            length -= step

    def skip_zeros(self) -> None:
        """Pass over padding."""
        while self.peek(1) == b"\0":
            first = bytes(self._held[0][:_SOME_BYTES])
            self._drop(len(first) - len(first.lstrip(b"\0")))

    def give_back(self, data: bytes) -> None:
        """Put back bytes that were taken and not used."""
        if data:
            self._held.appendleft(memoryview(data))
            self._held_bytes += len(data)
            self.position -= len(data)

    def _fetch(self) -> bool:
        piece = next(self._pieces, None)
        if piece:
            self._held.append(memoryview(piece))
            self._held_bytes += len(piece)
        return piece is not None

    def _gather(self, length: int) -> None:
        """Make the first views one that is long enough."""
        parts: list[memoryview] = []
        while self._held and sum(map(len, parts)) < length:
            parts.append(self._held.popleft())
        self._held.appendleft(memoryview(b"".join(parts)))

    def _drop(self, length: int) -> None:
        self.position += length
        self._held_bytes -= length
        while length:
            first = self._held[0]
            if len(first) > length:
                self._held[0] = first[length:]
                return
            length -= len(first)
            self._held.popleft()

    def _too_early(self, missing: int) -> ImageUnreadable:
        end = self.position + self._held_bytes
        return ImageUnreadable(f"It ends at {end:,} B, {missing:,} B too early.")


def stream_of(ranges: Metered) -> ByteStream:
    """A file from its beginning, in requests that grow: short looks stay cheap."""
    return ByteStream(_pieces(ranges))


def _pieces(ranges: Metered) -> Iterator[bytes]:
    start, step = 0, _FIRST_BYTES
    while start < ranges.size_bytes:
        data = ranges.read(start, min(step, ranges.size_bytes - start))
        yield data
        start += len(data)
        step = min(2 * step, _MOST_BYTES)
