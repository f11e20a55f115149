# SPDX-License-Identifier: Apache-2.0
"""A bundle in another directory, such as a mounted disk or share."""

from __future__ import annotations

import os
from pathlib import Path

from poya.sites.bundle.names import INDEX, SIGNATURE
from poya.sites.bundle.reading import read_bounded
from poya.sites.bundle.stores.base import Parcel, Work, carry_files
from poya.sites.bundle.stores.landing import Landing
from poya.transfer import FileSource, FileTarget


class FolderStore:
    """The store port for a directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @property
    def label(self) -> str:
        """The directory."""
        return str(self._directory)

    def write(self, parcel: Parcel, work: Work) -> None:
        """Copy it; what arrives there is compared as in every landing."""
        landing = Landing(self._directory)
        _bring(parcel.directory, landing, (parcel.raw_index, parcel.signature), work)

    def read(self, landing: Landing, work: Work) -> None:
        """Copy it from there."""
        raw = read_bounded(self._directory / INDEX)
        beside = self._directory / SIGNATURE
        signature = read_bounded(beside) if os.path.lexists(beside) else None
        _bring(self._directory, landing, (raw, signature), work)


def _bring(source: Path, landing: Landing, index: tuple[bytes, bytes | None], work: Work) -> None:
    landing.begin(*index, str(source))

    def ends(name: str) -> tuple[FileSource, FileTarget]:
        return FileSource(source / name), FileTarget(landing.path(name))

    carry_files(landing.index, ends, work)
    for name in landing.index.files:
        landing.landed(name)
    landing.finish()
