# SPDX-License-Identifier: Apache-2.0
"""A site's content at one moment, to go back to: how tests get a fresh site in milliseconds."""

from __future__ import annotations

import shutil
from pathlib import Path

from poya.lab.seed.plant import Ground
from poya.lab.state import Records, SiteState


class Checkpoint:
    """What a site held when this was made. The copy of its repositories lies in `directory`."""

    def __init__(self, ground: Ground, directory: Path) -> None:
        self._objects = ground.objects
        self._rows = ground.objects.snapshot()
        self._records = {
            kind: dict(records.items())
            for kind, records in vars(ground.state).items()
            if isinstance(records, Records)
        }
        self._repositories = ground.repositories.root
        self._copy = directory
        shutil.copytree(self._repositories, self._copy)
        self._fingerprint = _fingerprint(self._repositories)

    def restore(self) -> SiteState:
        """Put objects and repositories back as they were; the records, in a new state."""
        self._objects.restore(self._rows)
        if _fingerprint(self._repositories) != self._fingerprint:
            shutil.rmtree(self._repositories)
            shutil.copytree(self._copy, self._repositories)
            self._fingerprint = _fingerprint(self._repositories)
        state = SiteState.in_memory()
        for kind, records in self._records.items():
            state.kind(kind).put_many(records)
        return state


def _fingerprint(root: Path) -> dict[str, tuple[int, int]]:
    files = (path for path in root.rglob("*") if path.is_file())
    stats = {str(path.relative_to(root)): path.stat() for path in files}
    return {name: (stat.st_mtime_ns, stat.st_size) for name, stat in stats.items()}
