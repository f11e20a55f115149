# SPDX-License-Identifier: Apache-2.0
"""What the target's store holds already is copied there: no payload goes over the wire."""

from __future__ import annotations

import pytest

from poya.errors import NotFound
from poya.transfer import Advanced, Event, Expected, Job, Proof, Twin, copy
from transfer.conftest import Side
from transfer.content import PART, content, md5_of

DATA = content(2 * PART + 77)
KNOWN = Expected(len(DATA), md5_of(DATA))


def job(alps: Side, prealps: Side, twin: str) -> Job:
    etag = prealps.fake.buckets["boot-images"][twin].etag if twin else "gone"
    metadata = {"md5sum": md5_of(DATA)}
    return Job(
        "rootfs", alps.source("rootfs"), prealps.target("new/rootfs"), KNOWN, metadata,
        twin=Twin(prealps.place(twin or "old/rootfs"), etag),
    )  # fmt: skip


def sent_bytes(side: Side) -> int:
    return side.fake.received_bytes + side.fake.count("PUT object") * 10**9


def test_a_twin_is_copied_within_the_store(alps: Side, prealps: Side) -> None:
    etag = alps.fake.put("rootfs", DATA, PART)
    prealps.fake.put("old/rootfs", DATA, PART)
    events: list[Event] = []
    [result] = copy([job(alps, prealps, "old/rootfs")], on_event=events.append)
    assert (result.etag, result.proof, result.md5) == (etag, Proof.ETAG, md5_of(DATA))
    assert (result.moved_bytes, result.copied_bytes) == (0, len(DATA))
    assert prealps.fake.data("new/rootfs") == DATA
    head = prealps.store.head(prealps.place("new/rootfs"))
    assert (head.etag, head.metadata) == (etag, {"md5sum": md5_of(DATA)})
    assert alps.fake.count("GET object") == 0
    assert [e.total_done_bytes for e in events if isinstance(e, Advanced)][-1] == len(DATA)


def test_a_twin_that_is_cut_otherwise_is_taken_by_its_record(alps: Side, prealps: Side) -> None:
    alps.fake.put("rootfs", DATA, PART)
    etag = prealps.fake.put("old/rootfs", DATA, PART + 1024)
    [result] = copy([job(alps, prealps, "old/rootfs")])
    assert (result.etag, result.proof, result.moved_bytes) == (etag, Proof.COPY, 0)


def test_a_twin_that_changed_is_not_taken(alps: Side, prealps: Side) -> None:
    etag = alps.fake.put("rootfs", DATA, PART)
    prealps.fake.put("old/rootfs", DATA, PART)
    wanted = job(alps, prealps, "old/rootfs")
    prealps.fake.put("old/rootfs", b"x" + DATA[1:], PART)
    [result] = copy([wanted])
    assert (result.etag, result.moved_bytes) == (etag, len(DATA))
    assert prealps.fake.data("new/rootfs") == DATA


def test_a_twin_that_is_gone_is_moved(alps: Side, prealps: Side) -> None:
    alps.fake.put("rootfs", DATA, PART)
    [result] = copy([job(alps, prealps, "")])
    assert result.moved_bytes == len(DATA)


def test_a_copy_with_another_etag_is_not_believed(alps: Side, prealps: Side) -> None:
    etag = alps.fake.put("rootfs", DATA, PART)
    prealps.fake.put("old/rootfs", DATA, PART)
    prealps.fake.keeps_etags = False
    [result] = copy([job(alps, prealps, "old/rootfs")])
    assert (result.etag, result.moved_bytes) == (etag, len(DATA))
    assert prealps.fake.data("new/rootfs") == DATA


def test_a_store_that_cannot_copy_gets_the_bytes(alps: Side, prealps: Side) -> None:
    alps.fake.put("rootfs", DATA, PART)
    prealps.fake.put("old/rootfs", DATA, PART)
    prealps.fake.fail("PUT object", "NotImplemented", status=400)
    [result] = copy([job(alps, prealps, "old/rootfs")])
    assert result.moved_bytes == len(DATA)


def test_the_same_bytes_are_sent_once(alps: Side, prealps: Side) -> None:
    jobs = []
    for number in range(6):
        etag = alps.fake.put(f"{number}/kernel", DATA, PART)
        source, target = alps.source(f"{number}/kernel"), prealps.target(f"{number}/kernel")
        jobs.append(Job(str(number), source, target, Expected(len(DATA), md5_of(DATA), etag)))
    results = copy(jobs)
    assert [result.moved_bytes for result in results] == [len(DATA), 0, 0, 0, 0, 0]
    assert prealps.fake.received_bytes == len(DATA)
    assert {prealps.fake.data(f"{number}/kernel") for number in range(6)} == {DATA}


def test_a_failure_of_the_first_is_the_one_that_is_raised(alps: Side, prealps: Side) -> None:
    alps.fake.put("1/kernel", DATA, PART)
    known = Expected(len(DATA), md5_of(DATA))
    jobs = [
        Job(key, alps.source(f"{key}/kernel"), prealps.target(f"{key}/kernel"), known)
        for key in ("absent", "1")
    ]
    with pytest.raises(NotFound):
        copy(jobs)
