# SPDX-License-Identifier: Apache-2.0
"""Bundles in a bucket of a real Ceph gateway (`make test-rgw`): seen on RGW 16.2.15."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from benchmarks.transfer import ceph

from bundle.places import IMAGE, MantaBundle, back_up, files_of_image
from bundle.store_contract import (
    NO_KEYS,
    WORK,
    BucketPlace,
    Keys,
    Place,
    StoreContract,
    bundle,
    contents,
)
from poya.sites.bundle import open_bundle
from poya.sites.bundle.catalog import bundles_in
from poya.sites.bundle.stores import Landing, ObjectStore, parcel_of
from poya.sites.bundle.stores.base import Work
from poya.sites.bundle.stores.examining import examine_shelf
from poya.transfer import Cancel, Credentials, Event, ObjectPlace, S3Config, S3Store, Started

__all__ = ["bundle"]
pytestmark = [
    pytest.mark.rgw,
    pytest.mark.skipif(bool(ceph.missing_programs()), reason="Ceph is not installed"),
]
BUCKET = "bundles"
MIB = 1024 * 1024


@dataclass(frozen=True)
class Gateway:
    url: str
    ca: Path | None
    s3: S3Store

    def at(self, prefix: str) -> ObjectStore:
        return ObjectStore(self.s3, ObjectPlace(BUCKET, prefix))

    def configure(self, directory: Path) -> Path:
        """A configuration with this gateway as the store `archive`."""
        (directory / "key").write_text(ceph.ACCESS_KEY)
        (directory / "secret").write_text(ceph.SECRET_KEY)
        config = directory / "config.toml"
        config.write_text(
            f'[stores.archive]\nurl = "s3://{BUCKET}"\nendpoint = "{self.url}"\nca = "{self.ca}"\n'
            'access_key_file = "key"\nsecret_key_file = "secret"\n'
        )
        return config


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    with ExitStack() as stack:
        # Ceph puts sockets there: the path must be short.
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rgw")))
        found = stack.enter_context(ceph.gateway(directory / "a", "archive", store_gib=2))
        keys = Credentials(ceph.ACCESS_KEY, ceph.SECRET_KEY)
        s3 = S3Store(S3Config("archive", found.url, found.ca), lambda: keys)
        stack.callback(s3.close)
        s3.make_bucket(BUCKET)
        yield Gateway(found.url, found.ca, s3)


class TestGateway(StoreContract):
    @pytest.fixture(params=["plain", "sealed"])
    def place(
        self, request: pytest.FixtureRequest, gateway: Gateway, tmp_path: Path
    ) -> Iterator[Place]:
        keys = Keys.new(tmp_path) if request.param == "sealed" else NO_KEYS
        prefix = hashlib.sha256(str(tmp_path).encode()).hexdigest()[:12]
        yield BucketPlace(gateway.s3, ObjectPlace(BUCKET, prefix), keys)
        for name in gateway.at(prefix).sizes():
            gateway.s3.delete(gateway.at(prefix).at(name))


def large_bundle(place: Path, rootfs_bytes: int) -> Path:
    files = {**files_of_image(), "rootfs": os.urandom(MIB) * (rootfs_bytes // MIB)}
    MantaBundle(images={IMAGE: files}).write(place / "origin")
    asyncio.run(back_up(open_bundle(place / "origin"), place / "b"))
    return place / "b"


def test_a_large_image_goes_in_parts_and_comes_back(gateway: Gateway, tmp_path: Path) -> None:
    bundle = large_bundle(tmp_path, 200 * MIB)
    store = gateway.at("large")
    store.write(parcel_of(bundle), WORK)
    assert examine_shelf(store.look(), is_deep=True).damaged() == ()
    store.read(Landing(tmp_path / "new"), WORK)
    assert contents(tmp_path / "new") == contents(bundle)
    store.remove(tuple(parcel_of(bundle).index.files))
    assert store.sizes() == {}


def test_an_export_that_was_killed_is_continued_from_its_parts(
    gateway: Gateway, tmp_path: Path
) -> None:
    bundle = large_bundle(tmp_path, 200 * MIB)
    config = gateway.configure(tmp_path)
    command = [sys.executable, "-m", "poya", "--config", str(config), "bundle", "export",
               str(bundle), "archive:killed"]  # fmt: skip
    giving = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    sent = wait_for_parts(gateway, giving)
    giving.send_signal(signal.SIGKILL)
    giving.wait()
    assert sent, "it was killed while parts were there"
    assert "bundle.json" not in gateway.at("killed").sizes()
    seen: list[Event] = []
    gateway.at("killed").write(parcel_of(bundle), Work(Cancel(), seen.append))
    kept_bytes = [event.kept_bytes for event in seen if isinstance(event, Started)]
    assert max(kept_bytes) >= 5 * MIB, "parts that were there are not sent again"
    assert gateway.s3.list_uploads(BUCKET, "killed/") == []
    assert examine_shelf(gateway.at("killed").look(), is_deep=True).damaged() == ()


def wait_for_parts(gateway: Gateway, giving: subprocess.Popen[bytes]) -> int:
    """How many parts an open upload has by now, at least one if it can be."""
    while giving.poll() is None:
        for upload in gateway.s3.list_uploads(BUCKET, "killed/"):
            parts = gateway.s3.list_parts(ObjectPlace(BUCKET, upload.key), upload.upload_id)
            if parts:
                return len(parts)
        time.sleep(0.02)
    return 0


def test_more_objects_than_a_page_are_listed(gateway: Gateway, tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    bundle = large_bundle(tmp_path, MIB)
    for day in ("a", "z"):
        gateway.at(f"many/{day}").write(parcel_of(bundle), WORK)
    others = [ObjectPlace(BUCKET, f"many/m/{number:05}") for number in range(1100)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda place: gateway.s3.put_small(place, b"x"), others))
    many = gateway.at("many")
    assert len(many.sizes()) == 1100 + 2 * (len(parcel_of(bundle).index.files) + 1)
    assert [found.prefix for found in bundles_in(many)] == ["a", "z"]
