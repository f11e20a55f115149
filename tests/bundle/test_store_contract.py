# SPDX-License-Identifier: Apache-2.0
"""Every store that needs no server of its own keeps the contract of stores."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bundle.store_contract import (
    NO_KEYS,
    BucketPlace,
    FolderPlace,
    Keys,
    Place,
    StoreContract,
    StreamPlace,
    TarFilePlace,
    bundle,
)
from poya.transfer import Credentials, ObjectPlace, S3Config, S3Store
from transfer.fake_s3 import FakeS3, serving

__all__ = ["bundle"]


class TestFolder(StoreContract):
    @pytest.fixture(params=["plain", "sealed"])
    def place(self, request: pytest.FixtureRequest, tmp_path: Path) -> Place:
        return FolderPlace(tmp_path / "away", keys_for(request, tmp_path))


class TestTarFile(StoreContract):
    @pytest.fixture(params=["plain", "sealed"])
    def place(self, request: pytest.FixtureRequest, tmp_path: Path) -> Place:
        return TarFilePlace(tmp_path / "b.tar", keys_for(request, tmp_path))


class TestStream(StoreContract):
    @pytest.fixture(params=["plain", "sealed"])
    def place(self, request: pytest.FixtureRequest, tmp_path: Path) -> Place:
        return StreamPlace(keys_for(request, tmp_path), tmp_path)


class TestBucket(StoreContract):
    @pytest.fixture(params=["plain", "sealed"])
    def place(self, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
        with serving(FakeS3()) as url:
            s3 = S3Store(S3Config("archive", url), lambda: Credentials("AKTEST", "s3cret+/key"))
            try:
                where = ObjectPlace("boot-images", "hpc/1")
                yield BucketPlace(s3, where, keys_for(request, tmp_path))
            finally:
                s3.close()


def keys_for(request: pytest.FixtureRequest, directory: Path) -> Keys:
    return Keys.new(directory) if request.param == "sealed" else NO_KEYS
