# SPDX-License-Identifier: Apache-2.0
"""A site's content at one moment, to go back to: how tests get a fresh site in milliseconds."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from poya.lab.seed.plant import Ground
from poya.lab.state import SiteState


class Checkpoint:
    """What a site held when this was made. The copy of its repositories lies in `directory`."""

    def __init__(self, ground: Ground, directory: Path) -> None:
        self._objects = ground.objects
        self._rows = ground.objects.snapshot()
        self._records = ground.state.rows()
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
        return SiteState.in_memory(self._records)


def _fingerprint(root: Path) -> dict[str, tuple[int, int]]:
    # os.walk: a glob takes twice as long, and every test of the project waits for it
    found = (Path(top, name) for top, _, names in os.walk(root) for name in names)
    stats = ((path, path.stat()) for path in found)
    return {str(path): (stat.st_mtime_ns, stat.st_size) for path, stat in stats}
