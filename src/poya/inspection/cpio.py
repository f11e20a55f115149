# SPDX-License-Identifier: Apache-2.0
"""cpio archives in the `newc` and `crc` formats, as the Linux kernel unpacks them.

Format: Linux Documentation/driver-api/early-userspace/buffer-format.rst and init/initramfs.c.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from poya.errors import ImageUnreadable
from poya.inspection.stream import ByteStream

MAGICS = (b"070701", b"070702")
_HEADER_BYTES = 110
_FIELD_BYTES = 8
_MODE, _SIZE, _NAME_SIZE = 1, 6, 11
_PATH_MAX = 4096
_HEXADECIMAL = re.compile(rb"[0-9A-Fa-f]+")
_TRAILER = "TRAILER!!!"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of an archive.

    Attributes:
        path: Relative to the root, without `./` or slashes around it; the root itself is empty.
        mode: File type and permission bits, as `stat` has them.
        size_bytes: Of a file's content, or of a symbolic link's target.
    """

    path: str
    mode: int
    size_bytes: int

    @property
    def is_file(self) -> bool:
        """Say whether it is a regular file."""
        return stat.S_ISREG(self.mode)

    @property
    def is_link(self) -> bool:
        """Say whether it is a symbolic link; its content is the target."""
        return stat.S_ISLNK(self.mode)

    @property
    def is_directory(self) -> bool:
        """Say whether it is a directory."""
        return stat.S_ISDIR(self.mode)


class Content:
    """What follows an entry's header; whatever is not read is passed over."""

    def __init__(self, stream: ByteStream, size_bytes: int) -> None:
        self._stream, self._left = stream, size_bytes
        self._padding = -size_bytes % 4

    def read(self, most_bytes: int) -> bytes:
        """The first bytes of what is left, at most so many."""
        data = self._stream.take(min(most_bytes, self._left))
        self._left -= len(data)
        return data

    def pass_over(self) -> None:
        """Go to the next header."""
        self._stream.skip(self._left + self._padding)
        self._left = self._padding = 0


def read_archive(stream: ByteStream) -> Iterator[tuple[Entry, Content]]:
    """One archive, to its trailer or to the stream's end; the content is read before the next.

    Raises:
        ImageUnreadable: It is damaged or cut short.
    """
    while stream.peek(6):
        header = stream.take(_HEADER_BYTES)
        fields = _fields(header)
        name_size = fields[_NAME_SIZE]
        if not 0 < name_size <= _PATH_MAX:
            raise ImageUnreadable(f"A name of the archive is {name_size:,} B long.")
        name = stream.take(name_size).rstrip(b"\0").decode("utf-8", "backslashreplace")
        stream.skip(-(_HEADER_BYTES + name_size) % 4)
        if name == _TRAILER:
            return
        content = Content(stream, fields[_SIZE])
        yield Entry(_normal(name), fields[_MODE], fields[_SIZE]), content
        content.pass_over()


def _fields(header: bytes) -> list[int]:
    if not header.startswith(MAGICS):
        raise ImageUnreadable(f"{header[:6]!r} is not the begin of an entry of a cpio archive.")
    if not _HEXADECIMAL.fullmatch(header, 6):
        raise ImageUnreadable("A header of the archive is not hexadecimal.")
    starts = range(6, _HEADER_BYTES, _FIELD_BYTES)
    return [int(header[start : start + _FIELD_BYTES], 16) for start in starts]


def _normal(name: str) -> str:
    return "/".join(part for part in name.split("/") if part not in ("", "."))
