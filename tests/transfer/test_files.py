# SPDX-License-Identifier: Apache-2.0
"""Files as targets and sources: complete and proven under their name, or not there at all."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from poya.errors import Conflict, DataDamaged, Locked, PoyaError
from poya.transfer import (
    Advanced,
    Cancel,
    Event,
    Expected,
    FileSource,
    FileTarget,
    Guard,
    Job,
    Limits,
    Opening,
    Proof,
    copy,
)
from poya.transfer.layout import lay_out_file
from transfer.conftest import Side
from transfer.content import PART, content, md5_of

DATA = content(3 * PART + 12_345)
KNOWN = Expected(len(DATA), md5_of(DATA))


def partial_of(path: Path) -> Path:
    return path.with_name(path.name + ".partial")


def down(alps: Side, path: Path, expected: Expected = KNOWN, *, sha256: bool = False) -> Job:
    return Job("rootfs", alps.source("rootfs"), FileTarget(path), expected, sha256=sha256)


def up(path: Path, side: Side, expected: Expected, part_bytes: int | None = PART) -> Job:
    return Job("rootfs", FileSource(path, part_bytes), side.target("rootfs"), expected)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rootfs"


@pytest.mark.parametrize("size", [0, 1, PART, 2 * PART + 7])
@pytest.mark.parametrize(
    ("part_bytes", "knows_md5"), [(None, True), (PART, True), (6 * 1024**2, False)]
)
def test_a_file_goes_down_and_up_again_with_the_equal_etag(
    alps: Side, prealps: Side, path: Path, size: int, part_bytes: int | None, knows_md5: bool
) -> None:
    data = content(size)
    etag = alps.fake.put("rootfs", data, part_bytes)
    expected = Expected(size, md5_of(data) if knows_md5 else None)
    [fetched] = copy([down(alps, path, expected, sha256=True)])
    assert path.read_bytes() == data
    assert fetched.sha256 == hashlib.sha256(data).hexdigest()
    assert (fetched.etag, fetched.md5) == (etag, md5_of(data))
    assert sorted(path.parent.iterdir()) == [path]
    index = Expected(size, fetched.md5, fetched.etag)
    [sent] = copy([up(path, prealps, index, fetched.part_size_bytes)])
    assert (prealps.fake.data("rootfs"), sent.etag) == (data, etag)


@pytest.mark.parametrize(("expected", "sums"), [(KNOWN, "crc32:"), (Expected(), "")])
def test_parts_of_a_file_whose_md5_is_known_are_remembered_by_checksums(
    alps: Side, path: Path, expected: Expected, sums: str
) -> None:
    alps.fake.put("rootfs", DATA, PART)
    interrupted(alps, path, expected, 1)
    record = path.with_name("rootfs.partial.parts").read_text()
    assert f'"sum": "{sums or md5_of(DATA[:PART])}' in record
    [result] = copy([down(alps, path, expected)])
    assert result.proof == (Proof.MD5 if sums else Proof.ETAG)


def test_a_recorded_etag_proves_an_upload_that_is_not_hashed_here(
    secure: Side, path: Path
) -> None:
    path.write_bytes(DATA)
    etag = secure.fake.put("other", DATA, PART)
    [result] = copy([up(path, secure, Expected(len(DATA), md5_of(DATA), etag))])
    assert (result.proof, result.etag, result.md5) == (Proof.ETAG, etag, md5_of(DATA))
    assert secure.fake.data("rootfs") == DATA
    parts = [seen for seen in secure.fake.seen if seen.kind == "PUT part"]
    assert not any("content-md5" in seen.headers for seen in parts)


def test_a_file_of_unknown_origin_is_hashed_as_a_whole(secure: Side, path: Path) -> None:
    path.write_bytes(DATA)
    etag = secure.fake.put("other", DATA, PART)
    [result] = copy([up(path, secure, Expected(len(DATA), md5_of(DATA), etag), None)])
    assert (result.proof, result.etag) == (Proof.MD5, etag)


def test_a_file_that_decayed_is_named_and_not_published(secure: Side, path: Path) -> None:
    etag = secure.fake.put("other", DATA, PART)
    path.write_bytes(b"\0" + DATA[1:])
    with pytest.raises(DataDamaged, match="source .*rootfs does not hold"):
        copy([up(path, secure, Expected(len(DATA), md5_of(DATA), etag))])
    assert "rootfs" not in secure.fake.buckets["boot-images"]
    assert not secure.fake.uploads


def test_a_part_that_the_target_damages_is_sent_again(secure: Side, path: Path) -> None:
    path.write_bytes(DATA)
    etag = secure.fake.put("other", DATA, PART)
    secure.fake.fail("PUT part", "corrupt_stored", after=1)
    [result] = copy([up(path, secure, Expected(len(DATA), md5_of(DATA), etag))])
    assert (result.etag, secure.fake.data("rootfs")) == (etag, DATA)
    assert secure.fake.count("PUT part") == 5


def test_damage_on_the_way_down_is_mended(alps: Side, path: Path) -> None:
    alps.fake.put("rootfs", DATA, PART)
    alps.fake.fail("GET object", "corrupt")
    copy([down(alps, path)])
    assert path.read_bytes() == DATA


def test_a_wrong_record_leaves_no_file(alps: Side, path: Path) -> None:
    alps.fake.put("rootfs", DATA, PART)
    with pytest.raises(DataDamaged, match="record of .* is wrong"):
        copy([down(alps, path, Expected(md5="0" * 32))])
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("after", [1, 3])
@pytest.mark.parametrize("first_knows", [True, False])
@pytest.mark.parametrize("then_knows", [True, False])
def test_a_download_is_continued_whatever_is_known_by_then(
    alps: Side, path: Path, after: int, first_knows: bool, then_knows: bool
) -> None:
    etag = alps.fake.put("rootfs", DATA, PART)
    interrupted(alps, path, KNOWN if first_knows else Expected(), after)
    assert not path.exists()
    [result] = copy([down(alps, path, KNOWN if then_knows else Expected(), sha256=True)])
    assert (path.read_bytes(), result.etag, result.md5) == (DATA, etag, md5_of(DATA))
    assert result.kept_bytes >= after * PART


@pytest.mark.parametrize("knows", [True, False])
def test_what_a_crash_left_wrong_in_a_partial_file_is_fetched_again(
    alps: Side, path: Path, knows: bool
) -> None:
    alps.fake.put("rootfs", DATA, PART)
    expected = KNOWN if knows else Expected()
    interrupted(alps, path, expected, 2)
    with partial_of(path).open("r+b") as file:
        file.write(bytes(PART))
    [result] = copy([down(alps, path, expected)])
    assert path.read_bytes() == DATA
    assert result.moved_bytes < len(DATA)


@pytest.mark.parametrize("record", [b"", b"\xff\xfe", b'{"size": 1}\n', b'{"part": 1, "sum'])
def test_a_record_that_is_none_keeps_nothing(alps: Side, path: Path, record: bytes) -> None:
    alps.fake.put("rootfs", DATA, PART)
    interrupted(alps, path, KNOWN, 2)
    path.with_name("rootfs.partial.parts").write_bytes(record)
    [result] = copy([down(alps, path)])
    assert (path.read_bytes(), result.kept_bytes) == (DATA, 0)


def test_two_do_not_write_one_file(alps: Side, path: Path) -> None:
    alps.fake.put("rootfs", DATA, PART)
    layout = lay_out_file(len(DATA), "", 64 * 1024**2)
    sink = FileTarget(path).open(layout, Opening("x"), Guard())
    with pytest.raises(Locked):
        copy([down(alps, path)])
    sink.discard()


def test_a_file_that_is_there_already_is_not_fetched(alps: Side, path: Path) -> None:
    alps.fake.put("rootfs", DATA, PART)
    path.write_bytes(DATA)
    [result] = copy([down(alps, path)])
    assert (result.is_reused, result.moved_bytes) == (True, 0)
    assert alps.fake.count("GET object") == 0


def test_a_file_that_changes_while_it_is_read_is_a_conflict(prealps: Side, path: Path) -> None:
    path.write_bytes(DATA)

    def touch(event: Event) -> None:
        if isinstance(event, Advanced):
            os.utime(path, ns=(1, 1))

    with pytest.raises(Conflict, match="changed while it was read"):
        copy([up(path, prealps, Expected(), None)], on_event=touch)


@pytest.mark.parametrize(
    "make", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to("/etc/hosts")]
)
def test_only_regular_files_are_read(prealps: Side, path: Path, make: object) -> None:
    assert callable(make)
    make(path)
    with pytest.raises(PoyaError):
        copy([up(path, prealps, Expected(), None)])


def interrupted(alps: Side, path: Path, expected: Expected, after: int) -> None:
    """A download that is stopped when so many parts are there."""
    cancel, moved = Cancel(), []

    def stop(event: Event) -> None:
        if isinstance(event, Advanced):
            moved.append(event)
            if len(moved) == after:
                cancel.set()

    with pytest.raises(PoyaError):
        copy([down(alps, path, expected)], Limits(parallel=1), stop, cancel=cancel)
