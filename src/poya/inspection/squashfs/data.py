# SPDX-License-Identifier: Apache-2.0
"""The contents of files: whole blocks, and tails that share blocks called fragments."""

from __future__ import annotations

import struct
from collections import OrderedDict
from collections.abc import Iterator

from poya.errors import ImageUnreadable
from poya.inspection.decompression import unpack_block
from poya.inspection.ranges import Metered
from poya.inspection.squashfs.inodes import NO_FRAGMENT, Inode
from poya.inspection.squashfs.metadata import BLOCK_BYTES, MetadataBlocks
from poya.inspection.squashfs.superblock import Superblock

_FRAGMENT = struct.Struct("<QII")
_POINTER_BYTES = 8
_ID_BYTES = 4
_IS_PLAIN = 1 << 24
_KEPT_FRAGMENTS = 8


class FileData:
    """Reads what files hold; keeps the latest fragments, as small files share them (8 MiB)."""

    def __init__(self, ranges: Metered, superblock: Superblock, metadata: MetadataBlocks) -> None:
        self._ranges, self._superblock, self._metadata = ranges, superblock, metadata
        self._fragments: OrderedDict[int, bytes] = OrderedDict()

    def read(self, inode: Inode, most_bytes: int) -> bytes:
        """The first bytes of a regular file, no more than it has."""
        wanted = min(most_bytes, inode.size_bytes)
        pieces: list[bytes] = []
        for piece in self._pieces(inode):
            if wanted <= 0:
                break
            pieces.append(piece[:wanted])
            wanted -= len(pieces[-1])
        return b"".join(pieces)

    def id_at(self, place: int) -> int:
        """The user's or group's number at a place in the table of ids."""
        entry = self._table_entry(self._superblock.id_table, place, _ID_BYTES)
        return int.from_bytes(entry, "little")

    def _pieces(self, inode: Inode) -> Iterator[bytes]:
        block_bytes = self._superblock.block_bytes
        start, left = inode.start, inode.size_bytes
        for stored in inode.blocks:
            length = min(block_bytes, left)
            yield self._block(start, stored, length)
            start += stored & (_IS_PLAIN - 1)
            left -= length
        if left and inode.fragment != NO_FRAGMENT:
            tail = self._fragment(inode.fragment)[inode.offset : inode.offset + left]
            if len(tail) != left:
                raise ImageUnreadable("A file's tail lies outside its fragment.")
            yield tail

    def _block(self, start: int, stored: int, length: int) -> bytes:
        """One block that holds so many bytes; a stored length of 0 stands for zeros."""
        packed_bytes = stored & (_IS_PLAIN - 1)
        if packed_bytes == 0:
            return bytes(length)
        data = self._packed(start, stored)
        if len(data) != length:
            raise ImageUnreadable(f"The block at {start:,} B holds {len(data):,} B.")
        return data

    def _packed(self, start: int, stored: int) -> bytes:
        most_bytes = self._superblock.block_bytes
        packed_bytes = stored & (_IS_PLAIN - 1)
        if packed_bytes > most_bytes:
            raise ImageUnreadable(f"The block at {start:,} B is {packed_bytes:,} B long.")
        data = self._ranges.read(start, packed_bytes)
        if stored & _IS_PLAIN:
            return data
        return unpack_block(self._superblock.compressor, data, most_bytes, self._ranges.meter)

    def _fragment(self, number: int) -> bytes:
        if number in self._fragments:
            self._fragments.move_to_end(number)
            return self._fragments[number]
        if number >= self._superblock.fragment_count:
            raise ImageUnreadable(f"A file refers to the fragment {number}, which is not there.")
        entry = self._table_entry(self._superblock.fragment_table, number, _FRAGMENT.size)
        start, stored, _unused = _FRAGMENT.unpack(entry)
        data = self._packed(start, stored)
        self._fragments[number] = data
        while len(self._fragments) > _KEPT_FRAGMENTS:
            self._fragments.popitem(last=False)
        return data

    def _table_entry(self, table: int, place: int, length: int) -> bytes:
        """One entry of a table that is found by pointers to its metadata blocks."""
        number, inside = divmod(place, BLOCK_BYTES // length)
        pointer = self._metadata.plain(table + number * _POINTER_BYTES, _POINTER_BYTES)
        block = int.from_bytes(pointer, "little")
        return self._metadata.cursor(block, inside * length).take(length)
