# SPDX-License-Identifier: Apache-2.0
"""Inodes: what a file is, and where its bytes are."""

from __future__ import annotations

import stat
import struct
from collections.abc import Callable
from dataclasses import dataclass, replace

from poya.errors import ImageUnreadable
from poya.inspection.ranges import MIB
from poya.inspection.squashfs.metadata import Cursor

NO_FRAGMENT = 0xFFFFFFFF
_MOST_TARGET_BYTES = 65535
# A file of 16 GiB in blocks of 4 KiB: 4 Mi blocks. Larger lists are no file of an image.
_MOST_BLOCKS = 4 * MIB

_HEADER = struct.Struct("<4H2I")
_DIRECTORY = struct.Struct("<2I2HI")
_LONG_DIRECTORY = struct.Struct("<4I2HI")
_FILE = struct.Struct("<4I")
_LONG_FILE = struct.Struct("<3Q4I")
_LINK = struct.Struct("<2I")
_DEVICE = struct.Struct("<2I")


@dataclass(frozen=True, slots=True)
class Inode:
    """One inode.

    Attributes:
        mode: File type and permission bits, as `stat` has them.
        owner, group: Places in the table of ids.
        size_bytes: Of a file, or of a directory's listing.
        start: A file: where its blocks begin in the file. A directory: the block of its listing,
            from the beginning of the directory table.
        offset: A file: where it begins in its fragment. A directory: where in that block.
        fragment: The fragment that holds a file's tail; `NO_FRAGMENT` if none does.
        blocks: The packed length of each block, as it is stored.
        target: What a symbolic link points to.
        device: A device's number, as it is stored.
    """

    mode: int
    owner: int
    group: int
    modified_at_s: int
    number: int
    size_bytes: int = 0
    start: int = 0
    offset: int = 0
    fragment: int = NO_FRAGMENT
    blocks: tuple[int, ...] = ()
    target: bytes = b""
    device: int = 0

    @property
    def is_directory(self) -> bool:
        """Say whether it is a directory."""
        return stat.S_ISDIR(self.mode)

    @property
    def is_file(self) -> bool:
        """Say whether it is a regular file."""
        return stat.S_ISREG(self.mode)

    @property
    def is_link(self) -> bool:
        """Say whether it is a symbolic link."""
        return stat.S_ISLNK(self.mode)


def read_inode(cursor: Cursor, block_bytes: int) -> Inode:
    """Read the inode at the cursor.

    Raises:
        ImageUnreadable: It is of no known type, or impossible.
    """
    kind, permissions, owner, group, modified, number = _HEADER.unpack(cursor.take(_HEADER.size))
    if kind not in _KINDS:
        raise ImageUnreadable(f"An inode has the unknown type {kind}.")
    file_type, read = _KINDS[kind]
    mode = file_type | (permissions & 0o7777)
    return read(cursor, Inode(mode, owner, group, modified, number), block_bytes)


def _directory(cursor: Cursor, head: Inode, _: int) -> Inode:
    start, _links, size, offset, _parent = _DIRECTORY.unpack(cursor.take(_DIRECTORY.size))
    return replace(head, start=start, size_bytes=size, offset=offset)


def _long_directory(cursor: Cursor, head: Inode, _: int) -> Inode:
    _links, size, start, _parent, _index, offset, _xattr = _LONG_DIRECTORY.unpack(
        cursor.take(_LONG_DIRECTORY.size)
    )
    return replace(head, start=start, size_bytes=size, offset=offset)


def _file(cursor: Cursor, head: Inode, block_bytes: int) -> Inode:
    start, fragment, offset, size = _FILE.unpack(cursor.take(_FILE.size))
    inode = replace(head, start=start, fragment=fragment, offset=offset, size_bytes=size)
    return _with_blocks(cursor, inode, block_bytes)


def _long_file(cursor: Cursor, head: Inode, block_bytes: int) -> Inode:
    start, size, _sparse, _links, fragment, offset, _xattr = _LONG_FILE.unpack(
        cursor.take(_LONG_FILE.size)
    )
    inode = replace(head, start=start, fragment=fragment, offset=offset, size_bytes=size)
    return _with_blocks(cursor, inode, block_bytes)


def _with_blocks(cursor: Cursor, inode: Inode, block_bytes: int) -> Inode:
    has_tail = inode.fragment != NO_FRAGMENT
    full, rest = divmod(inode.size_bytes, block_bytes)
    count = full if has_tail or not rest else full + 1
    if count > _MOST_BLOCKS:
        raise ImageUnreadable(f"A file claims to be {inode.size_bytes:,} B long.")
    sizes = struct.unpack(f"<{count}I", cursor.take(4 * count))
    return replace(inode, blocks=sizes)


def _link(cursor: Cursor, head: Inode, _: int) -> Inode:
    _links, length = _LINK.unpack(cursor.take(_LINK.size))
    if length > _MOST_TARGET_BYTES:
        raise ImageUnreadable(f"A symbolic link claims to be {length:,} B long.")
    return replace(head, size_bytes=length, target=cursor.take(length))


def _device(cursor: Cursor, head: Inode, _: int) -> Inode:
    _links, number = _DEVICE.unpack(cursor.take(_DEVICE.size))
    return replace(head, device=number)


def _other(_cursor: Cursor, head: Inode, _: int) -> Inode:
    return head


_Read = Callable[[Cursor, Inode, int], Inode]
_BASIC: dict[int, tuple[int, _Read]] = {
    1: (stat.S_IFDIR, _directory),
    2: (stat.S_IFREG, _file),
    3: (stat.S_IFLNK, _link),
    4: (stat.S_IFBLK, _device),
    5: (stat.S_IFCHR, _device),
    6: (stat.S_IFIFO, _other),
    7: (stat.S_IFSOCK, _other),
}
_EXTENDED_FROM = 7
_KINDS: dict[int, tuple[int, _Read]] = {
    **_BASIC,
    **{kind + _EXTENDED_FROM: found for kind, found in _BASIC.items()},
    1 + _EXTENDED_FROM: (stat.S_IFDIR, _long_directory),
    2 + _EXTENDED_FROM: (stat.S_IFREG, _long_file),
}
