# SPDX-License-Identifier: Apache-2.0
"""Over TLS, the md5s of parts are computed by the target alone; the source's etag proves them."""

from __future__ import annotations

import pytest

from poya.errors import DataDamaged
from poya.transfer import Expected, Job, Proof, copy
from transfer.conftest import Side
from transfer.content import PART, Memory, content, md5_of

DATA = content(3 * PART + 12_345)
KNOWN = Expected(len(DATA), md5_of(DATA))


def job(alps: Side, secure: Side, expected: Expected = KNOWN) -> Job:
    return Job("rootfs", alps.source("rootfs"), secure.target("rootfs"), expected)


def nothing_is_left(side: Side) -> bool:
    return (side.fake.buckets["boot-images"], side.fake.uploads) == ({}, {})


@pytest.mark.parametrize(("expected", "proof"), [(KNOWN, Proof.MD5), (Expected(), Proof.ETAG)])
def test_moves_without_computing_md5s_of_parts(
    alps: Side, secure: Side, expected: Expected, proof: Proof
) -> None:
    etag = alps.fake.put("rootfs", DATA, PART)
    [result] = copy([job(alps, secure, expected)])
    assert (result.etag, result.md5, result.proof) == (etag, md5_of(DATA), proof)
    assert secure.fake.data("rootfs") == DATA
    parts = [seen for seen in secure.fake.seen if seen.kind == "PUT part"]
    assert len(parts) == 4
    assert not any("content-md5" in seen.headers for seen in parts)


def test_an_object_whose_etag_proves_nothing_is_checked_part_by_part(
    alps: Side, secure: Side
) -> None:
    alps.fake.put("rootfs", content(20 * 1024**2), None)
    copy([job(alps, secure, Expected())])
    puts = [seen for seen in secure.fake.seen if seen.method == "PUT"]
    assert all("content-md5" in seen.headers for seen in puts)


def test_a_part_that_the_target_damaged_is_sent_again(alps: Side, secure: Side) -> None:
    etag = alps.fake.put("rootfs", DATA, PART)
    secure.fake.fail("PUT part", "corrupt_stored", after=1)
    [result] = copy([job(alps, secure)])
    assert (result.etag, result.proof) == (etag, Proof.MD5)
    assert secure.fake.data("rootfs") == DATA
    assert secure.fake.count("PUT part") == 5


def test_a_target_that_damages_all_parts_is_named(alps: Side, secure: Side) -> None:
    alps.fake.put("rootfs", DATA, PART)
    secure.fake.fail("PUT part", "wrong_etag", times=99)
    with pytest.raises(DataDamaged, match="target s3://boot-images/rootfs at prealps"):
        copy([job(alps, secure)])
    assert nothing_is_left(secure)


def test_damage_at_rest_at_the_source_is_named(alps: Side, secure: Side) -> None:
    alps.fake.put("rootfs", DATA, PART)
    alps.fake.buckets["boot-images"]["rootfs"].data = b"\0" + DATA[1:]
    with pytest.raises(DataDamaged, match="source .* second reading gave the same"):
        copy([job(alps, secure)])
    assert nothing_is_left(secure)


def test_a_wrong_record_at_the_source_is_named(alps: Side, secure: Side) -> None:
    alps.fake.put("rootfs", DATA, PART)
    with pytest.raises(DataDamaged, match="record of .* is wrong"):
        copy([job(alps, secure, Expected(md5="0" * 32))])
    assert nothing_is_left(secure)


def test_damage_on_the_way_from_the_source_is_mended(alps: Side, secure: Side) -> None:
    etag = alps.fake.put("rootfs", DATA, PART)
    alps.fake.fail("GET object", "corrupt")
    [result] = copy([job(alps, secure)])
    assert (result.etag, secure.fake.data("rootfs")) == (etag, DATA)


def test_a_way_that_keeps_damaging_is_named(alps: Side, secure: Side) -> None:
    alps.fake.put("rootfs", DATA, PART)
    for number in range(12):
        alps.fake.fail("GET object", "corrupt", after=3 * number)
    with pytest.raises(DataDamaged, match="way from|source"):
        copy([job(alps, secure)])
    assert nothing_is_left(secure)


def test_a_resumed_upload_is_proven_by_the_etag(alps: Side, secure: Side) -> None:
    etag = alps.fake.put("rootfs", DATA, PART)
    memory = Memory()
    secure.fake.fail("PUT part", "NoSuchUpload", after=2, status=404)
    with pytest.raises(Exception, match="NoSuchUpload|failed"):
        copy([job(alps, secure)], memory=memory)
    [result] = copy([job(alps, secure)], memory=memory)
    assert (result.etag, secure.fake.data("rootfs")) == (etag, DATA)
    assert result.kept_bytes > 0
    assert result.kept_bytes + result.moved_bytes == len(DATA)
