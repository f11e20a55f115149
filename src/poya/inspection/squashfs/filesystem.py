# SPDX-License-Identifier: Apache-2.0
"""The file system: paths, listings, and the contents of files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from poya.errors import ImageUnreadable, TooMuchToRead
from poya.inspection.ranges import Chunked, Metered
from poya.inspection.squashfs.data import FileData
from poya.inspection.squashfs.directories import Name, read_listing
from poya.inspection.squashfs.inodes import Inode, read_inode
from poya.inspection.squashfs.metadata import MetadataBlocks
from poya.inspection.squashfs.superblock import Superblock, read_superblock

_MOST_LINKS = 40  # as the kernel's MAXSYMLINKS
_MOST_DEPTH = 256
_MOST_LISTED = 200_000
_NAMES_A_LOOK = 1024
_OFFSET_BITS = 16


@dataclass(frozen=True, slots=True)
class Listed:
    """One file of the file system.

    Attributes:
        path: From the root, which is `/`; bytes that are no UTF-8 are escaped.
    """

    path: str
    inode: Inode


class FileSystem:
    """A squashfs, opened by its superblock; nothing else is read before it is asked for.

    Args:
        ranges: The file. Metadata are read in chunks around what is needed, data as they are.

    Raises:
        ImageUnreadable: It is no squashfs 4.0, damaged, or packed in a way that poya cannot read.
            The methods raise it, too.
        TooMuchToRead: The limits are reached. The methods raise it, too.
    """

    def __init__(self, ranges: Metered) -> None:
        near = Chunked(ranges)
        self.superblock: Superblock = read_superblock(near)
        packing = self.superblock.compressor
        self._meter = ranges.meter
        self._metadata = MetadataBlocks(near, packing, ranges.meter)
        self._data = FileData(ranges, self.superblock, self._metadata)

    @property
    def root(self) -> Inode:
        """The root directory."""
        return self._inode(self.superblock.root)

    def find(self, path: str) -> Inode | None:
        """What is at a path, symbolic links followed; None if there is nothing."""
        found = self._walk([part.encode() for part in path.split("/")])
        return found[-1] if found else None

    def names(self, path: str) -> tuple[str, ...]:
        """The names in a directory, in their order; none if it is absent or no directory."""
        inode = self.find(path)
        if inode is None or not inode.is_directory:
            return ()
        return tuple(_text(found.name) for found in self._listing(inode))

    def read(self, path: str, most_bytes: int) -> bytes | None:
        """A small file's content; None if there is no regular file at the path.

        Raises:
            TooMuchToRead: It is longer than `most_bytes`.
        """
        inode = self.find(path)
        if inode is None or not inode.is_file:
            return None
        if inode.size_bytes > most_bytes:
            raise TooMuchToRead(f"{path} is {inode.size_bytes:,} B long.")
        return self._data.read(inode, inode.size_bytes)

    def head(self, path: str, most_bytes: int) -> bytes | None:
        """The first bytes of a file; None if there is no regular file at the path."""
        inode = self.find(path)
        if inode is None or not inode.is_file:
            return None
        return self._data.read(inode, most_bytes)

    def walk(self, path: str = "/") -> Iterator[Listed]:
        """Everything below a path, and the path itself, each directory before what it holds."""
        inode = self.find(path)
        if inode is None:
            return
        start = Listed(f"/{path.strip('/')}", inode)
        yield start
        trail = [self._below(start)]
        seen = 1
        while trail:
            found = next(trail[-1], None)
            if found is None:
                trail.pop()
                continue
            seen += 1
            # every inode has at least one name; hard links give some of them more
            if len(trail) > _MOST_DEPTH or seen > 2 * self.superblock.inode_count + 1:
                raise ImageUnreadable("Its directories go round in circles.")
            yield found
            trail.append(self._below(found))

    def _below(self, above: Listed) -> Iterator[Listed]:
        if above.inode.is_directory:
            base = above.path.rstrip("/")
            for name in self._listing(above.inode):
                yield Listed(f"{base}/{_text(name.name)}", self._inode(name.inode))

    def content(self, inode: Inode, most_bytes: int) -> bytes:
        """The first bytes of a regular file."""
        return self._data.read(inode, most_bytes)

    def id_of(self, place: int) -> int:
        """A user's or group's number, by its place in an inode."""
        if place >= self.superblock.id_count:
            raise ImageUnreadable(f"An inode refers to the id {place}, which is not there.")
        return self._data.id_at(place)

    def _walk(self, parts: list[bytes]) -> list[Inode]:
        """The inodes from the root to a path; empty if it leads nowhere."""
        trail, links = [self.root], 0
        parts = list(reversed(parts))
        while parts:
            part = parts.pop()
            if part in (b"", b"."):
                continue
            if part == b"..":
                trail = trail[:-1] or trail
                continue
            inode = self._child(trail[-1], part)
            if inode is None:
                return []
            if inode.is_link:
                links += 1
                if links > _MOST_LINKS:
                    return []
                trail = trail[:1] if inode.target.startswith(b"/") else trail
                parts += reversed(inode.target.split(b"/"))
                continue
            trail.append(inode)
        return trail

    def _child(self, directory: Inode, name: bytes) -> Inode | None:
        if not directory.is_directory:
            return None
        for found in self._listing(directory):
            if found.name == name:
                return self._inode(found.inode)
            if found.name > name:
                break
        return None

    def _listing(self, directory: Inode) -> Iterator[Name]:
        start = self.superblock.directory_table + directory.start
        cursor = self._metadata.cursor(start, directory.offset)
        for count, name in enumerate(read_listing(cursor, directory.size_bytes)):
            if count >= _MOST_LISTED:
                raise ImageUnreadable(f"A directory has more than {_MOST_LISTED:,} names.")
            if count % _NAMES_A_LOOK == 0:
                self._meter.look()
            yield name

    def _inode(self, reference: int) -> Inode:
        start = self.superblock.inode_table + (reference >> _OFFSET_BITS)
        offset = reference & ((1 << _OFFSET_BITS) - 1)
        if start >= self.superblock.directory_table:
            raise ImageUnreadable("A name leads to an inode outside the inode table.")
        return read_inode(self._metadata.cursor(start, offset), self.superblock.block_bytes)


def _text(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace")
