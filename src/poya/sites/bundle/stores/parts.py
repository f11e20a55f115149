# SPDX-License-Identifier: Apache-2.0
"""Which parts of a bundle are encrypted where the rest is as ever: in a directory, in a bucket.

Only records are ever encrypted so. A file `N` of the index stands as `N.age` there. The index
stays what it is: it has the digests of what comes out when `N.age` is opened, so that nothing can
be put in its place.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Sequence
from typing import BinaryIO

import pyrage

from poya.errors import BundleDamaged
from poya.model.secrets import find_secrets
from poya.sites.bundle.index import Index
from poya.sites.bundle.names import SEALED
from poya.sites.bundle.reading import parse_json, read_bounded
from poya.sites.bundle.stores.base import Parcel, compare_digest
from poya.sites.bundle.stores.landing import Landing
from poya.sites.bundle.stores.sealing import Recipient, open_part


def secrets_in(parcel: Parcel) -> Iterator[tuple[str, str]]:
    """What looks like a secret in a bundle's records: the file, and where in it."""
    for name in records_of(parcel.index):
        path = parcel.directory / name
        for place in find_secrets(parse_json(read_bounded(path), path)):
            yield name, str(place)


def parts_with_secrets(parcel: Parcel) -> tuple[str, ...]:
    """The records of a bundle that hold what looks like a secret."""
    return tuple(dict.fromkeys(name for name, _ in secrets_in(parcel)))


def records_of(index: Index) -> list[str]:
    """The files that hold records, as opposed to those of images."""
    roles = ("template", "groups", "configuration", "image-record")
    return [name for name, entry in index.files.items() if entry.role in roles]


def sealed_part(name: str, parcel: Parcel, recipients: Sequence[Recipient]) -> bytes:
    """A record, encrypted. Raises DataDamaged if it is not what the index says."""
    content = read_bounded(parcel.directory / name)
    compare_digest(parcel.index, name, hashlib.sha256(content).hexdigest())
    sealed: bytes = pyrage.encrypt(content, list(recipients))
    return sealed


def land_opened(
    name: str, stream: BinaryIO, identity_files: Sequence[str], landing: Landing
) -> None:
    """Decrypt a part from a stream, compare what comes out with the index, and land it.

    Raises:
        UsageError: No identity is given.
        BundleDamaged: None fits, or it holds something else.
    """
    content = open_part(stream, identity_files)
    size_bytes = landing.index.files[name].size_bytes or 0
    if len(content) != size_bytes:
        raise BundleDamaged(f"{name}{SEALED} does not hold what the index says.")
    landing.land(name, io.BytesIO(content), size_bytes)
