# SPDX-License-Identifier: Apache-2.0
"""A bundle in an S3 bucket, under a prefix; each file is an object."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from contextlib import suppress

import pyrage

from poya.errors import BadAnswer, BundleDamaged, NotFound
from poya.sites.bundle.names import INDEX, SEALED, SIGNATURE
from poya.sites.bundle.reading import MOST_JSON_BYTES, read_bounded
from poya.sites.bundle.stores.base import Parcel, Work, carry_files, compare_digest
from poya.sites.bundle.stores.landing import Landing
from poya.sites.bundle.stores.parts import land_opened, parts_with_secrets, records_of
from poya.sites.bundle.stores.sealing import Recipient
from poya.transfer import (
    FileSource,
    FileTarget,
    ObjectPlace,
    ObjectSource,
    ObjectTarget,
    S3Store,
)

# age adds a header, a line for each recipient, and 16 bytes to every 64 KiB.
_MOST_SEALED_BYTES = MOST_JSON_BYTES + 1024 * 1024


class ObjectStore:
    """The store port for a prefix of a bucket.

    Args:
        store: How the object store is reached.
        place: Bucket and prefix; the prefix has no slash at its end.
        recipients: Whom to encrypt the parts with secrets to; empty for nobody.
        identity_files: To read such parts with.
    """

    def __init__(
        self,
        store: S3Store,
        place: ObjectPlace,
        recipients: Sequence[Recipient] = (),
        identity_files: Sequence[str] = (),
    ) -> None:
        self._store = store
        self._place = place
        self._recipients = list(recipients)
        self._identity_files = identity_files

    def sealing(
        self, recipients: Sequence[Recipient] = (), identity_files: Sequence[str] = ()
    ) -> ObjectStore:
        """The same place, with parts encrypted to recipients, or opened with identities."""
        return ObjectStore(self._store, self._place, recipients, identity_files)

    @property
    def label(self) -> str:
        """`s3://bucket/prefix at store`."""
        return f"{self._place} at {self._store.site}"

    def at(self, name: str) -> ObjectPlace:
        """Where a file of the bundle is."""
        prefix = f"{self._place.key}/" if self._place.key else ""
        return ObjectPlace(self._place.bucket, f"{prefix}{name}")

    def below(self, prefix: str) -> ObjectStore:
        """The bundle under a prefix of this one."""
        return ObjectStore(self._store, self.at(prefix)) if prefix else self

    def names(self) -> list[str]:
        """The names of all objects below the prefix, without it."""
        prefix = f"{self._place.key}/" if self._place.key else ""
        keys = self._store.list_keys(self._place.bucket, prefix)
        return [key.removeprefix(prefix) for key in keys]

    def write(self, parcel: Parcel, work: Work) -> None:
        """Put every file, then the index, in a form that a reader finds whole or not at all.

        An object that is there already and equal is not sent again. Where there are recipients,
        parts with secrets never get there in the clear.
        """

        def ends(name: str) -> tuple[FileSource, ObjectTarget]:
            return FileSource(parcel.directory / name), ObjectTarget(self._store, self.at(name))

        secret = parts_with_secrets(parcel) if self._recipients else ()
        for name in secret:
            self._put_sealed(name, parcel)
        carry_files(parcel.index, ends, work, [n for n in parcel.index.files if n not in secret])
        if parcel.signature is not None:
            self._store.put_small(self.at(SIGNATURE), parcel.signature)
        else:
            self._store.delete(self.at(SIGNATURE))
        self._store.put_small(self.at(INDEX), parcel.raw_index)

    def read(self, landing: Landing, work: Work) -> None:
        """Get the index, then every file that it names."""
        index = landing.begin(self.small(INDEX), self._signature(), self.label)

        def ends(name: str) -> tuple[ObjectSource, FileTarget]:
            return ObjectSource(self._store, self.at(name)), FileTarget(landing.path(name))

        sealed = [name for name in records_of(index) if self._is_sealed(name)]
        for name in sealed:
            raw = self._store.get_small(self.at(f"{name}{SEALED}"), _MOST_SEALED_BYTES)
            land_opened(name, io.BytesIO(raw), self._identity_files, landing)
        carry_files(index, ends, work, [name for name in index.files if name not in sealed])
        for name in index.files:
            landing.landed(name)
        landing.finish()

    def small(self, name: str) -> bytes:
        """One of the bundle's small files. Raises BundleDamaged if it is absent or too large."""
        try:
            return self._store.get_small(self.at(name), MOST_JSON_BYTES)
        except (NotFound, BadAnswer) as error:
            raise BundleDamaged(
                f"There is no bundle in {self.label}.", why=f"{error.what} {error.why}".strip()
            ) from error

    def remove(self, names: tuple[str, ...]) -> None:
        """Delete the bundle: the index first, so that no half of one is left under its name."""
        held = set(self.names())
        sealed = [f"{name}{SEALED}" for name in names if f"{name}{SEALED}" in held]
        for name in (INDEX, SIGNATURE, *names, *sealed):
            self._store.delete(self.at(name))

    def _put_sealed(self, name: str, parcel: Parcel) -> None:
        content = read_bounded(parcel.directory / name)
        compare_digest(parcel.index, name, hashlib.sha256(content).hexdigest())
        self._store.put_small(
            self.at(f"{name}{SEALED}"), pyrage.encrypt(content, self._recipients)
        )
        # Of an earlier export, which was not encrypted.
        self._store.delete(self.at(name))

    def _is_sealed(self, name: str) -> bool:
        return not self._holds(name) and self._holds(f"{name}{SEALED}")

    def _holds(self, name: str) -> bool:
        try:
            self._store.head(self.at(name))
        except NotFound:
            return False
        return True

    def _signature(self) -> bytes | None:
        with suppress(NotFound):
            return self._store.get_small(self.at(SIGNATURE), MOST_JSON_BYTES)
        return None
