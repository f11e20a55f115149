# SPDX-License-Identifier: Apache-2.0
"""A bundle in an S3 bucket, under a prefix; each file is an object."""

from __future__ import annotations

from contextlib import suppress

from poya.errors import BadAnswer, BundleDamaged, NotFound
from poya.sites.bundle.names import INDEX, SIGNATURE
from poya.sites.bundle.reading import MOST_JSON_BYTES
from poya.sites.bundle.stores.base import Parcel, Work, carry_files
from poya.sites.bundle.stores.landing import Landing
from poya.transfer import (
    FileSource,
    FileTarget,
    ObjectPlace,
    ObjectSource,
    ObjectTarget,
    S3Store,
)


class ObjectStore:
    """The store port for a prefix of a bucket.

    Args:
        store: How the object store is reached.
        place: Bucket and prefix; the prefix has no slash at its end.
    """

    def __init__(self, store: S3Store, place: ObjectPlace) -> None:
        self._store = store
        self._place = place

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

        An object that is there already and equal is not sent again.
        """

        def ends(name: str) -> tuple[FileSource, ObjectTarget]:
            return FileSource(parcel.directory / name), ObjectTarget(self._store, self.at(name))

        carry_files(parcel.index, ends, work)
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

        carry_files(index, ends, work)
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
        for name in (INDEX, SIGNATURE, *names):
            self._store.delete(self.at(name))

    def _signature(self) -> bytes | None:
        with suppress(NotFound):
            return self._store.get_small(self.at(SIGNATURE), MOST_JSON_BYTES)
        return None
