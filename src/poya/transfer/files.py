# SPDX-License-Identifier: Apache-2.0
"""Local files (a bundle's) as sources and targets of the engine.

A file appears under its name complete and verified, or not at all: it is written as
`name.partial`, synced and renamed. `name.partial.parts` lists the parts that are done, so that a
later run continues; it is trusted only as far as the bytes in the partial file have those
fingerprints: md5s, or checksums where the md5 of the whole is known and will prove them.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import stat
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from poya.errors import (
    BundleDamaged,
    Conflict,
    DataDamaged,
    Locked,
    NotFound,
    PoyaError,
    StoppedPartWay,
    UsageError,
)
from poya.files import sync_directory
from poya.transfer.delta import chunked
from poya.transfer.digests import OrderedDigests
from poya.transfer.etags import MIB, checksum, is_fingerprint, part_count
from poya.transfer.guard import Guard
from poya.transfer.http import StreamBody
from poya.transfer.layout import Layout, Part, usable_part_sizes
from poya.transfer.ports import Expected, Held, Opening, Sink, Target, Twin

_READ_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
_WRITE_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
_FULL = (errno.ENOSPC, errno.EDQUOT)
_DENIED = (errno.EACCES, errno.EPERM, errno.EROFS)
_SCAN_BYTES = MIB
_MAX_SCANNED_CUTS = 4


class FileReader:
    """An open regular file that is not to change while it is read."""

    etag = ""

    def __init__(self, path: Path, part_size_bytes: int | None = None) -> None:
        self._path = path
        self.part_size_bytes = part_size_bytes
        self._fd = _open_regular(path)
        self._seen = os.fstat(self._fd)
        self.size_bytes = self._seen.st_size

    def read_into(self, start: int, into: memoryview, guard: Guard) -> None:
        """Fill a buffer from `start`."""
        guard.cancel.check()
        done = 0
        while done < len(into):
            try:
                count = os.preadv(self._fd, [into[done:]], start + done)
            except OSError as error:
                raise _reading_failed(self._path, error) from error
            if not count:
                raise self._changed()
            done += count

    def close(self) -> None:
        """Close it, and make sure that it is still what it was."""
        now = os.fstat(self._fd)
        os.close(self._fd)
        if (now.st_size, now.st_mtime_ns) != (self._seen.st_size, self._seen.st_mtime_ns):
            raise self._changed()

    def _changed(self) -> PoyaError:
        return Conflict(
            f"The file {self._path} was changed while it was read.",
            todo="Let whatever writes it finish, then run it again.",
        )


@dataclass(frozen=True, slots=True)
class FileSource:
    """A file to read; a symbolic link is refused.

    Attributes:
        path: Where it is.
        part_size_bytes: How a multipart object of the same bytes is cut; to be told only if it is
            proven that the expected etag is that of these bytes, whose md5 is the expected one.
    """

    path: Path
    part_size_bytes: int | None = None

    @property
    def is_remote(self) -> bool:
        """Files are here."""
        return False

    def open(self, guard: Guard) -> FileReader:  # noqa: ARG002 -- opening a file does not wait
        """Open it."""
        return FileReader(self.path, self.part_size_bytes)

    def __str__(self) -> str:
        return str(self.path)


@dataclass(frozen=True, slots=True)
class FileTarget:
    """A file to write; its directory exists.

    Attributes:
        path: Where it is to be.
    """

    path: Path

    @property
    def is_object(self) -> bool:
        """A file has no etag of its own."""
        return False

    def held(self, wanted: Expected, guard: Guard) -> Held | None:
        """What is there already: a file of the wanted size is read through and compared."""
        try:
            reader = FileReader(self.path)
        except NotFound:
            return None
        with contextlib.closing(reader):
            if reader.size_bytes != wanted.size_bytes:
                return Held(reader.size_bytes, "", is_equal=False)
            return _compare(reader, wanted, guard)

    def adopt(self, twin: Twin, wanted: Expected, opening: Opening, guard: Guard) -> Held | None:  # noqa: ARG002
        """Files are not copied from a store's objects."""
        return None

    def twin_for(self, other: Target, etag: str) -> Twin | None:  # noqa: ARG002
        """Files are no twins of objects."""
        return None

    def recut(self, layout: Layout, opening: Opening, guard: Guard) -> str:
        """Never asked for: a file is not cut."""
        raise NotImplementedError

    def open(self, layout: Layout, opening: Opening, guard: Guard) -> Sink:
        """Begin `name.partial` or continue it."""
        guard.cancel.check()
        sink = PartialFileSink(self.path, layout, opening.source_etag)
        return chunked(sink, layout, opening.delta)

    def __str__(self) -> str:
        return str(self.path)


class PartialFileSink:
    """A file that is being written next to its final name, by one process at a time."""

    reads_back = True
    guards_way = True
    copied_bytes = 0
    note = ""

    def __init__(self, path: Path, layout: Layout, source_etag: str) -> None:
        self._path = path
        self._partial = path.with_name(path.name + ".partial")
        self._record = path.with_name(path.name + ".partial.parts")
        self._lock = threading.Lock()
        with self._explaining(), contextlib.ExitStack() as undo:
            self._fd = os.open(self._partial, _WRITE_FLAGS, 0o644)
            undo.callback(os.close, self._fd)
            self._record_fd = os.open(self._record, _WRITE_FLAGS | os.O_APPEND, 0o644)
            undo.callback(os.close, self._record_fd)
            self.kept = self._prepare(layout, source_etag)
            undo.pop_all()

    def read_back(self, part: Part, into: memoryview) -> None:
        """Read a kept part from the partial file."""
        with self._explaining():
            os.preadv(self._fd, [into], part.start)

    def write(self, part: Part, data: memoryview, md5: str | None, guard: Guard) -> str:
        """Write a part where it belongs, then record it."""
        guard.cancel.check()
        told = md5 or checksum(data)
        done = 0
        with self._explaining():
            while done < len(data):
                done += os.pwrite(self._fd, data[done:], part.start + done)
            self._note({"part": part.number, "sum": told})
        return told

    def write_stream(self, part: Part, body: StreamBody, md5: str | None, guard: Guard) -> str:
        """Files are written part by part; a layout for files never streams."""
        raise NotImplementedError

    def publish(self, part_md5s: Sequence[str], guard: Guard) -> str:  # noqa: ARG002
        """Sync the file, give it its name, sync the directory."""
        guard.cancel.check()
        with self._explaining():
            os.fsync(self._fd)
            self._partial.rename(self._path)
            sync_directory(self._path.parent)
            self._record.unlink(missing_ok=True)
        self.leave()
        return ""

    def discard(self) -> None:
        """Remove the partial file."""
        with self._explaining():
            self._partial.unlink(missing_ok=True)
            self._record.unlink(missing_ok=True)
        self.leave()

    def leave(self) -> None:
        """Close the partial file; a later run continues it."""
        for fd in (self._fd, self._record_fd):
            with contextlib.suppress(OSError):
                os.close(fd)
        self._fd = self._record_fd = -1

    def _prepare(self, layout: Layout, source_etag: str) -> Mapping[int, str]:
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Locked(f"Another process is writing {self._partial}.") from error
        size, part_size = layout.size_bytes, layout.part_size_bytes
        header = {"size": size, "part_size": part_size, "source": source_etag}
        # Without a name for the source's bytes, a partial file may be anything's.
        kept = _read_record(self._record_fd, header) if source_etag else {}
        if not kept:
            os.ftruncate(self._fd, 0)
            os.ftruncate(self._record_fd, 0)
            self._note(header)
        self._refuse_if_full(layout.size_bytes)
        os.ftruncate(self._fd, layout.size_bytes)
        return kept

    def _refuse_if_full(self, size_bytes: int) -> None:
        """Say now what would fail after hours; the check is not a reservation."""
        space = os.fstatvfs(self._fd)
        missing = size_bytes - os.fstat(self._fd).st_blocks * 512
        if space.f_bavail * space.f_frsize < missing:
            raise OSError(errno.ENOSPC, f"{missing} more bytes are needed")

    def _note(self, line: Mapping[str, object]) -> None:
        with self._lock:
            os.write(self._record_fd, (json.dumps(line) + "\n").encode("ascii"))

    @contextlib.contextmanager
    def _explaining(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise _writing_failed(self._path, self._partial, error) from error


def sync_write(path: Path, data: bytes) -> None:
    """Write a small file so that it appears complete or not at all, and stays.

    Raises:
        StoppedPartWay: The disk is full or fails; the old file, if any, is untouched.
    """
    partial = path.with_name(path.name + ".partial")
    try:
        with os.fdopen(os.open(partial, _WRITE_FLAGS | os.O_TRUNC, 0o644), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.rename(path)
        sync_directory(path.parent)
    except OSError as error:
        raise _writing_failed(path, partial, error) from error


def _compare(reader: FileReader, wanted: Expected, guard: Guard) -> Held:
    etag = wanted.etag or ""
    cuts = usable_part_sizes(reader.size_bytes, part_count(etag) or 0)[:_MAX_SCANNED_CUTS]
    digests = OrderedDigests(cuts, sha256=True)
    scratch = memoryview(bytearray(_SCAN_BYTES))
    for start in range(0, reader.size_bytes, _SCAN_BYTES):
        piece = scratch[: min(_SCAN_BYTES, reader.size_bytes - start)]
        reader.read_into(start, piece, guard)
        digests.offer(start, piece, lambda: None)
    whole, cut = digests.md5(), digests.etags().get(etag)
    # A known md5 decides alone: an etag may look like an md5 and be none (encrypted buckets).
    same = whole == wanted.md5 if wanted.md5 else cut is not None or whole == etag
    told = etag if cut is not None or whole == etag else ""
    return Held(reader.size_bytes, told, same, whole, digests.sha256(), cut)


def _read_record(fd: int, header: Mapping[str, object]) -> dict[int, str]:
    """The parts that a record of the same source and cut lists; a torn last line is skipped."""
    text = os.pread(fd, os.fstat(fd).st_size, 0).decode("ascii", "replace")
    lines = [_parse_line(line) for line in text.splitlines()]
    if not lines or lines[0] != header:
        return {}
    pairs = [(line.get("part"), str(line.get("sum"))) for line in lines[1:]]
    return {part: told for part, told in pairs if isinstance(part, int) and is_fingerprint(told)}


def _parse_line(line: str) -> dict[str, object]:
    try:
        value = json.loads(line)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _open_regular(path: Path) -> int:
    try:
        # O_NONBLOCK: opening a named pipe must not wait for its writer.
        fd = os.open(path, _READ_FLAGS | os.O_NONBLOCK)
    except OSError as error:
        raise _reading_failed(path, error) from error
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise BundleDamaged(f"{path} is not a regular file.")
    return fd


def _reading_failed(path: Path, error: OSError) -> PoyaError:
    why = error.strerror or str(error)
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return NotFound(f"There is no file {path}.", why=why)
    if error.errno == errno.ELOOP:
        return BundleDamaged(f"{path} is a symbolic link; links are not followed.")
    if error.errno in _DENIED:
        return UsageError(f"The file {path} may not be read.", why=why)
    return DataDamaged(f"The file {path} cannot be read.", why=why, todo="Check the disk.")


def _writing_failed(path: Path, partial: Path, error: OSError) -> PoyaError:
    why = error.strerror or str(error)
    if error.errno in _DENIED or error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
        return UsageError(
            f"The file {path} cannot be written.", why=f"{partial}: {why}.",
            todo="Check the directory and its permissions.",
        )  # fmt: skip
    return StoppedPartWay(
        f"The file {path} could not be written to its end.",
        why=f"{why}. {partial} holds what was written so far.",
        todo="Free some space there, then run it again: it continues where it stopped."
        if error.errno in _FULL
        else "Check the disk, then run it again: it continues where it stopped.",
    )
