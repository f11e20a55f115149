# SPDX-License-Identifier: Apache-2.0
"""A writer of squashfs 4.0 file systems, plain and reproducible: a lab needs no mksquashfs.

Format: Linux fs/squashfs/squashfs_fs.h. Nothing is compressed, there are no fragments, and owners
and times are constants, so equal trees give equal bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, groupby
from typing import TypeAlias

BLOCK_BYTES = 128 * 1024
_METADATA_BYTES = 8192
_STORED_BYTES = _METADATA_BYTES + 2
_PLAIN_METADATA, _PLAIN_BLOCK = 0x8000, 1 << 24
_NOTHING = 0xFFFFFFFFFFFFFFFF
_NO_FRAGMENT = 0xFFFFFFFF
_SUPERBLOCK_BYTES = 96
# Inodes, data and fragments are stored plain, there are no fragments and no xattrs.
_FLAGS = 0x1 | 0x2 | 0x8 | 0x10 | 0x200
_DIRECTORY, _FILE, _LINK = 1, 2, 3
_MOST_IN_RUN = 256


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link."""

    target: str


@dataclass(frozen=True, slots=True)
class Big:
    """A file that comes in chunks, so that it need not be in memory."""

    size_bytes: int
    chunks: Iterable[bytes]


Content: TypeAlias = bytes | Link | Big
_Tree: TypeAlias = "dict[bytes, _Tree | Content]"


def squashfs(files: Mapping[str, Content], directories: Iterable[str] = ()) -> Iterator[bytes]:
    """A file system that holds these files, by path from the root.

    Args:
        files: What each holds.
        directories: Further ones, which may be empty.
    """
    tree = _tree_of(files, directories)
    writer = _Writer()
    data = list(_laid(tree, writer))
    root = writer.directory(tree, parent=0)
    tail, superblock = writer.finish(root)
    yield superblock
    for content in data:
        yield from content
    yield tail


def _tree_of(files: Mapping[str, Content], directories: Iterable[str]) -> _Tree:
    tree: _Tree = {}
    for path in directories:
        _folder(tree, path.split("/"))
    for path, content in files.items():
        *above, name = path.split("/")
        _folder(tree, above)[name.encode()] = content
    return tree


def _folder(tree: _Tree, parts: Iterable[str]) -> _Tree:
    for part in parts:
        inner = tree.setdefault(part.encode(), {})
        assert isinstance(inner, dict)
        tree = inner
    return tree


def _laid(tree: _Tree, writer: _Writer) -> Iterator[Iterable[bytes]]:
    """The contents of all files, in the order in which they lie; notes where each begins."""
    for _, node in sorted(tree.items()):
        if isinstance(node, dict):
            yield from _laid(node, writer)
        elif not isinstance(node, Link):
            writer.lay(node)
            yield [node] if isinstance(node, bytes) else node.chunks


@dataclass(slots=True)
class _Chain:
    """Metadata: bytes that will be cut into blocks."""

    data: bytearray = field(default_factory=bytearray)

    def here(self) -> tuple[int, int]:
        """Where the next byte will be: the block's place in the table, the offset in the block."""
        number, offset = divmod(len(self.data), _METADATA_BYTES)
        return number * _STORED_BYTES, offset

    def blocks(self) -> bytes:
        pieces = bytearray()
        for start in range(0, len(self.data), _METADATA_BYTES):
            piece = self.data[start : start + _METADATA_BYTES]
            pieces += struct.pack("<H", len(piece) | _PLAIN_METADATA) + piece
        return bytes(pieces)


class _Writer:
    def __init__(self) -> None:
        self._inodes, self._listings = _Chain(), _Chain()
        self._count = 0
        self._end = _SUPERBLOCK_BYTES
        self._starts: dict[int, int] = {}

    def lay(self, content: bytes | Big) -> None:
        """Note that a content comes next in the file."""
        self._starts[id(content)] = self._end
        self._end += _size(content)

    def directory(self, tree: _Tree, parent: int) -> tuple[tuple[int, int], int]:
        """Write a directory after all that it holds; its inode's place and number."""
        made = [(name, *self._node(node)) for name, node in sorted(tree.items())]
        block, offset = self._listings.here()
        listing = b"".join(_runs(made))
        self._listings.data += listing
        body = struct.pack("<IIHHI", block, 2, len(listing) + 3, offset, parent)
        return self._inode(_DIRECTORY, 0o755, body)

    def _node(self, node: _Tree | Content) -> tuple[int, tuple[tuple[int, int], int]]:
        if isinstance(node, dict):
            return _DIRECTORY, self.directory(node, parent=0)
        if isinstance(node, Link):
            target = node.target.encode()
            body = struct.pack("<II", 1, len(target)) + target
            return _LINK, self._inode(_LINK, 0o777, body)
        size = _size(node)
        full, rest = divmod(size, BLOCK_BYTES)
        lengths = [BLOCK_BYTES] * full + ([rest] if rest else [])
        sizes = struct.pack(f"<{len(lengths)}I", *(length | _PLAIN_BLOCK for length in lengths))
        body = struct.pack("<IIII", self._starts[id(node)], _NO_FRAGMENT, 0, size) + sizes
        return _FILE, self._inode(_FILE, 0o644, body)

    def _inode(self, kind: int, mode: int, body: bytes) -> tuple[tuple[int, int], int]:
        self._count += 1
        place = self._inodes.here()
        self._inodes.data += struct.pack("<HHHHII", kind, mode, 0, 0, 0, self._count) + body
        return place, self._count

    def finish(self, root: tuple[tuple[int, int], int]) -> tuple[bytes, bytes]:
        """The tables, and the superblock that leads to them."""
        inode_table = self._end
        inodes, listings = self._inodes.blocks(), self._listings.blocks()
        directory_table = inode_table + len(inodes)
        id_block = directory_table + len(listings)
        ids = struct.pack("<HI", 4 | _PLAIN_METADATA, 0)
        id_table = id_block + len(ids)
        tail = inodes + listings + ids + struct.pack("<Q", id_block)
        (block, offset), _ = root
        superblock = struct.pack(
            "<4sIIIIHHHHHHQQQQQQQQ",
            *(b"hsqs", self._count, 0, BLOCK_BYTES, 0, 1, BLOCK_BYTES.bit_length() - 1, _FLAGS),
            *(1, 4, 0, block << 16 | offset, self._end + len(tail), id_table, _NOTHING),
            *(inode_table, directory_table, _NOTHING, _NOTHING),
        )
        return tail, superblock


def _size(content: bytes | Big) -> int:
    return len(content) if isinstance(content, bytes) else content.size_bytes


_Made: TypeAlias = tuple[bytes, int, tuple[tuple[int, int], int]]


def _runs(made: list[_Made]) -> Iterator[bytes]:
    """The listing: names whose inodes lie in one block of the inode table share a header."""
    for block, group in groupby(made, key=lambda one: one[2][0][0]):
        names = list(group)
        for start in range(0, len(names), _MOST_IN_RUN):
            run = names[start : start + _MOST_IN_RUN]
            base = run[0][2][1]
            head = struct.pack("<III", len(run) - 1, block, base)
            yield b"".join(chain([head], (_entry(one, base) for one in run)))


def _entry(made: _Made, base: int) -> bytes:
    name, kind, ((_, offset), number) = made
    return struct.pack("<HhHH", offset, number - base, kind, len(name) - 1) + name
