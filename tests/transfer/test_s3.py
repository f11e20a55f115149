# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import gc
import hashlib
import logging
import time
import warnings

import pytest

from poya.errors import (
    AuthenticationError,
    BadAnswer,
    Cancelled,
    DataDamaged,
    NotFound,
    RequestRefused,
    ServiceFailure,
    Unreachable,
)
from poya.transfer import Cancel, Credentials, Guard, NoSuchUpload, ObjectPlace
from transfer.conftest import Side, open_store
from transfer.fake_s3 import MIB

DATA = bytes(range(256)) * 8


def read(side: Side, key: str, start: int = 0, size: int = len(DATA)) -> bytes:
    buffer = bytearray(size)
    side.store.get_range(side.place(key), start, memoryview(buffer))
    return bytes(buffer)


def test_writes_and_reads_back_a_small_object(alps: Side) -> None:
    etag = alps.store.put_small(alps.place("id/manifest.json"), DATA, {"md5sum": "x"})
    head = alps.store.head(alps.place("id/manifest.json"))
    assert etag == head.etag == hashlib.md5(DATA).hexdigest()
    assert (head.size_bytes, dict(head.metadata)) == (len(DATA), {"md5sum": "x"})
    assert alps.store.get_small(alps.place("id/manifest.json"), 4096) == DATA


@pytest.mark.parametrize("key", ["a b/c+d", "ü/ß", "x/%2F/~", "a//b", "q?x=1&y#z", "(1)'*!"])
def test_keys_of_any_spelling_are_signed_as_they_are_sent(alps: Side, key: str) -> None:
    alps.store.put_small(alps.place(key), b"data")
    assert alps.store.list_keys("boot-images", key[:1]) == [key]
    assert alps.store.get_small(alps.place(key), 10) == b"data"


def test_a_connection_that_is_used_while_its_store_is_closed_is_closed_afterwards(
    alps: Side,
) -> None:
    stores = [open_store(alps.url, "alps")]
    alps.fake.on_request = lambda _seen: stores[0].close()
    stores[0].put_small(alps.place("k"), DATA)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        alps.fake.on_request = lambda _seen: None
        stores.clear()
        gc.collect()
    assert [str(one.message) for one in told if "unclosed" in str(one.message)] == []


def test_reads_a_range(alps: Side) -> None:
    alps.fake.put("k", DATA)
    assert read(alps, "k", 100, 50) == DATA[100:150]


def test_an_empty_small_object_is_read_as_empty(alps: Side) -> None:
    alps.fake.put("k", b"")
    assert alps.store.get_small(alps.place("k"), 10) == b""


def test_refuses_a_small_object_that_is_large(alps: Side) -> None:
    alps.fake.put("k", DATA)
    with pytest.raises(BadAnswer, match="larger"):
        alps.store.get_small(alps.place("k"), 10)


def test_a_range_beyond_the_end_is_refused(alps: Side) -> None:
    alps.fake.put("k", DATA)
    with pytest.raises(BadAnswer, match="other bytes"):
        read(alps, "k", 2000, 100)


def test_a_changed_object_is_not_read_on(alps: Side) -> None:
    alps.fake.put("k", DATA)
    with pytest.raises(RequestRefused) as caught:
        alps.store.get_range(alps.place("k"), 0, memoryview(bytearray(9)), if_match="0" * 32)
    assert caught.value.status == 412


def test_put_if_absent_claims_a_key_once(alps: Side) -> None:
    alps.store.put_small(alps.place("claim"), b"1", if_absent=True)
    with pytest.raises(RequestRefused) as caught:
        alps.store.put_small(alps.place("claim"), b"2", if_absent=True)
    assert caught.value.status == 412
    assert alps.fake.data("claim") == b"1"


def test_copies_within_the_store(alps: Side) -> None:
    alps.store.put_small(alps.place("a+ b"), DATA, {"md5sum": "old"})
    etag = alps.store.copy_object(alps.place("a+ b"), alps.place("b"), {"md5sum": "new"})
    assert etag == hashlib.md5(DATA).hexdigest()
    assert alps.store.head(alps.place("b")).metadata == {"md5sum": "new"}
    alps.store.copy_object(alps.place("a+ b"), alps.place("c"))
    assert alps.store.head(alps.place("c")).metadata == {"md5sum": "old"}


def test_a_multipart_upload_from_begin_to_end(alps: Side) -> None:
    place = alps.place("rootfs")
    alps.fake.put("old", DATA)
    alps.fake.min_part_bytes = 1
    upload = alps.store.create_multipart(place, {"md5sum": "m"})
    etags = [
        alps.store.upload_part(place, (upload, n), DATA, hashlib.md5(DATA).hexdigest())
        for n in range(1, 8)
    ]
    etags.append(alps.store.upload_part_copy(alps.place("old"), (5, 9), place, (upload, 8)))
    parts = alps.store.list_parts(place, upload)
    assert [(p.number, p.etag) for p in parts] == list(enumerate(etags, 1))
    alps.store.complete(place, upload, [(p.number, p.etag) for p in parts])
    assert alps.fake.data("rootfs") == DATA * 7 + DATA[5:10]
    assert alps.store.head(place).etag.endswith("-8")
    assert alps.store.list_uploads("boot-images", "rootfs") == []


def test_lists_uploads_of_every_page(alps: Side) -> None:
    ids = {alps.store.create_multipart(alps.place(f"k{n % 4}"), {}) for n in range(11)}
    assert {u.upload_id for u in alps.store.list_uploads("boot-images", "k")} == ids
    assert len(alps.store.list_uploads("boot-images", "k1")) == 3


def test_lists_keys_of_every_page(alps: Side) -> None:
    for number in range(8):
        alps.fake.put(f"image/{number}", b"")
    alps.fake.put("other", b"")
    assert alps.store.list_keys("boot-images", "image/") == [f"image/{n}" for n in range(8)]


def test_aborting_twice_says_that_it_is_gone(alps: Side) -> None:
    upload = alps.store.create_multipart(alps.place("k"), {})
    alps.store.abort(alps.place("k"), upload)
    with pytest.raises(NoSuchUpload):
        alps.store.abort(alps.place("k"), upload)


def test_deleting_what_is_not_there_is_fine(alps: Side) -> None:
    alps.store.delete(alps.place("nothing"))


def test_absence_is_an_error_of_its_own(alps: Side) -> None:
    with pytest.raises(NotFound):
        alps.store.head(alps.place("nothing"))
    with pytest.raises(NotFound, match="nothing"):
        read(alps, "nothing")
    with pytest.raises(NotFound):
        alps.store.head_bucket("no-such-bucket")
    alps.store.head_bucket("boot-images")


@pytest.mark.parametrize("action", ["reset", "lost_ack", "SlowDown", "InternalError", "truncate"])
def test_a_passing_fault_is_tried_again(alps: Side, action: str) -> None:
    alps.fake.put("k", DATA)
    alps.fake.fail("GET object", action, times=2)
    notices: list[str] = []
    guard = Guard(retried=lambda reason, wait_s: notices.append(reason))
    buffer = bytearray(len(DATA))
    alps.store.get_range(alps.place("k"), 0, memoryview(buffer), guard)
    assert buffer == DATA
    assert len(notices) == 2
    assert "s3://boot-images/k at alps" in notices[0]


@pytest.mark.parametrize(
    "action", ["reset", "reset_mid_body", "lost_ack", "SlowDown", "BadDigest"]
)
def test_a_part_is_sent_again(alps: Side, action: str) -> None:
    place, data = alps.place("k"), DATA * 1000
    upload = alps.store.create_multipart(place, {})
    alps.fake.fail("PUT part", action, status=400 if action == "BadDigest" else 503)
    etag = alps.store.upload_part(
        place, (upload, 1), memoryview(data), hashlib.md5(data).hexdigest()
    )
    assert etag == hashlib.md5(data).hexdigest()
    assert alps.fake.uploads[upload].parts == {1: data}


def test_a_service_that_stays_down_is_named_as_such(alps: Side) -> None:
    alps.fake.put("k", DATA)
    alps.fake.fail("GET object", "SlowDown", times=1000)
    with pytest.raises(ServiceFailure, match="GET s3://boot-images/k at alps") as caught:
        read(alps, "k")
    assert caught.value.status == 503
    assert "SlowDown" in caught.value.why


def test_a_site_that_stays_silent_is_unreachable(alps: Side) -> None:
    alps.fake.fail("GET object", "reset", times=1000)
    with pytest.raises(Unreachable, match="no usable answer"):
        read(alps, "k")


def test_a_stalled_answer_is_given_up(alps: Side) -> None:
    alps.fake.put("k", DATA)
    alps.fake.fail("GET object", "stall")
    began = time.monotonic()
    assert read(alps, "k") == DATA
    assert time.monotonic() - began < 4


def test_obeys_retry_after(alps: Side) -> None:
    alps.fake.put("k", DATA)
    alps.fake.fail("GET object", "SlowDown", headers={"Retry-After": "1"})
    began = time.monotonic()
    read(alps, "k")
    assert time.monotonic() - began >= 1.0


def test_bytes_that_always_arrive_damaged_are_no_service_failure(alps: Side) -> None:
    with pytest.raises(DataDamaged):
        alps.store.put(alps.place("k"), memoryview(DATA), hashlib.md5(b"other").hexdigest(), {})
    assert alps.fake.count("PUT object") == 3
    assert "k" not in alps.fake.buckets["boot-images"]


def test_an_error_in_a_successful_answer_is_an_error(alps: Side) -> None:
    place = alps.place("k")
    upload = alps.store.create_multipart(place, {})
    etag = alps.store.upload_part(place, (upload, 1), DATA, hashlib.md5(DATA).hexdigest())
    alps.fake.fail("POST upload", "late_error", times=1000)
    with pytest.raises(ServiceFailure, match="InternalError|failed"):
        alps.store.complete(place, upload, [(1, etag)])
    alps.fake.faults.clear()
    alps.store.complete(place, upload, [(1, etag)])
    assert alps.fake.data("k") == DATA


def test_an_object_that_reads_like_an_error_is_no_error(alps: Side) -> None:
    text = b"<Error><Code>NoSuchKey</Code></Error>"
    alps.fake.put("k", text)
    assert alps.store.get_small(alps.place("k"), 100) == text


def test_invalid_parts_are_refused_with_the_code(alps: Side) -> None:
    upload = alps.store.create_multipart(alps.place("k"), {})
    with pytest.raises(RequestRefused) as caught:
        alps.store.complete(alps.place("k"), upload, [(1, "0" * 32)])
    assert (caught.value.status, caught.value.detail) == (400, "InvalidPart")


def test_expired_credentials_are_renewed_once(alps: Side) -> None:
    alps.fake.put("k", DATA)
    asked: list[Credentials] = []

    def provide() -> Credentials:
        # As if this machine's clock were slow: nothing tells beforehand that they expire.
        key, secret, token, _ = alps.fake.issue(0.3 if not asked else 60)
        asked.append(Credentials(key, secret, token))
        return asked[-1]

    store = open_store(alps.url, "alps", provide)
    assert store.get_small(alps.place("k"), 4096) == DATA
    time.sleep(0.35)
    assert store.get_small(alps.place("k"), 4096) == DATA
    assert len(asked) == 2
    store.close()


def test_credentials_are_renewed_before_they_expire(alps: Side) -> None:
    alps.fake.put("k", DATA)
    issued = []

    def provide() -> Credentials:
        issued.append(alps.fake.issue(0.4))
        return Credentials(*issued[-1])

    store = open_store(alps.url, "alps", provide)
    end = time.monotonic() + 1.0
    while time.monotonic() < end:
        store.get_small(alps.place("k"), 4096)
    store.close()
    assert 3 <= len(issued) <= 5


def test_a_failing_renewal_is_tried_again(alps: Side) -> None:
    alps.fake.put("k", DATA)
    failures = iter([True, True, False])

    def provide() -> Credentials:
        if next(failures):
            raise Unreachable("STS does not answer.")
        return Credentials("AKTEST", "s3cret+/key")

    store = open_store(alps.url, "alps", provide)
    assert store.get_small(alps.place("k"), 4096) == DATA
    store.close()


def test_credentials_that_stay_refused_are_an_authentication_error(alps: Side) -> None:
    asked = []

    def provide() -> Credentials:
        asked.append(1)
        return Credentials("AKGONE", "secret")

    store = open_store(alps.url, "alps", provide)
    with pytest.raises(AuthenticationError):
        store.put_small(alps.place("k"), b"x")
    with pytest.raises(AuthenticationError):
        store.head(alps.place("k"))
    assert len(asked) <= 3
    store.close()


def test_a_wrong_secret_is_an_authentication_error(alps: Side) -> None:
    store = open_store(alps.url, "alps", lambda: Credentials("AKTEST", "wrong"))
    with pytest.raises(AuthenticationError, match="PUT s3://boot-images/k at alps") as caught:
        store.put_small(alps.place("k"), b"x")
    assert "SignatureDoesNotMatch" in caught.value.why
    store.close()


def test_no_secret_in_errors_logs_and_reprs(alps: Side, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    key, secret, token, end = alps.fake.issue(60)
    alps.fake.keys[key] = (secret, "another-token", None)
    held = Credentials(key, secret, token, end)
    store = open_store(alps.url, "alps", lambda: held)
    with pytest.raises(AuthenticationError) as caught:
        store.put_small(alps.place("k"), b"x")
    store.close()
    told = "\n".join([*caught.value.lines(), repr(caught.value), repr(held), caplog.text])
    # The fake's message repeats the secret on purpose.
    assert "InvalidToken" in told
    assert "***" in told
    assert secret not in told
    assert token not in told
    assert "Signature=" not in told


def test_a_lost_answer_to_complete_says_that_the_upload_is_gone(alps: Side) -> None:
    place = alps.place("k")
    upload = alps.store.create_multipart(place, {})
    etag = alps.store.upload_part(place, (upload, 1), DATA, hashlib.md5(DATA).hexdigest())
    alps.fake.fail("POST upload", "lost_ack")
    with pytest.raises(NoSuchUpload):
        alps.store.complete(place, upload, [(1, etag)])
    assert alps.fake.data("k") == DATA


def test_connections_are_kept(alps: Side) -> None:
    alps.fake.put("k", DATA)
    ports = set()
    alps.fake.on_request = lambda seen: ports.add(seen.headers["host"])
    for _ in range(3):
        read(alps, "k")
    assert len(alps.store._transport._idle) == 1


def test_a_connection_that_was_closed_while_idle_is_replaced_silently(alps: Side) -> None:
    alps.fake.put("k", DATA)
    read(alps, "k")
    (_, _, connection) = alps.store._transport._idle[0]
    connection.wire.interrupt()
    notices: list[str] = []
    guard = Guard(retried=lambda reason, _wait: notices.append(reason))
    alps.store.get_range(alps.place("k"), 0, memoryview(bytearray(10)), guard)
    assert notices == []


def test_a_stop_wakes_a_thread_that_waits_for_an_answer(alps: Side) -> None:
    cancel = Cancel()
    alps.fake.fail("GET object", "stall")
    alps.fake.on_request = lambda _seen: cancel.set()
    began = time.monotonic()
    with pytest.raises(Cancelled):
        alps.store.get_range(alps.place("k"), 0, memoryview(bytearray(9)), Guard(cancel))
    assert time.monotonic() - began < 0.5


def test_hostile_xml_is_not_read(alps: Side) -> None:
    from poya.transfer.s3xml import parse_xml

    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">]><x>&a;&a;</x>'
    for body in (bomb, b"  " + bomb, b"not xml", b"", bomb.decode().encode("utf-16")):
        with pytest.raises(BadAnswer):
            parse_xml(body)


def test_virtual_host_style_names_the_bucket_in_the_host() -> None:
    from poya.transfer.endpoints import Endpoint
    from poya.transfer.s3calls import Call, Service

    service = Service("gcp", Endpoint(True, "s3.example.org", 443), "", False, 1, 1)
    call = Call("GET", ObjectPlace("b", "k"))
    assert service.endpoint_of(call.place).url == "https://b.s3.example.org"
    assert service.target_of(call) == "/k"


def test_large_bodies_go_both_ways(alps: Side) -> None:
    data = hashlib.shake_256(b"x").digest(5 * MIB)
    alps.store.put(alps.place("k"), memoryview(data), hashlib.md5(data).hexdigest(), {})
    assert read(alps, "k", 0, len(data)) == data
