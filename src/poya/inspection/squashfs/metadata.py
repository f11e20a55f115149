# SPDX-License-Identifier: Apache-2.0
"""Metadata: inodes, directories and tables lie in chains of small packed blocks."""

from __future__ import annotations

from collections import OrderedDict

from poya.errors import ImageUnreadable
from poya.inspection.decompression import unpack_block
from poya.inspection.ranges import KIB, Meter, Ranges

BLOCK_BYTES = 8 * KIB
_HEADER_BYTES = 2
_IS_PLAIN = 0x8000
_KEPT_BLOCKS = 256


class MetadataBlocks:
    """Reads metadata blocks by where they begin in the file; keeps the latest (2 MiB)."""

    def __init__(self, ranges: Ranges, compressor: int, meter: Meter) -> None:
        self._ranges, self._compressor, self._meter = ranges, compressor, meter
        self._kept: OrderedDict[int, tuple[bytes, int]] = OrderedDict()

    def block(self, start: int) -> tuple[bytes, int]:
        """The block that begins at `start`, and where the next one begins."""
        if start in self._kept:
            self._kept.move_to_end(start)
            return self._kept[start]
        header = int.from_bytes(self._ranges.read(start, _HEADER_BYTES), "little")
        length = header & ~_IS_PLAIN
        if not 0 < length <= BLOCK_BYTES:
            raise ImageUnreadable(f"The metadata block at {start:,} B is {length:,} B long.")
        data = self._ranges.read(start + _HEADER_BYTES, length)
        if not header & _IS_PLAIN:
            data = unpack_block(self._compressor, data, BLOCK_BYTES, self._meter)
        found = (data, start + _HEADER_BYTES + length)
        self._kept[start] = found
        while len(self._kept) > _KEPT_BLOCKS:
            self._kept.popitem(last=False)
        return found

    def plain(self, start: int, length: int) -> bytes:
        """Bytes that lie in the file as they are: the pointers to a table's blocks."""
        return self._ranges.read(start, length)

    def cursor(self, start: int, offset: int) -> Cursor:
        """Read from within the block at `start`, on into those that follow."""
        return Cursor(self, start, offset)


class Cursor:
    """A place in a chain of metadata blocks, which moves on with each read."""

    def __init__(self, blocks: MetadataBlocks, start: int, offset: int) -> None:
        self._blocks, self._start, self._offset = blocks, start, offset

    def take(self, length: int) -> bytes:
        """The next bytes; raises `ImageUnreadable` where the chain breaks off."""
        pieces: list[bytes] = []
        while length > 0:
            data, following = self._blocks.block(self._start)
            piece = data[self._offset : self._offset + length]
            if not piece and self._offset > len(data):
                raise ImageUnreadable(f"The metadata block at {self._start:,} B is too short.")
            pieces.append(piece)
            length -= len(piece)
            self._offset += len(piece)
            if self._offset == len(data):
                self._start, self._offset = following, 0
        return b"".join(pieces)
