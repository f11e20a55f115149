# SPDX-License-Identifier: Apache-2.0
"""A writer of initial RAM disks: gzipped cpio in the `newc` format that the Linux kernel unpacks.

The format is in the kernel's Documentation/driver-api/early-userspace/buffer-format.rst. Owners,
times and inode numbers are constants, so equal entries give equal bytes.
"""

from __future__ import annotations

import gzip
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

_ALIGNMENT_BYTES = 4


@dataclass(frozen=True, slots=True)
class File:
    """A regular file of an archive; `mode` holds the permission bits only."""

    content: bytes
    mode: int = 0o644


def archive(files: Mapping[str, File], directories: Sequence[str] = ()) -> bytes:
    """Write `files`, empty `directories` and whatever directories hold them as one archive.

    Paths are relative to the archive's root, without a leading slash.
    """
    folders = sorted({*directories, *_parents([*files, *directories])})
    entries = [(path, stat.S_IFDIR | 0o755, b"") for path in folders]
    entries += [(p, stat.S_IFREG | f.mode, f.content) for p, f in sorted(files.items())]
    entries.append(("TRAILER!!!", 0, b""))
    records = [_record(inode, *entry) for inode, entry in enumerate(entries, start=1)]
    return gzip.compress(b"".join(records), mtime=0)


def _parents(paths: Sequence[str]) -> Iterator[str]:
    for path in paths:
        yield from (str(parent) for parent in PurePosixPath(path).parents if parent.name)


def _record(inode: int, path: str, mode: int, content: bytes) -> bytes:
    name = path.encode() + b"\0"
    links = 2 if stat.S_ISDIR(mode) else 1
    owner = group = mtime = device_major = device_minor = special_major = special_minor = 0
    fields = [
        *(inode, mode, owner, group, links, mtime, len(content)),
        *(device_major, device_minor, special_major, special_minor, len(name)),
        0,  # the checksum, which this variant of the format does not use
    ]
    header = b"070701" + b"".join(b"%08X" % field for field in fields)
    return _padded(header + name) + _padded(content)


def _padded(part: bytes) -> bytes:
    return part + bytes(-len(part) % _ALIGNMENT_BYTES)
