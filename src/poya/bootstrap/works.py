# SPDX-License-Identifier: Apache-2.0
"""The directories that bundles stand in on their way to or from a tar, a stream or a store."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, TypeAlias

from poya.errors import NotFound, UsageError
from poya.files import write_private

Purpose: TypeAlias = Literal["backup", "restore"]
_NOTE = "note.json"
_BUNDLE = "bundle"
_MOST_SLUG = 40


@dataclass(frozen=True, slots=True)
class Kept:
    """A working directory that is there, and what it belongs to.

    Attributes:
        name: Its own.
        directory: Of the bundle in it.
        place: Where the bundle goes to, or comes from.
        begun: When it was first used, RFC 3339.
    """

    name: str
    directory: str
    purpose: str
    place: str
    begun: str

    def size_bytes(self) -> int:
        """What is in it by now."""
        found = (path for path in Path(self.directory).rglob("*") if not path.is_symlink())
        return sum(path.stat().st_size for path in found if path.is_file())


class Works:
    """The working directories of one operator.

    The same work gets the same directory, so that repeating it goes on with it.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def directory(self, place: str, key: tuple[str, ...]) -> Path:
        """Where the bundle that goes to, or comes from, a place stands; it need not exist yet.

        Args:
            place: As people know it.
            key: What else makes the work the same.
        """
        digest = hashlib.sha256(json.dumps([place, *key]).encode()).hexdigest()[:8]
        slug = re.sub(r"[^A-Za-z0-9._-]+", "-", Path(place).name).strip("-.")[:_MOST_SLUG]
        return self._root / f"{slug or 'stream'}-{digest}" / _BUNDLE

    def is_ours(self, directory: str) -> bool:
        """Say whether a directory is one of these, and not one that was named with --work."""
        return Path(directory).parent.parent == self._root

    def begin(self, directory: str, purpose: Purpose, place: str) -> None:
        """Note what a directory is for, before anything is put there."""
        if not self.is_ours(directory):
            return
        room = Path(directory).parent
        room.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not (room / _NOTE).exists():
            begun = datetime.now(UTC).isoformat(timespec="seconds")
            kept = Kept(room.name, directory, purpose, place, begun)
            write_private(room / _NOTE, json.dumps(asdict(kept)).encode())

    def end(self, directory: str) -> None:
        """Remove a directory whose work is done; one that was named with --work stays."""
        if self.is_ours(directory):
            shutil.rmtree(Path(directory).parent, ignore_errors=True)

    def leave(self, directory: str) -> bool:
        """Remove a directory if nothing is in it; whether something is."""
        if not self.is_ours(directory):
            return True
        place = Path(directory)
        if place.is_dir() and any(place.iterdir()):
            return True
        self.end(directory)
        return False

    def all(self) -> list[Kept]:
        """Those that are there, the oldest first."""
        return sorted(self._read(), key=lambda kept: (kept.begun, kept.name))

    def find(self, name: str) -> Kept:
        """One of them. Raises NotFound if there is none of this name."""
        for kept in self.all():
            if name in (kept.name, kept.directory):
                return kept
        raise NotFound(
            f"There is no unfinished bundle '{name}'.", todo="List them: poya bundle unfinished"
        )

    def remove(self, kept: Kept) -> None:
        """Remove one for good.

        Raises:
            UsageError: It cannot be removed.
        """
        try:
            shutil.rmtree(Path(kept.directory).parent)
        except OSError as error:
            raise UsageError(f"{kept.directory} cannot be removed.", why=str(error)) from error

    def _read(self) -> Iterator[Kept]:
        if not self._root.is_dir():
            return
        for room in self._root.iterdir():
            if room.is_dir():
                yield self._kept(room)

    def _kept(self, room: Path) -> Kept:
        with suppress(OSError, ValueError, TypeError):
            return Kept(**json.loads((room / _NOTE).read_bytes()))
        return Kept(room.name, str(room / _BUNDLE), "", "", "")
