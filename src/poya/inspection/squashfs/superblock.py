# SPDX-License-Identifier: Apache-2.0
"""The superblock: where everything is, and how it is packed."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from poya.errors import ImageUnreadable
from poya.inspection.decompression import block_packing
from poya.inspection.ranges import KIB, MIB, Ranges

_LAYOUT = struct.Struct("<4s4I6H8Q")
_MAGIC = b"hsqs"
_BIG_ENDIAN_MAGIC = b"sqsh"
_LEAST_BLOCK_BYTES, _MOST_BLOCK_BYTES = 4 * KIB, MIB


@dataclass(frozen=True, slots=True)
class Superblock:
    """What the first 96 bytes say; tables are named by their offsets in the file.

    Attributes:
        root: Reference to the root directory's inode.
        used_bytes: The file system's length; the file may be longer.
    """

    inode_count: int
    made_at_s: int
    block_bytes: int
    fragment_count: int
    compressor: int
    id_count: int
    root: int
    used_bytes: int
    id_table: int
    inode_table: int
    directory_table: int
    fragment_table: int

    @property
    def packing(self) -> str:
        """The compressor's name."""
        return block_packing(self.compressor)


def read_superblock(ranges: Ranges) -> Superblock:
    """Read and check it.

    Raises:
        ImageUnreadable: It is no squashfs 4.0 that can be read, or contradicts itself.
    """
    if ranges.size_bytes < _LAYOUT.size:
        raise ImageUnreadable(f"It is no squashfs: it has only {ranges.size_bytes} B.")
    (
        magic, inodes, made, block_bytes, fragments, compressor, block_log, _flags, ids,
        major, minor, root, used, id_table, _xattrs, inode_table, directories, fragment_table,
        _exports,
    ) = _LAYOUT.unpack(ranges.read(0, _LAYOUT.size))  # fmt: skip
    if magic != _MAGIC:
        is_old = magic == _BIG_ENDIAN_MAGIC
        raise ImageUnreadable(
            "It is a squashfs of big-endian machines." if is_old else "It is no squashfs.",
            why=f"It begins with {magic!r}.",
        )
    if (major, minor) != (4, 0):
        raise ImageUnreadable(f"It is squashfs {major}.{minor}; poya reads 4.0.")
    is_allowed = _LEAST_BLOCK_BYTES <= block_bytes <= _MOST_BLOCK_BYTES
    if not is_allowed or block_bytes.bit_count() != 1 or block_bytes.bit_length() != block_log + 1:
        raise ImageUnreadable(f"Its block size is {block_bytes:,} B, 2^{block_log}.")
    if used > ranges.size_bytes:
        raise ImageUnreadable(
            f"The file system is {used:,} B long, its file only {ranges.size_bytes:,} B."
        )
    if not inode_table < directories <= used:
        raise ImageUnreadable("Its tables are not in their order.")
    block_packing(compressor)
    return Superblock(
        inode_count=inodes,
        made_at_s=made,
        block_bytes=block_bytes,
        fragment_count=fragments,
        compressor=compressor,
        id_count=ids,
        root=root,
        used_bytes=used,
        id_table=id_table,
        inode_table=inode_table,
        directory_table=directories,
        fragment_table=fragment_table,
    )
