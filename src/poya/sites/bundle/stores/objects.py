# SPDX-License-Identifier: Apache-2.0
"""A bundle in an S3 bucket, under a prefix; each file is an object."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from poya.errors import BadAnswer, BundleDamaged, NotFound, UsageError
from poya.sites.bundle.contents import Away
from poya.sites.bundle.names import INDEX, SEALED, SIGNATURE
from poya.sites.bundle.reading import MOST_JSON_BYTES
from poya.sites.bundle.stores.base import Parcel, Work, carry_files, fill
from poya.sites.bundle.stores.landing import Landing
from poya.sites.bundle.stores.parts import land_opened, parts_with_secrets, sealed_part
from poya.sites.bundle.stores.sealing import Recipient, open_part
from poya.sites.bundle.stores.uploads import UploadsThere
from poya.transfer import FileSource, ObjectPlace, ObjectSource, ObjectTarget, S3Store

# age adds a header, a line for each recipient, and 16 bytes to every 64 KiB.
_MOST_SEALED_BYTES = MOST_JSON_BYTES + 1024 * 1024


@dataclass(frozen=True, slots=True)
class ObjectStore:
    """The store port for a prefix of a bucket.

    Attributes:
        store: How the object store is reached.
        place: Bucket and prefix; the prefix has no slash at its end.
        name: What people call the place; empty is its address.
        recipients: Whom to encrypt the parts with secrets to; empty for nobody.
        identity_files: To read such parts with.
    """

    store: S3Store
    place: ObjectPlace
    name: str = ""
    recipients: Sequence[Recipient] = ()
    identity_files: Sequence[str] = ()

    def sealing(
        self, recipients: Sequence[Recipient] = (), identity_files: Sequence[str] = ()
    ) -> ObjectStore:
        """The same place, with parts encrypted to recipients, or opened with identities."""
        return replace(self, recipients=recipients, identity_files=identity_files)

    @property
    def label(self) -> str:
        """Its name, or `s3://bucket/prefix at store`."""
        return self.name or f"{self.place} at {self.store.site}"

    def at(self, name: str) -> ObjectPlace:
        """Where a file of the bundle is."""
        return ObjectPlace(self.place.bucket, f"{self._prefix}{name}")

    @property
    def _prefix(self) -> str:
        return f"{self.place.key}/" if self.place.key else ""

    def below(self, prefix: str) -> ObjectStore:
        """The bundle under a prefix of this one."""
        if not prefix:
            return self
        slash = "" if self.name.endswith((":", "/")) else "/"
        name = f"{self.name}{slash}{prefix}" if self.name else ""
        return replace(self, place=self.at(prefix), name=name)

    def sizes(self) -> dict[str, int]:
        """All objects below the prefix, by their names without it, and how long they are."""
        found = self.store.list_sizes(self.place.bucket, self._prefix)
        return {key.removeprefix(self._prefix): size for key, size in found.items()}

    def write(self, parcel: Parcel, work: Work) -> None:
        """Put every file, then the index, in a form that a reader finds whole or not at all.

        An object that is there already and equal is not sent again. Where there are recipients,
        parts with secrets never get there in the clear.
        """
        self._refuse_another(parcel)
        secret = parts_with_secrets(parcel) if self.recipients else ()
        for name in secret:
            sealed = sealed_part(name, parcel, self.recipients)
            self.store.put_small(self.at(f"{name}{SEALED}"), sealed)
            # Of an earlier export, which was not encrypted.
            self.store.delete(self.at(name))
        plain = [name for name in parcel.index.files if name not in secret]
        carry_files(
            parcel.index,
            lambda n: (FileSource(parcel.directory / n), ObjectTarget(self.store, self.at(n))),
            work,
            plain,
            UploadsThere(self.store, map(self.at, plain)),
        )
        if parcel.signature is not None:
            self.store.put_small(self.at(SIGNATURE), parcel.signature)
        else:
            self.store.delete(self.at(SIGNATURE))
        self.store.put_small(self.at(INDEX), parcel.raw_index)

    def read(self, landing: Landing, work: Work) -> None:
        """Get the index, then every file that it names."""
        shelf = self.look()
        index = landing.begin(shelf.raw_index, shelf.signature, self.label)
        sealed = [name for name in index.files if shelf.is_sealed(name)]
        for name in sealed:
            land_opened(name, io.BytesIO(shelf.sealed(name)), self.identity_files, landing)
        fill(landing, lambda name: ObjectSource(self.store, self.at(name)), work, sealed)

    def look(self) -> ObjectShelf:
        """See which objects there are, and the index."""
        held = self.sizes()
        signature = self.small(SIGNATURE) if SIGNATURE in held else None
        return ObjectShelf(self, self.small(INDEX), signature, held)

    def small(self, name: str, most_bytes: int = MOST_JSON_BYTES) -> bytes:
        """One of the bundle's small files. Raises BundleDamaged if it is absent or too large."""
        try:
            return self.store.get_small(self.at(name), most_bytes)
        except (NotFound, BadAnswer) as error:
            what = f"There is no bundle in {self.label}." if name == INDEX else (
                f"{name} is missing in {self.label}."
            )  # fmt: skip
            raise BundleDamaged(what, why=f"{error.what} {error.why}".strip()) from error

    def remove(self, names: tuple[str, ...]) -> None:
        """Delete the bundle: the index first, so that no half of one is left under its name."""
        held = self.sizes()
        sealed = [f"{name}{SEALED}" for name in names if f"{name}{SEALED}" in held]
        for name in (INDEX, SIGNATURE, *names, *sealed):
            self.store.delete(self.at(name))

    def refuse_without_room(self, needed_bytes: int) -> None:
        """Compare what is to come with the bucket's quota. Raises UsageError if it has no room."""
        left_bytes = self.store.bucket_room(self.place.bucket)
        if left_bytes is not None and left_bytes < needed_bytes:
            raise UsageError(
                f"There is no room for the bundle in {self.label}.",
                why=f"{needed_bytes} bytes are to come, its quota leaves {left_bytes}.",
                todo="Have the quota raised, or prune (poya bundle prune).",
            )

    def refuse_if_taken(self) -> None:
        """Make sure that no bundle is there. Raises UsageError if one is."""
        if self._index() is not None:
            raise self._taken()

    def _refuse_another(self, parcel: Parcel) -> None:
        """While its files were replaced, the bundle that is there would be none."""
        if self._index() not in (None, parcel.raw_index):
            raise self._taken()

    def _index(self) -> bytes | None:
        try:
            return self.store.get_small(self.at(INDEX), MOST_JSON_BYTES)
        except NotFound:
            return None

    def _taken(self) -> UsageError:
        return UsageError(
            f"{self.label} holds another bundle; it is not written over.",
            todo="Name another prefix, such as one with the date in it.",
        )


@dataclass(frozen=True, slots=True)
class ObjectShelf:
    """A bundle in a bucket, of which every part can be read by itself.

    Attributes:
        held: Its objects and their sizes.
    """

    store: ObjectStore
    raw_index: bytes
    signature: bytes | None
    held: Mapping[str, int]

    @property
    def label(self) -> str:
        """As the store's."""
        return self.store.label

    @property
    def names(self) -> frozenset[str]:
        """Every object, the encrypted ones under their plain names."""
        opened = {name.removesuffix(SEALED) for name in self.held}
        return frozenset(opened - {INDEX, SIGNATURE})

    def is_sealed(self, name: str) -> bool:
        """Say whether a file stands encrypted there."""
        return name not in self.held and f"{name}{SEALED}" in self.held

    def sealed(self, name: str) -> bytes:
        """An encrypted record, as it is."""
        return self.store.small(f"{name}{SEALED}", _MOST_SEALED_BYTES)

    def record(self, name: str) -> bytes:
        """A record, opened if it is encrypted."""
        if self.is_sealed(name):
            return open_part(io.BytesIO(self.sealed(name)), self.store.identity_files)
        return self.store.small(name)

    def artifact(self, name: str) -> Away | None:
        """The object."""
        if name not in self.held:
            return None
        return Away(self.held[name], ObjectSource(self.store.store, self.store.at(name)))
