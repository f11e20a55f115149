# SPDX-License-Identifier: Apache-2.0
"""A bundle in a directory, of which the parts with secrets are encrypted and the rest is as ever.

Only records are ever encrypted so; a bucket's objects are by the same rule.

A file `N` of the index stands as `N.age` there. The index stays what it is: it has the digests of
what comes out when `N.age` is opened, so that nothing can be put in its place.
"""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import pyrage

from poya.errors import BundleDamaged
from poya.model.secrets import find_secrets
from poya.sites.bundle.index import Index
from poya.sites.bundle.names import INDEX, SEALED, SIGNATURE
from poya.sites.bundle.reading import MOST_JSON_BYTES, open_regular, parse_json, read_bounded
from poya.sites.bundle.stores.base import Parcel, Work, carry_files
from poya.sites.bundle.stores.landing import Landing
from poya.sites.bundle.stores.sealing import Recipient, identities_of, unsealed
from poya.transfer import FileSource, FileTarget
from poya.transfer.files import sync_write


def parts_with_secrets(parcel: Parcel) -> tuple[str, ...]:
    """The records of a bundle that hold what looks like a secret."""
    found: list[str] = []
    for name in records_of(parcel.index):
        path = parcel.directory / name
        if next(find_secrets(parse_json(read_bounded(path), path)), None):
            found.append(name)
    return tuple(found)


def records_of(index: Index) -> list[str]:
    """The files that hold records, as opposed to those of images."""
    roles = ("template", "groups", "configuration", "image-record")
    return [name for name, entry in index.files.items() if entry.role in roles]


def land_opened(
    name: str, stream: BinaryIO, identity_files: Sequence[str], landing: Landing
) -> None:
    """Decrypt a part from a stream, compare what comes out with the index, and land it.

    Raises:
        UsageError: No identity is given.
        BundleDamaged: None fits, or it holds something else.
    """
    size_bytes = landing.index.files[name].size_bytes or 0
    with unsealed(stream, identities_of(identity_files)) as plain:
        content = plain.read(min(size_bytes, MOST_JSON_BYTES) + 1)
    if len(content) != size_bytes:
        raise BundleDamaged(f"{name}{SEALED} does not hold what the index says.")
    landing.land(name, io.BytesIO(content), size_bytes)


class SealedFolderStore:
    """The store port for a directory with encrypted parts.

    Args:
        directory: Where it is.
        recipients: To write for; empty for reading only.
        identity_files: To read with; needed only where a part is encrypted.
    """

    def __init__(
        self,
        directory: Path,
        recipients: Sequence[Recipient] = (),
        identity_files: Sequence[str] = (),
    ) -> None:
        self._directory = directory
        self._recipients = list(recipients)
        self._identity_files = identity_files

    @property
    def label(self) -> str:
        """The directory."""
        return str(self._directory)

    def write(self, parcel: Parcel, work: Work) -> None:
        """Copy it, the parts with secrets encrypted: they never get there in the clear."""
        secret = parts_with_secrets(parcel)
        landing = Landing(self._directory)
        landing.begin(parcel.raw_index, parcel.signature, str(parcel.directory))
        for name in secret:
            content = read_bounded(parcel.directory / name)
            landing.compare(name, content)
            sync_write(
                self._directory / f"{name}{SEALED}", pyrage.encrypt(content, self._recipients)
            )
        plain = [name for name in parcel.index.files if name not in secret]
        carry_files(
            parcel.index,
            lambda name: (FileSource(parcel.directory / name), FileTarget(landing.path(name))),
            work,
            plain,
        )
        for name in parcel.index.files:
            landing.landed(name)
        landing.finish()

    def read(self, landing: Landing, work: Work) -> None:
        """Copy it from there, its encrypted parts opened."""
        here = self._directory
        beside = here / SIGNATURE
        signature = read_bounded(beside) if os.path.lexists(beside) else None
        index = landing.begin(read_bounded(here / INDEX), signature, str(here))
        sealed = [name for name in index.files if is_sealed(here, name)]
        for name in sealed:
            self._open(name, landing)
        carry_files(
            index,
            lambda name: (FileSource(here / name), FileTarget(landing.path(name))),
            work,
            [name for name in index.files if name not in sealed],
        )
        for name in index.files:
            landing.landed(name)
        landing.finish()

    def _open(self, name: str, landing: Landing) -> None:
        with (
            open_regular(self._directory / f"{name}{SEALED}") as descriptor,
            os.fdopen(os.dup(descriptor), "rb") as file,
        ):
            land_opened(name, file, self._identity_files, landing)


def is_sealed(directory: Path, name: str) -> bool:
    """Say whether a file of the index stands encrypted there."""
    return os.path.lexists(directory / f"{name}{SEALED}") and not os.path.lexists(directory / name)
