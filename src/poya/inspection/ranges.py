# SPDX-License-Identifier: Apache-2.0
"""Ranges of a file, and what bounds the reading of them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from poya.errors import ImageUnreadable, TooMuchToRead

KIB = 1024
MIB = 1024 * KIB


class Ranges(Protocol):
    """A file that is read in ranges: an S3 object, a local file, bytes."""

    @property
    def size_bytes(self) -> int:
        """The file's length."""
        ...

    def read(self, offset: int, length: int) -> bytes:
        """Exactly these bytes. Callers ask only for what lies within the file."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """How much looking into one image may take.

    Attributes:
        requests: Ranges asked for.
        read_bytes: Bytes asked for, all ranges together.
        unpacked_bytes: Bytes that come out of all decompressors together.
        seconds: From the first request to the last.
    """

    requests: int = 1000
    read_bytes: int = 512 * MIB
    unpacked_bytes: int = 4096 * MIB
    seconds: float = 180.0


@dataclass(slots=True)
class Used:
    """What looking has taken so far."""

    requests: int = 0
    read_bytes: int = 0
    unpacked_bytes: int = 0


class Meter:
    """Counts what is used, and stops it at the limits.

    Args:
        limits: The most that may be used.
        clock: Seconds that only go forward, as `time.monotonic`.
    """

    def __init__(self, limits: Limits, clock: Callable[[], float]) -> None:
        self._limits, self._clock = limits, clock
        self._started_s = clock()
        self.used = Used()

    def asked(self, length: int) -> None:
        """Count a range, before it is asked for.

        Raises:
            TooMuchToRead: It would exceed a limit.
        """
        self.used.requests += 1
        self.used.read_bytes += length
        if self.used.requests > self._limits.requests:
            raise TooMuchToRead(f"Looking inside takes over {self._limits.requests} requests.")
        if self.used.read_bytes > self._limits.read_bytes:
            most = self._limits.read_bytes // MIB
            raise TooMuchToRead(f"Looking inside takes over {most} MiB to read.")
        self.look()

    def unpacked(self, length: int) -> None:
        """Count bytes that a decompressor gave.

        Raises:
            TooMuchToRead: A limit is exceeded.
        """
        self.used.unpacked_bytes += length
        if self.used.unpacked_bytes > self._limits.unpacked_bytes:
            most = self._limits.unpacked_bytes // MIB
            raise TooMuchToRead(f"Looking inside unpacks over {most} MiB.")
        self.look()

    def look(self) -> None:
        """Look at the clock.

        Raises:
            TooMuchToRead: The time is over.
        """
        if self._clock() - self._started_s > self._limits.seconds:
            raise TooMuchToRead(f"Looking inside takes over {self._limits.seconds:g} s.")


class Metered:
    """Ranges that are counted, and that cannot be asked for outside the file."""

    def __init__(self, ranges: Ranges, meter: Meter) -> None:
        self._ranges = ranges
        self.meter = meter
        self.size_bytes = ranges.size_bytes

    def read(self, offset: int, length: int) -> bytes:
        """Exactly these bytes.

        Raises:
            ImageUnreadable: They lie outside the file: it is cut short, or it points nowhere.
            TooMuchToRead: A limit is exceeded.
        """
        if offset < 0 or length < 0 or offset + length > self.size_bytes:
            raise ImageUnreadable(
                f"The file ends at {self.size_bytes:,} B; it refers to {length:,} B at {offset:,}."
            )
        if length == 0:
            return b""
        self.meter.asked(length)
        data = self._ranges.read(offset, length)
        if len(data) != length:
            raise ImageUnreadable(f"Of {length:,} B at {offset:,} only {len(data):,} B came.")
        return data


class Chunked:
    """Ranges read in aligned chunks that are kept for a while: neighbours cost no request.

    Args:
        ranges: What is read.
        chunk_bytes: How much is asked for at once.
        kept: How many chunks are kept; with `chunk_bytes` this bounds the memory.
    """

    def __init__(self, ranges: Metered, chunk_bytes: int = 256 * KIB, kept: int = 32) -> None:
        self._ranges, self._chunk_bytes, self._most = ranges, chunk_bytes, kept
        self._kept: OrderedDict[int, bytes] = OrderedDict()
        self.size_bytes = ranges.size_bytes

    def read(self, offset: int, length: int) -> bytes:
        """Exactly these bytes; raises as `Metered.read`."""
        if offset < 0 or length < 0 or offset + length > self.size_bytes:
            return self._ranges.read(offset, length)  # says what is wrong
        pieces = []
        while length > 0:
            number, skip = divmod(offset, self._chunk_bytes)
            piece = self._chunk(number)[skip : skip + length]
            pieces.append(piece)
            offset, length = offset + len(piece), length - len(piece)
        return b"".join(pieces)

    def _chunk(self, number: int) -> bytes:
        if number in self._kept:
            self._kept.move_to_end(number)
            return self._kept[number]
        start = number * self._chunk_bytes
        data = self._ranges.read(start, min(self._chunk_bytes, self.size_bytes - start))
        self._kept[number] = data
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return data
