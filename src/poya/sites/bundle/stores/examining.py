# SPDX-License-Identifier: Apache-2.0
"""Compare a bundle with its index where it is kept: in a tar, a stream, a bucket."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from poya.errors import BundleDamaged, UsageError
from poya.sites.bundle.digests import Digests, HashProgress, ignore_progress
from poya.sites.bundle.examining import (
    Examination,
    FileVerdict,
    Verdict,
    damage_for,
    difference,
    length_difference,
)
from poya.sites.bundle.guard import is_guarded
from poya.sites.bundle.index import Index
from poya.sites.bundle.names import CHUNKS
from poya.sites.bundle.stores.base import Store, Work
from poya.sites.bundle.stores.landing import Landing
from poya.sites.bundle.stores.reading import records_brought
from poya.sites.bundle.stores.shelf import Shelf, StreamShelf, is_record
from poya.sites.bundle.stores.void import read_through
from poya.sites.bundle.trust.policy import FREE_POLICY, TrustPolicy
from poya.transfer import Cancel

_CHUNK_BYTES = 1024 * 1024


def examine_shelf(
    shelf: Shelf,
    *,
    is_deep: bool,
    cancel: Cancel | None = None,
    progress: HashProgress = ignore_progress,
) -> Examination:
    """Compare every file with the index: lengths and the records' digests, or every byte.

    Raises:
        BundleDamaged: The index itself cannot be used.
        Cancelled: The stop was asked for.
    """
    with records_brought(shelf, opens=False) as (scratch, index):
        looking = _Looking(shelf, index, cancel or Cancel(), progress, is_deep=is_deep)
        verdicts = tuple(looking.verdict(name) for name in index.files)
        return Examination(
            index,
            is_deep,
            (*verdicts, *_strays(shelf, index)),
            damage_for(scratch, index, verdicts),
            is_guarded=is_guarded(shelf.raw_index),
        )


def _strays(shelf: Shelf, index: Index) -> Iterator[FileVerdict]:
    for name in sorted(shelf.names - index.files.keys()):
        if name.partition("/")[0] != CHUNKS:
            yield FileVerdict(name, "", "stray", "the index does not list it")


class _Looking:
    """Judges one file after the other."""

    def __init__(
        self,
        shelf: Shelf,
        index: Index,
        cancel: Cancel,
        progress: HashProgress,
        *,
        is_deep: bool,
    ) -> None:
        self._shelf, self._index, self._is_deep = shelf, index, is_deep
        self._cancel, self._progress = cancel, progress

    def verdict(self, name: str) -> FileVerdict:
        """What one file is."""
        entry = self._index.files[name]
        verdict, evidence = self._judged(name)
        return FileVerdict(name, entry.role, verdict, evidence)

    def _judged(self, name: str) -> tuple[Verdict, str]:
        self._cancel.check()
        if name not in self._shelf.names:
            return "missing", "There is no such file."
        try:
            found = self._record(name) if is_record(self._index, name) else self._artifact(name)
        except UsageError:
            return "encrypted", "'poya bundle verify' with --identity opens it"
        except BundleDamaged as error:
            return "altered", error.why or error.what
        evidence = found if isinstance(found, str) else self._difference(name, found)
        return ("altered", evidence) if evidence else ("ok", "")

    def _record(self, name: str) -> str | Digests:
        content = self._shelf.record(name)
        self._progress(Path(name), len(content))
        return self._length(name, len(content)) or digests_of(content)

    def _artifact(self, name: str) -> str | Digests:
        away = self._shelf.artifact(name)
        if away is None or away.size_bytes is None:
            return ""
        differs = self._length(name, away.size_bytes)
        if differs or not self._is_deep or away.source is None:
            return differs
        md5 = self._index.files[name].md5 or ""
        return read_through((Path(name), away.source), md5, self._cancel, self._progress)

    def _length(self, name: str, size_bytes: int) -> str:
        return length_difference(self._index.files[name], size_bytes)

    def _difference(self, name: str, found: Digests) -> str:
        return difference(self._index.files[name], found, is_deep=False)


def digests_of(content: bytes) -> Digests:
    """What a record turned out to be."""
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return Digests(len(content), md5, hashlib.sha256(content).hexdigest())


def examine_stream(
    store: Store, progress: HashProgress = ignore_progress
) -> tuple[Shelf, Examination]:
    """Read what can be read once only, to its end, and compare every byte with the index.

    Raises:
        BundleDamaged: It is no bundle, or is cut short.
    """
    weighing = Weighing(progress=progress)
    store.read(weighing, Work(Cancel()))
    with tempfile.TemporaryDirectory(prefix="poya-records-") as scratch:
        found = weighing.examination(Path(scratch))
    return StreamShelf(store.label, weighing.raw, weighing.signature, {}), found


class Weighing(Landing):
    """A landing that keeps nothing, and notes what each file is: for what can be read once only.

    Args:
        policy: Whose signatures count.
        progress: Told of bytes that were read.
    """

    def __init__(
        self, policy: TrustPolicy = FREE_POLICY, progress: HashProgress = ignore_progress
    ) -> None:
        super().__init__(Path("-"), policy)
        self._progress = progress
        self._evidence: dict[str, str] = {}
        self._records: dict[str, bytes] = {}

    def prepare(self, raw_index: bytes, index: Index) -> None:
        """There is nothing to prepare."""

    def land(self, name: str, content: IO[bytes], size_bytes: int) -> None:
        """Read a file through and compare it with the index."""
        self.path(name)
        entry, seen_bytes = self.index.files[name], 0
        sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
        kept: list[bytes] = []
        while chunk := content.read(_CHUNK_BYTES):
            sha256.update(chunk)
            md5.update(chunk)
            seen_bytes += len(chunk)
            self._progress(Path(name), len(chunk))
            if is_record(self.index, name) and size_bytes == entry.size_bytes:
                kept.append(chunk)
        found = Digests(seen_bytes, md5.hexdigest(), sha256.hexdigest())
        self._records[name] = b"".join(kept)
        self._evidence[name] = length_difference(entry, seen_bytes) or difference(
            entry, found, is_deep=False
        )

    def finish(self) -> None:
        """Missing files are told of by `examination`."""

    def examination(self, scratch: Path) -> Examination:
        """What came of it.

        Args:
            scratch: An empty directory to read the records in.
        """
        index = self.index
        for name, content in self._records.items():
            if content:
                (scratch / name).parent.mkdir(exist_ok=True)
                (scratch / name).write_bytes(content)
        verdicts = tuple(self._verdict(name) for name in index.files)
        damage = damage_for(scratch, index, verdicts)
        return Examination(
            index,
            is_deep=True,
            files=verdicts,
            damaged_for=damage,
            is_guarded=is_guarded(self.raw),
        )

    def _verdict(self, name: str) -> FileVerdict:
        role = self.index.files[name].role
        if name not in self._evidence:
            return FileVerdict(name, role, "missing", "It did not come.")
        evidence = self._evidence[name]
        return FileVerdict(name, role, "altered" if evidence else "ok", evidence)
