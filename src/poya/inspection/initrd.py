# SPDX-License-Identifier: Apache-2.0
"""Initial RAM disks: one or more cpio archives, each packed in its own way or not at all.

What dracut makes begins with an archive of CPU microcode that is not compressed, then comes the
archive proper; vendors append their own. The kernel unpacks them all (init/initramfs.c).
"""

from __future__ import annotations

from collections.abc import Iterator

from poya.errors import ImageUnreadable
from poya.inspection.cpio import MAGICS, Content, Entry, read_archive
from poya.inspection.decompression import MAGIC_BYTES, packing_of, unpack
from poya.inspection.ranges import Metered
from poya.inspection.stream import ByteStream, stream_of

_MOST_ENTRIES = 1_000_000
_MAGIC_BYTES = len(MAGICS[0])


def read_initrd(ranges: Metered) -> Iterator[tuple[Entry, Content]]:
    """Every entry of every archive, in the order in which the kernel unpacks them.

    The content of an entry must be read before the next entry is asked for.

    Raises:
        ImageUnreadable: It is no initrd, damaged, cut short, or packed in a way that poya cannot
            read.
        TooMuchToRead: The limits are reached.
    """
    count = 0
    for found in _segments(stream_of(ranges), ranges):
        count += 1
        if count > _MOST_ENTRIES:
            raise ImageUnreadable(f"It has more than {_MOST_ENTRIES:,} entries.")
        yield found
    if count == 0:
        raise ImageUnreadable("It holds no cpio archive.")


def _segments(stream: ByteStream, ranges: Metered) -> Iterator[tuple[Entry, Content]]:
    while True:
        stream.skip_zeros()
        head = stream.peek(MAGIC_BYTES)
        if not head:
            return
        if head.startswith(MAGICS):
            yield from read_archive(stream)
        elif packing_of(head):
            yield from _archives(ByteStream(unpack(stream, ranges.meter)))
        else:
            raise ImageUnreadable(
                f"At {stream.position:,} B it is neither a cpio archive nor compressed.",
                why=f"It goes on with {head.hex()}.",
            )


def _archives(stream: ByteStream) -> Iterator[tuple[Entry, Content]]:
    while True:
        stream.skip_zeros()
        if not stream.peek(1):
            return
        yield from read_archive(stream)
