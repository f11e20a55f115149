# SPDX-License-Identifier: Apache-2.0
"""Bundles in a bucket of which the parts with secrets are encrypted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bundle.test_stores import contents, identity, recipient, seal, with_a_secret
from bundle.watching import run
from transfer.fake_s3 import FakeS3, serving

__all__ = ["identity"]
SECRET = "Green%2F2.json"


class Archive:
    """A store of the configuration, and what is in it."""

    def __init__(self, fake: FakeS3, config: Path) -> None:
        self._fake = fake
        self._config = config

    def objects(self) -> dict[str, bytes]:
        held = self._fake.buckets["boot-images"]
        return {key.removeprefix("hpc/1/"): bytes(held[key].data) for key in held}

    def put(self, name: str, content: bytes) -> None:
        assert name in self.objects()
        self._fake.put(f"hpc/1/{name}", content)

    def poya(self, *args: str) -> tuple[int, str, str]:
        return run("--config", str(self._config), "bundle", *args)

    def export(self, bundle: Path, *options: str) -> None:
        code, _, err = self.poya("export", str(bundle), "archive:1", *options)
        assert code == 0, err


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    (tmp_path / "access").write_text("AKTEST")
    (tmp_path / "signing").write_text("s3cret+/key")
    config = tmp_path / "config.toml"
    fake = FakeS3()
    with serving(fake) as url:
        config.write_text(
            f'[stores.archive]\nurl = "s3://boot-images/hpc"\nendpoint = "{url}"\n'
            'access_key_file = "access"\nsecret_key_file = "signing"\n'
        )
        yield Archive(fake, config)


def test_no_secret_reaches_the_bucket_and_the_bundle_comes_back(
    archive: Archive, identity: Path, tmp_path: Path
) -> None:
    bundle = with_a_secret(tmp_path)
    archive.export(bundle, "--encrypt-to", recipient(identity))
    held, whole = archive.objects(), contents(bundle)
    assert held.keys() == whole.keys() - {SECRET} | {f"{SECRET}.age"}
    assert all(b"s3cret" not in content for content in held.values())
    back = ("import", "archive:1", str(tmp_path / "back"), "-i", str(identity))
    assert archive.poya(*back)[0] == 0
    assert contents(tmp_path / "back") == whole


def test_without_its_key_it_is_not_imported(
    archive: Archive, identity: Path, tmp_path: Path
) -> None:
    archive.export(with_a_secret(tmp_path), "--encrypt-to", recipient(identity))
    code, _, err = archive.poya("import", "archive:1", str(tmp_path / "closed"))
    assert code == 2
    assert "--identity" in err
    assert not (tmp_path / "closed" / "bundle.json").exists()


def test_an_earlier_export_leaves_no_secret_in_the_clear(
    archive: Archive, identity: Path, tmp_path: Path
) -> None:
    bundle = with_a_secret(tmp_path)
    archive.export(bundle)
    assert SECRET in archive.objects()
    archive.export(bundle, "--encrypt-to", recipient(identity))
    assert SECRET not in archive.objects()


def test_another_file_in_the_place_of_an_encrypted_part_is_refused(
    archive: Archive, identity: Path, tmp_path: Path
) -> None:
    bundle = with_a_secret(tmp_path)
    archive.export(bundle, "--encrypt-to", recipient(identity))
    content = (bundle / SECRET).read_bytes().replace(b"s3cret", b"public")
    archive.put(f"{SECRET}.age", seal(content, identity))
    back = ("import", "archive:1", str(tmp_path / "back"), "-i", str(identity))
    code, _, err = archive.poya(*back)
    assert code == 10
    assert f"{SECRET} is not what the index says" in err
    assert not (tmp_path / "back" / "bundle.json").exists()


def test_pruning_takes_encrypted_parts_along(
    archive: Archive, identity: Path, tmp_path: Path
) -> None:
    from poya.sites.bundle.catalog import remove_bundle_at
    from poya.sites.bundle.stores import ObjectStore
    from poya.transfer import Credentials, ObjectPlace, S3Config, S3Store

    archive.export(with_a_secret(tmp_path), "--encrypt-to", recipient(identity))
    config = (tmp_path / "config.toml").read_text()
    url = config.partition('endpoint = "')[2].partition('"')[0]
    store = S3Store(S3Config("archive", url), lambda: Credentials("AKTEST", "s3cret+/key"))
    try:
        remove_bundle_at(ObjectStore(store, ObjectPlace("boot-images", "hpc/1")))
    finally:
        store.close()
    assert archive.objects() == {}


def test_a_comparison_of_which_one_side_fails_ends_with_that_alone(
    identity: Path, tmp_path: Path
) -> None:
    bundle, away = with_a_secret(tmp_path), tmp_path / "away"
    export = ("bundle", "export", str(bundle), str(away), "--encrypt-to", recipient(identity))
    assert run(*export)[0] == 0
    code, _, err = run("diff", str(away), str(bundle))
    assert code == 2
    assert "--identity" in err
    assert "never retrieved" not in err
