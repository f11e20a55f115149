# SPDX-License-Identifier: Apache-2.0
"""Moving objects from store to store."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable

import pytest

from poya.errors import (
    Cancelled,
    Conflict,
    DataDamaged,
    NotFound,
    ServiceFailure,
    UsageError,
)
from poya.transfer import (
    Advanced,
    Cancel,
    Credentials,
    Event,
    Expected,
    Failed,
    Finished,
    Job,
    Limits,
    ObjectTarget,
    OpenUpload,
    Pace,
    Proof,
    Retried,
    Started,
    copy,
    parse_timetable,
)
from poya.transfer.etags import candidate_part_sizes
from transfer.conftest import Side, open_store
from transfer.content import PART, Memory, content, md5_of
from transfer.fake_s3 import MIB, Seen

DATA = content(3 * PART + 12_345)


def job(alps: Side, prealps: Side, key: str = "rootfs", **more: object) -> Job:
    return Job(key, alps.source(key), prealps.target(key), **more)  # type: ignore[arg-type]


def stop_after(cancel: Cancel, kind: str, count: int) -> Callable[[Seen], None]:
    """Set a stop when the n-th request of a kind arrives."""
    seen_so_far = [0]

    def watch(seen: Seen) -> None:
        seen_so_far[0] += seen.kind == kind
        if seen_so_far[0] >= count:
            cancel.set()

    return watch


def layout_is_certain(size: int, part_bytes: int | None) -> bool:
    count = -(-size // (part_bytes or PART))
    return part_bytes is None or candidate_part_sizes(size, max(1, count))[0] >= min(
        part_bytes, size
    )


@pytest.mark.parametrize("size", [0, 1, PART - 1, PART, PART + 1, 2 * PART, 3 * PART + 7])
@pytest.mark.parametrize("part_bytes", [None, PART, 6 * MIB])
def test_equal_bytes_get_the_equal_etag(
    alps: Side, prealps: Side, size: int, part_bytes: int | None
) -> None:
    data = content(size)
    etag = alps.fake.put("rootfs", data, part_bytes)
    expected = Expected(size, md5_of(data), etag)
    [result] = copy([job(alps, prealps, expected=expected, metadata={"md5sum": md5_of(data)})])
    assert prealps.fake.data("rootfs") == data
    head = prealps.store.head(prealps.place("rootfs"))
    assert (result.etag, result.md5, result.proof) == (head.etag, md5_of(data), Proof.MD5)
    assert head.metadata == {"md5sum": md5_of(data)}
    assert (result.moved_bytes, result.kept_bytes, result.is_reused) == (size, 0, False)
    assert prealps.fake.uploads == {}
    assert result.etag == etag


def test_the_etag_proves_the_bytes_when_no_md5_is_known(alps: Side, prealps: Side) -> None:
    etag = alps.fake.put("rootfs", DATA, PART)
    [result] = copy([job(alps, prealps)])
    assert (result.etag, result.proof, result.md5) == (etag, Proof.ETAG, md5_of(DATA))
    assert result.part_size_bytes == PART


def test_a_doubtful_cut_is_proven_too(alps: Side, prealps: Side) -> None:
    data = content(2 * PART + 5)
    etag = alps.fake.put("rootfs", data, 6 * MIB)
    [result] = copy([job(alps, prealps)])
    assert (result.proof, result.etag, result.part_size_bytes) == (Proof.ETAG, etag, 6 * MIB)
    assert prealps.store.head(prealps.place("rootfs")).etag == etag
    assert prealps.fake.data("rootfs") == data
    # The usual cut was tried first; the store then put the object together anew by itself.
    assert prealps.fake.received_bytes == len(data)
    assert prealps.fake.uploads == {}


def test_a_store_that_tells_its_parts_leaves_no_doubt(alps: Side, prealps: Side) -> None:
    data = content(2 * PART + 5)
    etag = alps.fake.put("rootfs", data, 6 * MIB)
    alps.fake.tells_parts = True
    [result] = copy([job(alps, prealps)])
    assert (result.etag, result.part_size_bytes) == (etag, 6 * MIB)
    assert prealps.fake.count("PUT part") == 2


def test_bytes_of_unknown_origin_are_proven_part_by_part(alps: Side, prealps: Side) -> None:
    data = content(2 * PART)
    alps.fake.put("rootfs", data)
    alps.fake.buckets["boot-images"]["rootfs"].etag = "opaque"
    [result] = copy([job(alps, prealps)])
    assert result.proof is Proof.PARTS
    assert prealps.fake.data("rootfs") == data


def test_moves_many_objects_at_once_within_the_memory_limit(alps: Side, prealps: Side) -> None:
    jobs, datas = [], {}
    for number in range(12):
        key = f"image/{number}"
        datas[key] = content(number * 700_000, key)
        alps.fake.put(key, datas[key], PART if number % 2 else None)
        jobs.append(job(alps, prealps, key))
    datas["rootfs"] = DATA
    alps.fake.put("rootfs", DATA, PART)
    jobs.append(job(alps, prealps))
    results = copy(jobs, Limits(parallel=4, memory_bytes=12 * MIB, objects=5))
    assert [result.name for result in results] == [j.name for j in jobs]
    assert {key: prealps.fake.data(key) for key in datas} == datas


@pytest.mark.parametrize("memory_bytes", [1, 100_000, 3 * MIB])
@pytest.mark.parametrize("parallel", [1, 3])
def test_any_amount_of_memory_will_do(
    alps: Side, prealps: Side, memory_bytes: int, parallel: int
) -> None:
    size = 40 if memory_bytes == 1 else PART + 500_000
    keys = ["a", "b", "c"]
    etags = [alps.fake.put(key, content(size, key), PART if key == "b" else None) for key in keys]
    limits = Limits(parallel=parallel, memory_bytes=memory_bytes, objects=3)
    results = copy([job(alps, prealps, key) for key in keys], limits)
    for key, etag, result in zip(keys, etags, results, strict=True):
        assert prealps.fake.data(key) == content(size, key)
        assert result.proof is Proof.ETAG or (result.etag, key) != (etag, "b")


def test_a_plain_object_beyond_a_buffer_is_streamed_in_one_request(
    alps: Side, prealps: Side
) -> None:
    data = content(20 * MIB)
    etag = alps.fake.put("rootfs", data)
    [result] = copy([job(alps, prealps)], Limits(parallel=2, memory_bytes=24 * MIB))
    assert (result.etag, result.part_size_bytes) == (etag, None)
    assert prealps.fake.count("PUT object") == 1
    assert prealps.fake.data("rootfs") == data


@pytest.mark.parametrize("action", ["reset_mid_body", "SlowDown", "lost_ack"])
def test_a_streamed_object_is_sent_again(alps: Side, prealps: Side, action: str) -> None:
    data = content(20 * MIB)
    alps.fake.put("rootfs", data)
    prealps.fake.fail("PUT object", action)
    events: list[Event] = []
    copy([job(alps, prealps)], Limits(2, 24 * MIB), events.append)
    assert prealps.fake.data("rootfs") == data
    advanced = [event for event in events if isinstance(event, Advanced)]
    assert sum(event.count_bytes for event in advanced) == len(data)


def test_nothing_moves_when_the_target_holds_it(alps: Side, prealps: Side) -> None:
    etag = alps.fake.put("rootfs", DATA, PART)
    prealps.fake.put("rootfs", DATA, PART)
    [result] = copy([job(alps, prealps, expected=Expected(len(DATA), md5_of(DATA)))])
    assert result.moved_bytes == 0
    assert (result.moved_bytes, result.etag, result.md5) == (0, etag, md5_of(DATA))
    assert alps.fake.count("GET object") == 0
    assert {seen.method for seen in prealps.fake.seen} == {"HEAD"}


def test_another_cut_of_the_same_bytes_is_recognised_by_its_md5(alps: Side, prealps: Side) -> None:
    alps.fake.put("rootfs", DATA, PART)
    etag = prealps.fake.put("rootfs", DATA, 6 * MIB)
    prealps.fake.buckets["boot-images"]["rootfs"].metadata = {"md5sum": md5_of(DATA)}
    [result] = copy([job(alps, prealps, expected=Expected(md5=md5_of(DATA)))])
    assert (result.is_reused, result.etag) == (True, etag)


def test_something_else_under_the_name_is_a_conflict(alps: Side, prealps: Side) -> None:
    alps.fake.put("rootfs", DATA, PART)
    prealps.fake.put("rootfs", b"something else")
    with pytest.raises(Conflict, match="at prealps"):
        copy([job(alps, prealps)])
    assert prealps.fake.data("rootfs") == b"something else"
    [result] = copy([job(alps, prealps, replaces=True)])
    assert prealps.fake.data("rootfs") == DATA
    assert not result.is_reused


def test_a_source_of_another_size_is_damaged(alps: Side, prealps: Side) -> None:
    alps.fake.put("rootfs", DATA)
    with pytest.raises(DataDamaged, match="another size"):
        copy([job(alps, prealps, expected=Expected(len(DATA) + 1))])
    assert prealps.fake.seen == []


def test_an_absent_source_is_not_found(alps: Side, prealps: Side) -> None:
    with pytest.raises(NotFound, match="rootfs at alps"):
        copy([job(alps, prealps)])


@pytest.mark.parametrize("part_bytes", [None, PART])
def test_a_wrong_record_at_the_source_is_told_from_damage(
    alps: Side, prealps: Side, part_bytes: int | None
) -> None:
    alps.fake.put("rootfs", DATA, part_bytes)
    with pytest.raises(DataDamaged, match="record") as caught:
        copy([job(alps, prealps, expected=Expected(md5="0" * 32))])
    assert "0" * 32 in caught.value.why
    assert "agrees" in caught.value.why
    assert (prealps.fake.buckets["boot-images"], prealps.fake.uploads) == ({}, {})


@pytest.mark.parametrize("part_bytes", [None, PART])
@pytest.mark.parametrize("knows_md5", [True, False])
def test_damage_at_rest_at_the_source_is_found(
    alps: Side, prealps: Side, part_bytes: int | None, knows_md5: bool
) -> None:
    alps.fake.put("rootfs", DATA, part_bytes)
    alps.fake.buckets["boot-images"]["rootfs"].data = b"\0" + DATA[1:]
    expected = Expected(md5=md5_of(DATA) if knows_md5 else None)
    if part_bytes and not knows_md5:
        # Nothing definite contradicts: an unequal cut has no etag that can be computed.
        [result] = copy([job(alps, prealps)])
        assert result.proof is Proof.PARTS
        return
    with pytest.raises(DataDamaged, match="second reading gave the same"):
        copy([job(alps, prealps, expected=expected)])
    assert (prealps.fake.buckets["boot-images"], prealps.fake.uploads) == ({}, {})


@pytest.mark.parametrize("part_bytes", [None, PART])
def test_damage_on_the_way_from_the_source_is_found(
    alps: Side, prealps: Side, part_bytes: int | None
) -> None:
    alps.fake.put("rootfs", DATA, part_bytes)
    alps.fake.fail("GET object", "corrupt")
    with pytest.raises(DataDamaged, match="two readings gave different bytes"):
        copy([job(alps, prealps, expected=Expected(md5=md5_of(DATA)))])
    assert (prealps.fake.buckets["boot-images"], prealps.fake.uploads) == ({}, {})


def test_a_streamed_object_that_is_damaged_is_not_published(alps: Side, prealps: Side) -> None:
    data = content(20 * MIB)
    alps.fake.put("rootfs", data)
    alps.fake.fail("GET object", "corrupt", times=99)
    with pytest.raises(DataDamaged, match="source"):
        copy([job(alps, prealps)], Limits(2, 24 * MIB))
    assert prealps.fake.buckets["boot-images"] == {}


def test_a_target_that_confirms_other_bytes_is_found(alps: Side, prealps: Side) -> None:
    alps.fake.put("rootfs", DATA, PART)
    prealps.fake.fail("PUT part", "wrong_etag", times=99)
    with pytest.raises(DataDamaged, match="target s3://boot-images/rootfs at prealps"):
        copy([job(alps, prealps)])
    assert (prealps.fake.buckets["boot-images"], prealps.fake.uploads) == ({}, {})


def test_one_wrongly_confirmed_part_is_sent_again(alps: Side, prealps: Side) -> None:
    alps.fake.put("rootfs", DATA, PART)
    prealps.fake.fail("PUT part", "corrupt_stored")
    [result] = copy([job(alps, prealps)])
    assert prealps.fake.data("rootfs") == DATA
    assert result.proof is Proof.ETAG
    assert prealps.fake.count("PUT part") == 5


@pytest.mark.parametrize("part_bytes", [None, PART])
def test_a_target_that_holds_other_bytes_in_the_end_is_found(
    alps: Side, prealps: Side, part_bytes: int | None
) -> None:
    alps.fake.put("rootfs", DATA, part_bytes)

    def damage(seen: Seen) -> None:
        stored = prealps.fake.buckets["boot-images"].get("rootfs")
        if seen.method == "HEAD" and stored:
            stored.etag = "f" * 32

    prealps.fake.on_request = damage
    with pytest.raises(DataDamaged, match="target"):
        copy([job(alps, prealps)])
    assert prealps.fake.buckets["boot-images"] == {}


def test_a_source_that_changes_meanwhile_is_a_conflict(alps: Side, prealps: Side) -> None:
    alps.fake.put("rootfs", DATA, PART)

    def change(seen: Seen) -> None:
        if seen.kind == "GET object":
            alps.fake.put("rootfs", b"x" + DATA, PART)

    alps.fake.on_request = change
    with pytest.raises(Conflict, match="replaced while it was read"):
        copy([job(alps, prealps)])
    assert prealps.fake.buckets["boot-images"] == {}


FAULTS = [
    ("GET object", "reset"), ("GET object", "truncate"), ("GET object", "SlowDown"),
    ("HEAD object", "InternalError"), ("POST uploads", "SlowDown"), ("POST uploads", "reset"),
    ("PUT part", "reset"), ("PUT part", "reset_mid_body"), ("PUT part", "lost_ack"),
    ("PUT part", "BadDigest"), ("PUT part", "InternalError"), ("POST upload", "lost_ack"),
    ("POST upload", "late_error"), ("POST upload", "SlowDown"), ("POST uploads", "lost_ack"),
    ("PUT part", "ExpiredToken"), ("GET object", "InvalidAccessKeyId"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "action"), FAULTS)
def test_a_passing_fault_changes_nothing(
    alps: Side, prealps: Side, kind: str, action: str
) -> None:
    etag = alps.fake.put("rootfs", DATA, PART)
    status = {"BadDigest": 400, "ExpiredToken": 403, "InvalidAccessKeyId": 403}.get(action, 503)
    for side in (alps, prealps):
        side.fake.fail(kind, action, status=status)
    events: list[Event] = []
    [result] = copy([job(alps, prealps)], None, events.append, memory=Memory())
    assert (result.etag, prealps.fake.data("rootfs")) == (etag, DATA)
    assert prealps.fake.uploads == {}
    # A kept connection that breaks is replaced without a word.
    if action not in ("reset", "reset_mid_body", "lost_ack"):
        assert any(isinstance(event, Retried) for event in events)


def test_uploads_of_others_are_left_alone(alps: Side, prealps: Side) -> None:
    alps.fake.put("rootfs", DATA, PART)
    alien = prealps.fake.new_upload("boot-images", "rootfs", {})
    prealps.fake.uploads[alien].parts[1] = b"theirs"
    other = prealps.fake.new_upload("boot-images", "rootfs-2", {})
    prealps.fake.fail("POST uploads", "lost_ack")
    copy([job(alps, prealps)], memory=Memory())
    assert set(prealps.fake.uploads) == {alien, other}


def test_credentials_that_expire_all_the_time_do_not_matter(alps: Side, prealps: Side) -> None:
    alps.fake.put("rootfs", DATA, PART)
    prealps.fake.latency_s = 0.05
    issued: list[Credentials] = []

    def provide() -> Credentials:
        key, secret, token, _ = prealps.fake.issue(0.2)
        issued.append(Credentials(key, secret, token))
        return issued[-1]

    store = open_store(prealps.url, "prealps", provide)
    target = ObjectTarget(store, prealps.place("rootfs"))
    [result] = copy([Job("rootfs", alps.source("rootfs"), target)], Limits(parallel=1, objects=1))
    store.close()
    assert result.proof is Proof.ETAG
    assert len(issued) >= 2


def test_the_bandwidth_limit_holds(alps: Side, prealps: Side) -> None:
    data = content(3 * MIB)
    alps.fake.put("rootfs", data)
    began = time.monotonic()
    copy([job(alps, prealps)], Limits(pace=Pace(parse_timetable("4M"))))
    elapsed = time.monotonic() - began
    assert 0.45 < elapsed < 2


def test_events_tell_what_happens(alps: Side, prealps: Side) -> None:
    alps.fake.put("rootfs", DATA, PART)
    alps.fake.put("kernel", b"k" * 1000)
    prealps.fake.put("kernel", b"k" * 1000)
    events: list[Event] = []
    threads = set()

    def listen(event: Event) -> None:
        threads.add(threading.current_thread().name)
        events.append(event)

    jobs = [
        job(alps, prealps, expected=Expected(len(DATA))),
        job(alps, prealps, "kernel", expected=Expected(1000)),
    ]
    results = copy(jobs, None, listen)
    total = len(DATA) + 1000
    assert {e.name: e.kept_bytes for e in events if isinstance(e, Started)} == {
        "rootfs": 0, "kernel": 1000,
    }  # fmt: skip
    advanced = [e for e in events if isinstance(e, Advanced)]
    assert advanced[-1].total_done_bytes == total
    assert {e.total_bytes for e in advanced} == {total}
    assert [e.done_bytes for e in advanced if e.name == "rootfs"][-1] == len(DATA)
    assert {e.result.name for e in events if isinstance(e, Finished)} == {"rootfs", "kernel"}
    assert dataclasses.asdict(results[1])["is_reused"]
    assert threading.current_thread().name not in threads


def test_one_failure_stops_the_others_and_is_the_one_that_is_raised(
    alps: Side, prealps: Side
) -> None:
    alps.fake.put("rootfs", DATA, PART)
    prealps.fake.latency_s = 0.2
    events: list[Event] = []
    memory = Memory()
    jobs = [job(alps, prealps), job(alps, prealps, "absent")]
    with pytest.raises(NotFound):
        copy(jobs, Limits(parallel=1, objects=2), events.append, memory=memory)
    assert [e.name for e in events if isinstance(e, Failed)] == ["absent"]
    prealps.fake.latency_s = 0
    alps.fake.put("absent", b"")
    copy(jobs, memory=memory)
    assert prealps.fake.data("rootfs") == DATA


def test_a_listener_that_fails_fails_the_copy(alps: Side, prealps: Side) -> None:
    alps.fake.put("rootfs", DATA, PART)

    def listen(event: Event) -> None:
        if isinstance(event, Advanced):
            raise RuntimeError("the screen is gone")

    with pytest.raises(RuntimeError, match="screen"):
        copy([job(alps, prealps)], None, listen)
    assert prealps.fake.uploads == {}


def test_impossible_requests_are_refused(alps: Side, prealps: Side) -> None:
    with pytest.raises(UsageError, match="same name"):
        copy([job(alps, prealps), job(alps, prealps)])
    with pytest.raises(UsageError, match="above zero"):
        copy([], Limits(parallel=0))
    assert copy([]) == []


# Stop and go on.


@pytest.mark.parametrize("after", range(1, 7))
@pytest.mark.parametrize("knows_md5", [True, False])
def test_a_stop_at_any_part_is_continued(
    alps: Side, prealps: Side, after: int, knows_md5: bool
) -> None:
    data = content(5 * PART + 99)
    etag = alps.fake.put("rootfs", data, PART)
    expected = Expected(len(data), md5_of(data) if knows_md5 else None)
    memory, cancel = Memory(), Cancel()
    prealps.fake.on_request = stop_after(cancel, "PUT part", after)
    limits = Limits(parallel=1, memory_bytes=12 * MIB)
    with pytest.raises(Cancelled):
        copy([job(alps, prealps, expected=expected)], limits, cancel=cancel, memory=memory)
    assert len(prealps.fake.uploads) == 1
    prealps.fake.on_request = lambda _seen: None
    # The last request may still have been under way.
    time.sleep(0.05)
    before = sum(len(u.parts) for u in prealps.fake.uploads.values())
    alps.fake.seen.clear()
    [result] = copy([job(alps, prealps, expected=expected)], limits, memory=memory)
    assert (prealps.fake.data("rootfs"), result.etag) == (data, etag)
    # A part that was under way when it was stopped may have got there since.
    assert result.kept_bytes >= min(before * PART, len(data))
    assert result.kept_bytes + result.moved_bytes == len(data)
    assert after - 1 <= before <= after
    # Kept parts are proven by the etag alone where the md5 need not be found out.
    assert alps.fake.count("GET object") == (6 - before if knows_md5 else 6)
    assert (result.proof, result.md5) == (
        (Proof.ETAG if before and knows_md5 else Proof.MD5 if knows_md5 else Proof.ETAG),
        md5_of(data),
    )
    assert memory.is_empty()
    assert prealps.fake.uploads == {}


def test_a_stop_takes_effect_soon(alps: Side, prealps: Side) -> None:
    alps.fake.put("rootfs", DATA, PART)
    alps.fake.fail("GET object", "stall", times=99)
    cancel = Cancel()
    threading.Timer(0.2, cancel.set).start()
    began = time.monotonic()
    with pytest.raises(Cancelled):
        copy([job(alps, prealps)], cancel=cancel, memory=Memory())
    assert time.monotonic() - began < 0.9


def test_without_memory_an_interrupted_upload_is_aborted(alps: Side, prealps: Side) -> None:
    alps.fake.put("rootfs", DATA, PART)
    cancel = Cancel()
    prealps.fake.on_request = stop_after(cancel, "PUT part", 2)
    with pytest.raises(Cancelled):
        copy([job(alps, prealps)], Limits(parallel=1), cancel=cancel)
    time.sleep(0.05)
    assert prealps.fake.uploads == {}


def test_an_outage_is_continued_later(alps: Side, prealps: Side) -> None:
    alps.fake.put("rootfs", DATA, PART)
    prealps.fake.fail("PUT part", "SlowDown", times=999, after=2)
    memory = Memory()
    with pytest.raises(ServiceFailure):
        copy([job(alps, prealps)], Limits(parallel=1), memory=memory)
    prealps.fake.faults.clear()
    [result] = copy([job(alps, prealps)], memory=memory)
    assert result.kept_bytes == 2 * PART
    assert prealps.fake.data("rootfs") == DATA


@pytest.mark.parametrize("knows_md5", [True, False])
def test_kept_parts_that_are_not_the_sources_are_mended(
    alps: Side, prealps: Side, knows_md5: bool
) -> None:
    etag = alps.fake.put("rootfs", DATA, PART)
    memory = Memory()
    target = prealps.target("rootfs")
    upload = prealps.fake.new_upload("boot-images", "rootfs", {})
    prealps.fake.uploads[upload].parts = {1: DATA[:PART], 2: bytes(PART), 3: b"short", 9: b"x"}
    memory.remember(target.where, OpenUpload(upload, PART))
    expected = Expected(md5=md5_of(DATA) if knows_md5 else None)
    [result] = copy([job(alps, prealps, expected=expected)], memory=memory)
    assert (result.etag, prealps.fake.data("rootfs")) == (etag, DATA)
    assert memory.is_empty()


def test_remembered_uploads_of_another_cut_or_that_are_gone_are_cleared_away(
    alps: Side, prealps: Side
) -> None:
    alps.fake.put("rootfs", DATA, PART)
    memory, target = Memory(), prealps.target("rootfs")
    other_cut = prealps.fake.new_upload("boot-images", "rootfs", {})
    older = prealps.fake.new_upload("boot-images", "rootfs", {})
    newer = prealps.fake.new_upload("boot-images", "rootfs", {})
    prealps.fake.uploads[newer].parts[1] = DATA[:PART]
    memory.remember(target.where, OpenUpload("2~gone", PART))
    memory.remember(target.where, OpenUpload(other_cut, 7 * MIB))
    memory.remember(target.where, OpenUpload(older, PART))
    memory.remember(target.where, OpenUpload(newer, PART))
    [result] = copy([job(alps, prealps)], memory=memory)
    assert result.kept_bytes == PART
    assert prealps.fake.uploads == {}
    assert memory.is_empty()


def test_a_crash_after_complete_is_found_to_be_done(alps: Side, prealps: Side) -> None:
    alps.fake.put("rootfs", DATA, PART)
    prealps.fake.fail("POST upload", "lost_ack")
    cancel, memory = Cancel(), Memory()
    prealps.fake.on_request = stop_after(cancel, "POST upload", 1)
    with pytest.raises(Cancelled):
        copy([job(alps, prealps)], cancel=cancel, memory=memory)
    prealps.fake.on_request = lambda _seen: None
    [result] = copy([job(alps, prealps)], memory=memory)
    assert (result.moved_bytes, prealps.fake.data("rootfs")) == (0, DATA)


def test_a_streamed_multipart_object_is_continued(alps: Side, prealps: Side) -> None:
    etag = alps.fake.put("rootfs", DATA, PART)
    memory, limits = Memory(), Limits(parallel=2, memory_bytes=4 * MIB)
    prealps.fake.fail("PUT part", "SlowDown", times=999, after=2)
    with pytest.raises(ServiceFailure):
        copy([job(alps, prealps)], limits, memory=memory)
    prealps.fake.faults.clear()
    [result] = copy([job(alps, prealps)], limits, memory=memory)
    assert (result.etag, result.kept_bytes) == (etag, 2 * PART)
    assert result.proof is Proof.ETAG
    assert prealps.fake.data("rootfs") == DATA
