# SPDX-License-Identifier: Apache-2.0
"""What every store of bundles keeps: the same tests for a directory, a tar, a stream, a bucket."""

from __future__ import annotations

import asyncio
import io
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import pyrage
import pytest
from msgspec import structs

from bundle.places import IMAGE, back_up, capture, names_below, rich_bundle
from poya.errors import PoyaError, UsageError
from poya.model.vcluster import Selector
from poya.sites.bundle import open_bundle
from poya.sites.bundle.examining import Examination
from poya.sites.bundle.indexed import parse_index
from poya.sites.bundle.stores import (
    FolderStore,
    Landing,
    ObjectStore,
    Shelf,
    Store,
    TarFileStore,
    TarStore,
    parcel_of,
)
from poya.sites.bundle.stores.base import Work
from poya.sites.bundle.stores.examining import examine_shelf, examine_stream
from poya.sites.bundle.stores.reading import open_shelf
from poya.sites.bundle.stores.sealing import recipients_of
from poya.sites.bundle.stores.shelf import StreamShelf
from poya.sites.bundle.trust import new_secret_key, sign
from poya.transfer import Cancel, ObjectPlace, S3Store

ROOTFS = f"{IMAGE}/rootfs"
SECRET = "ldap_password=s3cret"
WORK = Work(Cancel())


def make_bundle(place: Path) -> Path:
    """A signed bundle with a secret in the template `Green/2`, and another one beside it."""
    bundle = rich_bundle()
    bundle.templates[1]["boot_sets"]["uan"]["kernel_parameters"] = f"quiet {SECRET}"
    asyncio.run(back_up(open_bundle(bundle.write(place / "origin")), place / "b"))
    index = (place / "b" / "bundle.json").read_bytes()
    (place / "b" / "bundle.json.minisig").write_bytes(sign(index, new_secret_key(), "ours"))
    other = shutil.copytree(place / "b", place / "other")
    (other / "bundle.json.minisig").unlink()
    changed = parse_index(index, "b")
    origin = structs.replace(changed.origin, created="2020-01-01T00:00:00Z")
    (other / "bundle.json").write_bytes(structs.replace(changed, origin=origin).encode())
    return place / "b"


class Place(Protocol):
    """Where a store keeps a bundle, for tests to look at and to damage."""

    @property
    def is_encrypted(self) -> bool:
        """Whether no secret stands there in the clear."""
        ...

    @property
    def can_be_repeated(self) -> bool:
        """Whether what is there can be looked at when it is written again."""
        ...

    def store(self) -> Store:
        """The store, opened anew."""
        ...

    def everything(self) -> bytes:
        """All bytes that are there."""
        ...

    def alter(self, name: str, content: bytes) -> None:
        """Put other bytes of the same length under a file's name; whole tars are altered there."""
        ...

    def remove(self, name: str) -> None:
        """Take a file out, or cut the tar off before its end."""
        ...


@dataclass
class Keys:
    """Whom a bundle is encrypted to, if at all, and what opens it."""

    recipients: tuple[str, ...] = ()
    identity_files: tuple[str, ...] = ()

    @classmethod
    def new(cls, directory: Path) -> Keys:
        identity = pyrage.x25519.Identity.generate()
        file = directory / "key.txt"
        file.write_text(f"{identity}\n")
        return cls((str(identity.to_public()),), (str(file),))


NO_KEYS = Keys()


@dataclass
class FolderPlace:
    directory: Path
    keys: Keys
    can_be_repeated: bool = True

    @property
    def is_encrypted(self) -> bool:
        return bool(self.keys.recipients)

    def store(self) -> Store:
        return FolderStore(
            self.directory, recipients_of(self.keys.recipients), self.keys.identity_files
        )

    def everything(self) -> bytes:
        return b"".join(p.read_bytes() for p in self.directory.rglob("*") if p.is_file())

    def alter(self, name: str, content: bytes) -> None:
        (self.directory / name).write_bytes(content)

    def remove(self, name: str) -> None:
        (self.directory / name).unlink()


@dataclass
class TarFilePlace:
    file: Path
    keys: Keys

    @property
    def is_encrypted(self) -> bool:
        return bool(self.keys.recipients)

    @property
    def can_be_repeated(self) -> bool:
        return not self.is_encrypted

    def store(self) -> Store:
        return TarFileStore(
            self.file, recipients_of(self.keys.recipients), self.keys.identity_files
        )

    def everything(self) -> bytes:
        return self.file.read_bytes()

    def alter(self, name: str, content: bytes) -> None:
        raw = bytearray(self.file.read_bytes())
        at = len(raw) // 2 if self.is_encrypted else _slice_start(self, name)
        raw[at] ^= 1
        self.file.write_bytes(bytes(raw))

    def remove(self, name: str) -> None:
        raw = self.file.read_bytes()
        end = len(raw) * 9 // 10 if self.is_encrypted else _slice_start(self, name) - 1024
        self.file.write_bytes(raw[:end])


def _slice_start(place: TarFilePlace, name: str) -> int:
    shelf = place.store().look()
    return shelf.slices[name].start  # type: ignore[attr-defined,no-any-return]


class StreamPlace:
    """A stream: what was written is there to be read, each time anew."""

    can_be_repeated = False

    def __init__(self, keys: Keys, scratch: Path) -> None:
        self.keys = keys
        self._inner = TarFilePlace(scratch / "stream", keys)
        self._written = io.BytesIO()

    @property
    def is_encrypted(self) -> bool:
        return self._inner.is_encrypted

    def store(self) -> Store:
        if self._written.getvalue() and not self._inner.file.exists():
            self._inner.file.write_bytes(self._written.getvalue())
        reading = self._inner.file.exists()
        stream = io.BytesIO(self._inner.everything()) if reading else self._written
        return TarStore(
            stream, "a stream", recipients_of(self.keys.recipients), self.keys.identity_files
        )

    def everything(self) -> bytes:
        return self._written.getvalue()

    def alter(self, name: str, content: bytes) -> None:
        self.store()
        self._inner.alter(name, content)

    def remove(self, name: str) -> None:
        self.store()
        self._inner.remove(name)


@dataclass
class BucketPlace:
    s3: S3Store
    place: ObjectPlace
    keys: Keys
    can_be_repeated: bool = True

    @property
    def is_encrypted(self) -> bool:
        return bool(self.keys.recipients)

    def bucket(self) -> ObjectStore:
        return ObjectStore(self.s3, self.place, "archive:x").sealing(
            recipients_of(self.keys.recipients), self.keys.identity_files
        )

    def store(self) -> Store:
        return self.bucket()

    def everything(self) -> bytes:
        bucket = self.bucket()
        return b"".join(self.s3.get_small(bucket.at(n), 1 << 24) for n in bucket.sizes())

    def alter(self, name: str, content: bytes) -> None:
        self.s3.put_small(self.bucket().at(name), content)

    def remove(self, name: str) -> None:
        self.s3.delete(self.bucket().at(name))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("bundle"))


def contents(directory: Path) -> dict[str, bytes]:
    return {name: (directory / name).read_bytes() for name in names_below(directory)}


def examined(place: Place, *, is_deep: bool) -> Examination:
    store = place.store()
    if isinstance(place, StreamPlace) or (isinstance(place, TarFilePlace) and place.is_encrypted):
        return examine_stream(store)[1]
    return examine_shelf(store.look(), is_deep=is_deep)


class StoreContract:
    """Subclasses have a fixture `place`, their module the fixture `bundle` of this one."""

    @pytest.fixture
    def kept(self, place: Place, bundle: Path) -> Place:
        place.store().write(parcel_of(bundle), WORK)
        return place

    def test_what_is_written_comes_back(self, kept: Place, bundle: Path, tmp_path: Path) -> None:
        kept.store().read(Landing(tmp_path / "new"), WORK)
        assert contents(tmp_path / "new") == contents(bundle)

    def test_it_is_looked_at_without_being_brought(self, kept: Place, bundle: Path) -> None:
        shelf: Shelf = kept.store().look()
        index = parcel_of(bundle).index
        assert shelf.raw_index == (bundle / "bundle.json").read_bytes()
        assert shelf.signature == (bundle / "bundle.json.minisig").read_bytes()
        for name, entry in index.files.items():
            if entry.role != "artifact":
                assert shelf.record(name) == (bundle / name).read_bytes()
            else:
                away = shelf.artifact(name)
                assert away is not None
                assert away.size_bytes in (None, entry.size_bytes)
        if not isinstance(shelf, StreamShelf):
            assert shelf.names == index.files.keys()

    def test_it_is_captured_where_it_is(self, kept: Place, bundle: Path) -> None:
        shelf = kept.store().look()
        with open_shelf(shelf, reads_all=not isinstance(shelf, StreamShelf)) as source:
            found = asyncio.run(source.capture(Selector()))
        wanted = asyncio.run(capture(bundle))
        if isinstance(shelf, StreamShelf):
            # The record of one image tells no architecture, and its kernel is not read.
            assert [gap.id for gap in found.gaps] == ["arch-unknown"]
            images = tuple(replace(image, arch="") for image in wanted.images[1:])
            wanted = replace(wanted, images=(wanted.images[0], *images), gaps=found.gaps)
        assert (found.templates, found.configurations, found.groups, found.images) == (
            wanted.templates,
            wanted.configurations,
            wanted.groups,
            wanted.images,
        )
        assert found.gaps == wanted.gaps

    def test_whole_it_is_found_whole(self, kept: Place) -> None:
        for is_deep in (False, True):
            assert examined(kept, is_deep=is_deep).damaged() == ()

    def test_a_damaged_file_is_not_carried(
        self, place: Place, bundle: Path, tmp_path: Path
    ) -> None:
        damaged = shutil.copytree(bundle, tmp_path / "damaged")
        content = bytearray((damaged / ROOTFS).read_bytes())
        content[1000] ^= 1
        (damaged / ROOTFS).write_bytes(bytes(content))
        with pytest.raises(PoyaError, match="rootfs"):
            place.store().write(parcel_of(damaged), WORK)
        with pytest.raises(PoyaError):
            place.store().read(Landing(tmp_path / "new"), WORK)
        assert not (tmp_path / "new" / "bundle.json").exists()

    def test_altered_bytes_are_noticed(self, kept: Place, bundle: Path, tmp_path: Path) -> None:
        content = (bundle / ROOTFS).read_bytes()
        kept.alter(ROOTFS, bytes([content[0] ^ 1]) + content[1:])
        with pytest.raises(PoyaError):
            kept.store().read(Landing(tmp_path / "new"), WORK)
        assert not (tmp_path / "new" / "bundle.json").exists()
        try:
            damaged = examined(kept, is_deep=True).damaged()
        except PoyaError:
            assert kept.is_encrypted, "only what is sealed as a whole is not told apart"
            return
        assert [(file.file, file.verdict) for file in damaged] == [(ROOTFS, "altered")]

    def test_a_missing_file_is_noticed(self, kept: Place, tmp_path: Path) -> None:
        kept.remove(ROOTFS)
        with pytest.raises(PoyaError):
            kept.store().read(Landing(tmp_path / "new"), WORK)
        assert not (tmp_path / "new" / "bundle.json").exists()
        try:
            damaged = examined(kept, is_deep=False).damaged()
        except PoyaError:
            return
        assert ROOTFS in [file.file for file in damaged if file.verdict == "missing"]

    def test_writing_it_again_changes_nothing(self, kept: Place, bundle: Path) -> None:
        if not kept.can_be_repeated:
            pytest.skip("what is there cannot be looked at")
        kept.store().write(parcel_of(bundle), WORK)
        assert examined(kept, is_deep=True).damaged() == ()

    def test_another_bundle_is_not_written_over(self, kept: Place, bundle: Path) -> None:
        if isinstance(kept, StreamPlace):
            pytest.skip("a stream has no before")
        before = kept.everything()
        with pytest.raises(UsageError):
            kept.store().write(parcel_of(bundle.parent / "other"), WORK)
        assert kept.everything() == before

    def test_no_secret_is_there_in_the_clear(self, kept: Place, bundle: Path) -> None:
        assert (SECRET.encode() in kept.everything()) is not kept.is_encrypted
        assert any(SECRET.encode() in content for content in contents(bundle).values())

    def test_a_stopped_reading_is_continued(
        self, kept: Place, bundle: Path, tmp_path: Path
    ) -> None:
        stopped = Cancel()
        stopped.set()
        with pytest.raises(PoyaError):
            kept.store().read(Landing(tmp_path / "new"), Work(stopped))
        assert not (tmp_path / "new" / "bundle.json").exists()
        kept.store().read(Landing(tmp_path / "new"), WORK)
        assert contents(tmp_path / "new") == contents(bundle)
