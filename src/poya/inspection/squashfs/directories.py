# SPDX-License-Identifier: Apache-2.0
"""Directory listings: names, and where the inode of each is."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from poya.errors import ImageUnreadable
from poya.inspection.squashfs.metadata import Cursor

_RUN = struct.Struct("<3I")
_ENTRY = struct.Struct("<HhHH")
_MOST_IN_RUN = 256
_MOST_NAME_BYTES = 256
# A listing's length counts `.` and `..`, which are not in it.
_DOTS_BYTES = 3


@dataclass(frozen=True, slots=True)
class Name:
    """One name in a directory.

    Attributes:
        inode: Reference to its inode: the block's place in the inode table, the offset in it.
    """

    name: bytes
    inode: int


def read_listing(cursor: Cursor, size_bytes: int) -> Iterator[Name]:
    """The names of a directory, in the order of their bytes.

    Args:
        cursor: Where the listing begins.
        size_bytes: As the directory's inode says it.

    Raises:
        ImageUnreadable: The listing is damaged.
    """
    left = size_bytes - _DOTS_BYTES
    while left > 0:
        count, block, _number = _RUN.unpack(cursor.take(_RUN.size))
        left -= _RUN.size
        if count >= _MOST_IN_RUN:
            raise ImageUnreadable(f"A directory claims {count + 1:,} names in a row.")
        for _ in range(count + 1):
            offset, _difference, _kind, length = _ENTRY.unpack(cursor.take(_ENTRY.size))
            if length >= _MOST_NAME_BYTES:
                raise ImageUnreadable(f"A name in a directory is {length + 1:,} B long.")
            name = cursor.take(length + 1)
            left -= _ENTRY.size + len(name)
            yield Name(_checked(name), (block << 16) | offset)
    if left < 0:
        raise ImageUnreadable("A directory's listing is longer than its inode says.")


def _checked(name: bytes) -> bytes:
    if name in (b".", b"..") or b"/" in name or b"\0" in name:
        raise ImageUnreadable(f"A directory holds the name {name[:40]!r}.")
    return name
