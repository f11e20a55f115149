# SPDX-License-Identifier: Apache-2.0
"""A range of a file as a source of the transfer engine."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from poya.errors import BundleDamaged
from poya.sites.bundle.reading import unreadable
from poya.transfer import Guard


@dataclass(frozen=True, slots=True)
class FileSlice:
    """A file within a file.

    Attributes:
        path: The file around it.
        start: Where in that it begins.
        name: How people know it.
    """

    path: Path
    start: int
    size_bytes: int
    name: str

    @property
    def is_remote(self) -> bool:
        """Files are here."""
        return False

    def open(self, guard: Guard) -> SliceReader:  # noqa: ARG002 - opening a file does not wait
        """Open the file around it."""
        return SliceReader(self)

    def read(self) -> bytes:
        """All of it; it must be small."""
        content = bytearray(self.size_bytes)
        reader = self.open(Guard())
        try:
            reader.read_into(0, memoryview(content), Guard())
        finally:
            reader.close()
        return bytes(content)

    def __str__(self) -> str:
        return f"{self.name} in {self.path}"


class SliceReader:
    """An open range of a file that is not to change while it is read."""

    etag = ""
    part_size_bytes = None

    def __init__(self, place: FileSlice) -> None:
        self._place = place
        self.size_bytes = place.size_bytes
        try:
            self._fd = os.open(place.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise unreadable(place.path, error) from error
        self._seen = os.fstat(self._fd)

    def read_into(self, start: int, into: memoryview, guard: Guard) -> None:
        """Fill a buffer from `start`."""
        guard.cancel.check()
        done = 0
        while done < len(into):
            try:
                at = self._place.start + start + done
                count = os.preadv(self._fd, [into[done:]], at)
            except OSError as error:
                raise unreadable(self._place.path, error) from error
            if not count:
                raise BundleDamaged(f"{self._place} is cut short.")
            done += count

    def close(self) -> None:
        """Close it, and make sure that it is still what it was."""
        now = os.fstat(self._fd)
        os.close(self._fd)
        if (now.st_size, now.st_mtime_ns) != (self._seen.st_size, self._seen.st_mtime_ns):
            raise BundleDamaged(f"{self._place.path} was changed while it was read.")
