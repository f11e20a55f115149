# SPDX-License-Identifier: Apache-2.0
"""The store from inside the site, and what is left of it after a restart."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poya.lab.storage.contents import Content, Segment, join
from poya.lab.storage.credentials import CredentialMint
from poya.lab.storage.objects import PART_BYTES, NewObject, SiteObjects, multipart_etag

BUCKET = "boot-images"
Opener = Callable[[], SiteObjects]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opener]:
    """Opens the same store again and again, as restarts do."""
    current: list[SiteObjects] = []

    def open_again() -> SiteObjects:
        while current:
            current.pop().close()
        current.append(SiteObjects(tmp_path, "alps", CredentialMint(b"seed")))
        return current[0]

    yield open_again
    current.pop().close()


def files_of(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "data").iterdir())


def test_an_object_is_the_same_after_a_restart(opened: Opener) -> None:
    body = os.urandom(PART_BYTES + 5)
    written = opened().put(NewObject(BUCKET, "k", [body], {"a": "b"}, part_bytes=PART_BYTES))
    before = opened().rows()
    objects = opened()
    assert objects.rows() == before
    assert objects.read_now(BUCKET, "k") == body
    found = objects.backend.find(BUCKET, "k")
    assert found is not None
    assert found.etag == f'"{written.etag}"'
    assert written.etag.endswith("-2")
    assert written.metadata == {"a": "b", "md5sum": hashlib.md5(body).hexdigest()}


def test_files_without_an_object_are_swept_at_the_start(opened: Opener, tmp_path: Path) -> None:
    opened().put(NewObject(BUCKET, "k", [b"kept"]))
    (tmp_path / "data" / "left-over").write_bytes(b"of an upload that a crash cut short")
    opened()
    assert [path.read_bytes() for path in files_of(tmp_path)] == [b"kept"]


def test_an_object_whose_file_is_gone_is_not_loaded(opened: Opener, tmp_path: Path) -> None:
    opened().put(NewObject(BUCKET, "k", [b"gone"]))
    for path in files_of(tmp_path):
        path.unlink()
    assert opened().rows() == []


async def test_overwriting_and_deleting_give_the_space_back(
    opened: Opener, tmp_path: Path
) -> None:
    objects = opened()
    await objects.write(BUCKET, "k", b"old")
    await objects.write(BUCKET, "k", b"new")
    assert [path.read_bytes() for path in files_of(tmp_path)] == [b"new"]
    await objects.delete(BUCKET, "k")
    await objects.delete(BUCKET, "k")
    await objects.delete("no such bucket", "k")
    assert files_of(tmp_path) == []
    assert opened().rows() == []


async def test_reads_the_start_of_an_object_and_misses_what_is_absent(opened: Opener) -> None:
    objects = opened()
    await objects.write(BUCKET, "k", b"0123456789")
    assert await objects.read(BUCKET, "k", 4) == b"0123"
    assert await objects.read(BUCKET, "k", 99) == b"0123456789"
    with pytest.raises(KeyError):
        await objects.read(BUCKET, "absent", 1)
    with pytest.raises(KeyError):
        await objects.move(BUCKET, "absent", "k2")
    assert await objects.head(BUCKET, "absent") is None
    assert await objects.head("no such bucket", "k") is None


async def test_moving_keeps_a_small_object_as_it_is(opened: Opener) -> None:
    objects = opened()
    before = objects.put(NewObject(BUCKET, "k", [b"small"], {"a": "b"}))
    assert await objects.move(BUCKET, "k", "deleted/k") == before
    assert await objects.head(BUCKET, "k") is None


async def test_moving_a_large_object_changes_its_etag_and_loses_its_metadata(
    opened: Opener,
) -> None:
    """IMS 3.33 on Ceph RGW: from 8 MiB on the copy is multipart and has no metadata."""
    objects = opened()
    body = os.urandom(PART_BYTES + 1)
    before = objects.put(NewObject(BUCKET, "k", [body], {"a": "b"}))
    after = await objects.move(BUCKET, "k", "deleted/k")
    halves = (hashlib.md5(half).hexdigest() for half in (body[:PART_BYTES], body[PART_BYTES:]))
    assert before.etag == hashlib.md5(body).hexdigest()
    assert (after.etag, after.metadata) == (multipart_etag(halves), {})
    assert objects.read_now(BUCKET, "deleted/k") == body


def test_a_snapshot_brings_back_what_was_changed_and_drops_what_was_added(
    opened: Opener, tmp_path: Path
) -> None:
    objects = opened()
    objects.put(NewObject(BUCKET, "deleted", [b"1"]))
    objects.put(NewObject(BUCKET, "changed", [b"2"]))
    snapshot = objects.snapshot()
    for _ in range(2):
        objects.backend.delete_object(BUCKET, "deleted")
        objects.put(NewObject(BUCKET, "changed", [b"3"]))
        objects.put(NewObject(BUCKET, "added", [b"4"]))
        objects.restore(snapshot)
        assert objects.rows() == snapshot
        assert objects.read_now(BUCKET, "changed") == b"2"
        assert len(files_of(tmp_path)) == 2
    assert {row.key: row for row in opened().rows()} == {row.key: row for row in snapshot}


def test_many_keys_share_one_body(opened: Opener, tmp_path: Path) -> None:
    etag = opened().put_alike(BUCKET, [f"k{number}" for number in range(50)], b"same")
    objects = opened()
    assert {row.etag for row in objects.rows()} == {etag}
    assert len(files_of(tmp_path)) == 1
    objects.backend.delete_object(BUCKET, "k0")
    assert objects.read_now(BUCKET, "k49") == b"same"


@given(
    lengths=st.lists(st.integers(1, 20), max_size=6),
    start=st.integers(0, 130),
    length=st.integers(0, 130),
)
def test_cutting_a_content_is_cutting_its_bytes(
    lengths: list[int], start: int, length: int
) -> None:
    whole = join(Content((Segment(str(n), 7, size),)) for n, size in enumerate(lengths))
    assert spelled(whole.cut(start, length)) == spelled(whole)[start : start + length]


def spelled(content: Content) -> list[tuple[str, int]]:
    return [
        (part.file, offset)
        for part in content.segments
        for offset in range(part.offset, part.offset + part.length)
    ]


def test_credentials_prove_themselves_to_their_site_and_to_no_other() -> None:
    mint, other = CredentialMint(b"one"), CredentialMint(b"two")
    issued = mint.issue(3600, "https://s3")
    account = CredentialMint(b"one").account(issued.access_key_id)
    assert account is not None
    assert account.secret_access_key == issued.secret_access_key
    assert account.session_token == issued.session_token
    assert other.account(issued.access_key_id) is None
    assert issued.expiration.endswith("+00:00")


@given(st.text(max_size=24))
def test_no_made_up_access_key_is_known(text: str) -> None:
    assert CredentialMint(b"one").account(text) is None


def test_an_object_that_repeats_itself_takes_the_room_of_one_block(tmp_path: Path) -> None:
    """64 GiB at 8 MiB a part: the etag is that of a real upload, no such space is taken."""
    objects = SiteObjects(tmp_path, "alps", CredentialMint(b"seed"))
    block = b"0123456789abcdef" * (512 * 1024)
    made = objects.put_repeated("boot-images", "big", 64 * 1024**3 + 5, block)
    digest = hashlib.md5(block).digest() * 8192 + hashlib.md5(block[:5]).digest()
    assert made.size_bytes == 64 * 1024**3 + 5
    assert made.etag == f"{hashlib.md5(digest).hexdigest()}-8193"
    assert sum(path.stat().st_size for path in (tmp_path / "data").iterdir()) == len(block)
    objects.close()


def test_equal_large_parts_are_kept_once(tmp_path: Path) -> None:
    objects = SiteObjects(tmp_path, "alps", CredentialMint(b"seed"))
    body = b"x" * (2 * 1024 * 1024)
    for key in ("a", "b"):
        objects.put(NewObject("ims", key, [body]))
    assert len(list((tmp_path / "data").iterdir())) == 1
    asyncio.run(objects.delete("ims", "a"))
    assert objects.read_now("ims", "b") == body
    asyncio.run(objects.delete("ims", "b"))
    assert list((tmp_path / "data").iterdir()) == []
    objects.put(NewObject("ims", "c", [body]))
    assert objects.read_now("ims", "c") == body
    objects.close()
