# SPDX-License-Identifier: Apache-2.0
"""Object bytes as files: written once, shared by reference, removed with their last user.

An object is a list of segments of files. Completing a multipart upload or copying an object
therefore moves no bytes.
"""

from __future__ import annotations

import hashlib
import threading
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

CHUNK_BYTES = 256 * 1024
_SHARED_FROM_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Segment:
    """A range of one file of the store, offset and length in bytes."""

    file: str
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes of an object: its segments in order."""

    segments: tuple[Segment, ...] = ()

    @property
    def size_bytes(self) -> int:
        """The length of all segments."""
        return sum(segment.length for segment in self.segments)

    def cut(self, start: int, length: int) -> Content:
        """The part of this content that begins at `start` and is `length` bytes long."""
        kept: list[Segment] = []
        for segment in self.segments:
            skip = min(start, segment.length)
            take = min(length, segment.length - skip)
            if take > 0:
                kept.append(Segment(segment.file, segment.offset + skip, take))
            start, length = start - skip, length - max(take, 0)
        return Content(tuple(kept))


def join(contents: Iterable[Content]) -> Content:
    """One content after the other."""
    return Content(tuple(segment for content in contents for segment in content.segments))


@dataclass(frozen=True, slots=True)
class Staged:
    """Bytes that arrived and belong to no object yet; digests in hex."""

    content: Content
    md5: str
    sha256: str


class Stage:
    """A file that is being written; its digests grow with it."""

    def __init__(self, directory: Path, *, with_sha256: bool) -> None:
        self.file = uuid.uuid4().hex
        self._path = directory / self.file
        self._output = self._path.open("xb", buffering=0)
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha256 = hashlib.sha256() if with_sha256 else None
        self.size_bytes = 0

    def write(self, chunk: bytes) -> None:
        """Append `chunk`."""
        rest = memoryview(chunk)
        while rest:
            rest = rest[self._output.write(rest) or 0 :]
        self._md5.update(chunk)
        if self._sha256:
            self._sha256.update(chunk)
        self.size_bytes += len(chunk)

    def close(self) -> Staged:
        """End the file and say what it holds."""
        self._output.close()
        content = Content((Segment(self.file, 0, self.size_bytes),) if self.size_bytes else ())
        if not self.size_bytes:
            self._path.unlink()
        sha256 = self._sha256.hexdigest() if self._sha256 else ""
        return Staged(content, self._md5.hexdigest(), sha256)

    def abandon(self) -> None:
        """Throw the file away."""
        self._output.close()
        self._path.unlink(missing_ok=True)


class BlobStore:
    """The files of one site's objects and how many contents refer to each.

    Files survive the death of the process (they are complete before anything refers to them) but
    are not forced to disk: a lab need not survive a power cut, and must not slow what it measures.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._users: Counter[str] = Counter()
        self._large: dict[tuple[str, int], Content] = {}
        self._lock = threading.Lock()

    def stage(self, *, with_sha256: bool = False) -> Stage:
        """Begin a new file."""
        return Stage(self._directory, with_sha256=with_sha256)

    def adopt(self, staged: Staged) -> Content:
        """Take over what was staged: the caller is a user of it.

        A large file that is there already is not kept twice, so an object that repeats itself
        takes no more room here than it did where it came from.
        """
        content = staged.content
        if content.size_bytes < _SHARED_FROM_BYTES:
            self.retain(content)
            return content
        with self._lock:
            known = self._large.setdefault((staged.md5, content.size_bytes), content)
            if known != content and self._users[known.segments[0].file] <= 0:
                known = self._large[staged.md5, content.size_bytes] = content
            self._users.update(segment.file for segment in known.segments)
        if known != content:
            self.discard(staged)
        return known

    def store(self, body: bytes) -> Staged:
        """Stage a whole body at once."""
        stage = self.stage()
        stage.write(body)
        return stage.close()

    def discard(self, staged: Staged) -> None:
        """Throw away what was staged and never adopted."""
        self.retain(staged.content)
        self.release(staged.content)

    def retain(self, content: Content) -> None:
        """Add a user to every file of `content`."""
        with self._lock:
            self._users.update(segment.file for segment in content.segments)

    def release(self, content: Content) -> None:
        """Take a user away; files without users are removed."""
        with self._lock:
            for segment in content.segments:
                self._users[segment.file] -= 1
                if self._users[segment.file] <= 0:
                    del self._users[segment.file]
                    (self._directory / segment.file).unlink(missing_ok=True)

    def read(self, content: Content) -> Iterator[bytes]:
        """Yield the bytes in chunks; a deletion meanwhile does not disturb."""
        self.retain(content)
        try:
            for segment in content.segments:
                yield from self._read_segment(segment)
        finally:
            self.release(content)

    def _read_segment(self, segment: Segment) -> Iterator[bytes]:
        left = segment.length
        with (self._directory / segment.file).open("rb", buffering=0) as source:
            source.seek(segment.offset)
            while left:
                chunk = source.read(min(CHUNK_BYTES, left))
                if not chunk:
                    raise OSError(f"the store's file {segment.file} is shorter than recorded")
                left -= len(chunk)
                yield chunk

    def holds(self, content: Content) -> bool:
        """Whether every file of `content` is there."""
        return all((self._directory / segment.file).is_file() for segment in content.segments)

    def sweep(self) -> None:
        """Remove files that no content uses: left over by uploads that a crash cut short."""
        with self._lock:
            for path in self._directory.iterdir():
                if path.name not in self._users:
                    path.unlink()
