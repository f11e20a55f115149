# SPDX-License-Identifier: Apache-2.0
"""A bundle in another directory, such as a mounted disk or share."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from poya.sites.bundle.names import INDEX, SEALED
from poya.sites.bundle.reading import read_bounded
from poya.sites.bundle.stores.base import Parcel, Work, fill, signature_beside
from poya.sites.bundle.stores.landing import Landing
from poya.sites.bundle.stores.parts import land_opened, parts_with_secrets, sealed_part
from poya.sites.bundle.stores.sealing import Recipient, is_sealed
from poya.sites.bundle.stores.shelf import FolderShelf
from poya.transfer import FileSource
from poya.transfer.files import sync_write


class FolderStore:
    """The store port for a directory.

    Args:
        directory: Where it is.
        recipients: Whom the parts with secrets are encrypted to; nobody: nothing is encrypted.
        identity_files: To read such parts with; needed only where there are any.
    """

    def __init__(
        self,
        directory: Path,
        recipients: Sequence[Recipient] = (),
        identity_files: Sequence[str] = (),
    ) -> None:
        self._directory = directory
        self._recipients = recipients
        self._identity_files = identity_files

    @property
    def label(self) -> str:
        """The directory."""
        return str(self._directory)

    def write(self, parcel: Parcel, work: Work) -> None:
        """Copy it; parts with secrets never get there in the clear if there are recipients."""
        secret = parts_with_secrets(parcel) if self._recipients else ()
        landing = Landing(self._directory)
        landing.begin(parcel.raw_index, parcel.signature, str(parcel.directory))
        for name in secret:
            content = sealed_part(name, parcel, self._recipients)
            sync_write(self._directory / f"{name}{SEALED}", content)
        fill(landing, lambda name: FileSource(parcel.directory / name), work, secret)

    def read(self, landing: Landing, work: Work) -> None:
        """Copy it from there, its encrypted parts opened."""
        here = self._directory
        index = landing.begin(read_bounded(here / INDEX), signature_beside(here), str(here))
        sealed = [name for name in index.files if is_sealed(here, name)]
        for name in sealed:
            content = read_bounded(here / f"{name}{SEALED}")
            land_opened(name, io.BytesIO(content), self._identity_files, landing)
        fill(landing, lambda name: FileSource(here / name), work, sealed)

    def look(self) -> FolderShelf:
        """See what is there."""
        return FolderShelf(self._directory, self._identity_files)
