# SPDX-License-Identifier: Apache-2.0
"""The index of a bundle that is being written: loaded once, put back after every change."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec

import poya
from poya.errors import Conflict, UsageError
from poya.model.records import EntityRef
from poya.model.vcluster import VCluster
from poya.sites.bundle.dropping import is_empty, only_begun, without_entity, without_image
from poya.sites.bundle.index import FORMAT, VERSION, FileEntry, Index, Origin
from poya.sites.bundle.indexed import read_index
from poya.sites.bundle.layout import lay_out, new_index
from poya.sites.bundle.names import INDEX, SIGNATURE
from poya.sites.bundle.writing import PARTIALS, make_directory, remove_file
from poya.transfer.files import sync_write

# What a directory without a bundle holds; never written.
_NOTHING = Index(FORMAT, VERSION, "", Origin("", "", ""), (), (), (), (), (), {})

Clock = Callable[[], datetime]


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


class Ledger:
    """The index of one directory.

    It is read when it is first needed, so that making a `Ledger` touches nothing; and a directory
    that holds something else is refused before anything is written to it.
    """

    def __init__(self, directory: Path, vcluster: VCluster | None, clock: Clock = now) -> None:
        self.directory = directory
        self._vcluster = vcluster
        self._clock = clock
        self._index: Index | None = None

    def path(self, name: str) -> Path:
        """Where one of the bundle's files is."""
        return self.directory / name

    @property
    def index(self) -> Index:
        """The index, with all that the vCluster has; an empty one where there is no bundle.

        Raises:
            UsageError: The directory is none, may not be read, or holds something else.
            Conflict: It holds the backup of another vCluster.
            BundleDamaged: Its index cannot be understood.
        """
        if self._index is None:
            self._index = self._load()
        return self._index

    def begin(self) -> None:
        """Make sure that the index is on disk: the directory is a bundle's from then on."""
        if not self.path(INDEX).exists():
            self.put(self.index)

    def put(self, index: Index) -> None:
        """Make this the index, on disk too."""
        self.require()
        make_directory(self.directory)
        remove_file(self.path(SIGNATURE))  # It is of the index that was.
        sync_write(self.path(INDEX), index.encode())
        self._index = index

    def note(self, name: str, entry: FileEntry) -> None:
        """Put down what is known of a file; nothing is written if that is known already."""
        if self.index.files.get(name) != entry or not self.path(INDEX).exists():
            self.put(self.index.with_file(name, entry))

    def drop_entity(self, ref: EntityRef) -> None:
        """Put down that an entity is gone; with the last one the index goes too."""
        self._put_or_remove(without_entity(self.index, ref, self._is_there))

    def drop_image(self, image_id: str) -> None:
        """Put down that an image is gone; with the last entity or image the index goes too."""
        self._put_or_remove(without_image(self.index, image_id, self._is_there))

    def drop_absent(self) -> None:
        """Put down that files are gone."""
        self._put_or_remove(only_begun(self.index, self._is_there))

    def require(self) -> None:
        """Refuse to go on where there is neither a bundle nor a plan of one.

        Raises:
            UsageError: There is none.
        """
        if self._vcluster is None and self.index is _NOTHING:
            raise UsageError(
                f"There is no bundle in {self.directory}.",
                why="The backup ended before anything was written to it.",
                todo="Start the backup anew: poya migrate backup …",
            )

    def _is_there(self, name: str) -> bool:
        return os.path.lexists(self.path(name))

    def _put_or_remove(self, index: Index) -> None:
        if not is_empty(index):
            self.put(index)
            return
        remove_file(self.path(SIGNATURE))
        remove_file(self.path(INDEX))
        self._index = index

    def _load(self) -> Index:
        found = self._read()
        vcluster = self._vcluster
        if vcluster is None:
            return found or _NOTHING
        if found is None:
            return lay_out(vcluster, new_index(vcluster, self._origin(vcluster)))
        self._refuse_another(found, vcluster)
        origin = msgspec.structs.replace(found.origin, release=vcluster.release, tool=_tool())
        return lay_out(vcluster, msgspec.structs.replace(found, origin=origin))

    def _read(self) -> Index | None:
        if not os.path.lexists(self.directory):
            return None
        try:
            names = {path.name for path in self.directory.iterdir()}
        except OSError as error:
            raise UsageError(
                f"{self.directory} cannot be used for a bundle.", why=f"{error.strerror}."
            ) from error
        if INDEX in names:
            return read_index(self.directory)
        others = names - {f"{INDEX}{suffix}" for suffix in PARTIALS}
        if others:
            raise UsageError(
                f"{self.directory} holds something else than a bundle of poya's.",
                why=f"It is not empty ({_few(others)}), and has no {INDEX}.",
                todo="Name a directory that is empty or does not exist yet.",
            )
        return None

    def _refuse_another(self, found: Index, vcluster: VCluster) -> None:
        has, wants = (found.vcluster, found.origin.site), (vcluster.name, vcluster.site)
        if has != wants:
            raise Conflict(
                f"{self.directory} holds the backup of another vCluster.",
                why=f"It is {has[0]} of {has[1]}; this one is {wants[0]} of {wants[1]}.",
                todo="Name another directory.",
            )

    def _origin(self, vcluster: VCluster) -> Origin:
        created = self._clock().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return Origin(vcluster.site, _tool(), created, vcluster.release)


def _tool() -> str:
    return f"poya {poya.__version__}"


def _few(names: set[str]) -> str:
    listed = sorted(names)
    more = len(listed) - 3
    return ", ".join(listed[:3]) + (f" and {more} more" if more > 0 else "")
