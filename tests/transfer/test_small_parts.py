# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib
import threading
import time
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poya.csm import SiteConfig
from poya.csm.config import NoAuth
from poya.errors import Cancelled, ConfigError
from poya.sites.csm.objects import allowed_endpoint
from poya.transfer import Advanced, Cancel, Guard, Meter, Paced, Started, choose_endpoint
from poya.transfer.buffers import Buffer, BufferPool
from poya.transfer.digests import OrderedDigests
from poya.transfer.etags import MIB
from poya.transfer.guard import Brake
from poya.transfer.pacing import Pace, parse_timetable
from poya.transfer.retry import RetryPolicy


@given(st.data())
def test_pieces_in_any_order_give_the_digests_of_the_whole(data: st.DataObject) -> None:
    pieces = data.draw(st.lists(st.binary(min_size=1, max_size=9), min_size=1, max_size=12))
    whole = b"".join(pieces)
    starts = [sum(map(len, pieces[:i])) for i in range(len(pieces))]
    released: list[int] = []
    digests = OrderedDigests([4], sha256=True)
    for i in data.draw(st.permutations(range(len(pieces)))):
        digests.offer(starts[i], memoryview(pieces[i]), partial(released.append, i))
    assert digests.md5() == hashlib.md5(whole).hexdigest()
    assert digests.sha256() == hashlib.sha256(whole).hexdigest()
    assert released == list(range(len(pieces)))
    assert digests.hashed_bytes == len(whole)


def test_a_piece_that_comes_again_is_skipped() -> None:
    digests = OrderedDigests()
    for start, piece in ((0, b"ab"), (0, b"ab"), (2, b"cd")):
        digests.offer(start, memoryview(piece), lambda: None)
    assert digests.md5() == hashlib.md5(b"abcd").hexdigest()


def test_abandoned_pieces_are_let_go() -> None:
    released: list[str] = []
    digests = OrderedDigests()
    digests.offer(5, memoryview(b"early"), lambda: released.append("early"))
    digests.abandon()
    digests.offer(0, memoryview(b"first"), lambda: released.append("first"))
    assert released == ["early", "first"]


def test_buffers_never_exceed_the_limit() -> None:
    pool = BufferPool(4 * MIB)
    cancel, held = Cancel(), threading.Semaphore(0)
    most = [0]

    def work(size: int) -> None:
        for _ in range(30):
            buffer = pool.acquire(size, cancel)
            assert len(buffer.view) == size
            most[0] = max(most[0], pool.peak_bytes)
            pool.release(buffer)
        held.release()

    sizes = [100, MIB, 3 * MIB, 4 * MIB, 2 * MIB + 1]
    threads = [threading.Thread(target=work, args=(size,)) for size in sizes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
    assert most[0] <= 4 * MIB


def test_a_large_request_is_not_starved() -> None:
    pool = BufferPool(2 * MIB)
    cancel = Cancel()
    small = pool.acquire(MIB, cancel)
    got: list[Buffer] = []
    thread = threading.Thread(target=lambda: got.append(pool.acquire(2 * MIB, cancel)))
    thread.start()
    time.sleep(0.05)
    assert pool.try_acquire(MIB) is None
    pool.release(small)
    thread.join(5)
    assert got


def test_waiting_for_a_buffer_ends_with_the_stop() -> None:
    pool, cancel = BufferPool(MIB), Cancel()
    pool.acquire(MIB, cancel)
    threading.Timer(0.05, cancel.set).start()
    began = time.monotonic()
    with pytest.raises(Cancelled):
        pool.acquire(MIB, cancel)
    assert time.monotonic() - began < 0.4


def test_buffers_are_used_again() -> None:
    pool, cancel = BufferPool(8 * MIB), Cancel()
    first = pool.acquire(MIB, cancel)
    pool.release(first)
    assert pool.acquire(MIB - 5, cancel).storage is first.storage


def test_the_brake_keeps_the_rate() -> None:
    brake = Brake(Pace(parse_timetable("1000")), burst_s=0.1)
    now = wait = 0.0
    for _ in range(50):
        wait = brake.reserve(100, now)
        now += wait
    assert now == pytest.approx(5.0 - 0.1, abs=0.11)
    assert brake.reserve(100, now + 60) == pytest.approx(0.0, abs=0.001)


def test_a_braked_wait_ends_with_the_stop() -> None:
    cancel = Cancel()
    guard = Guard(cancel, Brake(Pace(parse_timetable("1"))))
    threading.Timer(0.05, cancel.set).start()
    began = time.monotonic()
    with pytest.raises(Cancelled):
        guard.moved(1000)
    assert time.monotonic() - began < 1


def test_interrupting_after_the_stop_interrupts_at_once() -> None:
    cancel, called = Cancel(), []
    cancel.set()
    with cancel.interrupting(lambda: called.append(1)):
        assert called == [1]
    cancel.set()
    assert called == [1]


def test_waits_grow_and_stay_below_the_cap() -> None:
    policy = RetryPolicy(base_s=1, cap_s=5)
    longest = [policy.wait_s(n, pick=lambda _low, high: high) for n in (1, 2, 3, 4, 100)]
    assert longest == [1, 2, 4, 5, 5]
    assert policy.wait_s(1, 30, pick=lambda low, _high: low) == 30
    assert policy.wait_s(1, 9999, pick=lambda low, _high: low) == policy.retry_after_cap_s


def test_gives_up_after_patience_but_not_before_a_few_tries() -> None:
    policy = RetryPolicy(patience_s=10, attempts=3)
    assert not policy.gives_up(2, 100)
    assert not policy.gives_up(50, 9)
    assert policy.gives_up(3, 10)


def test_the_meter_tells_rate_and_remaining_time() -> None:
    meter = Meter(window_s=10)
    meter.note(Started("a", 1000, 0, 1000), 100.0)
    assert meter.total.eta_s(100.0) is None
    for second in range(1, 5):
        meter.note(Advanced("a", 100, second * 100, 1000, second * 100, 1000), 100.0 + second)
    for gauge in (meter.total, meter.artifact("a")):
        assert gauge.rate_bytes_per_s(104.0) == pytest.approx(100)
        assert gauge.eta_s(104.0) == pytest.approx(6)


def test_the_meter_forgets_what_is_long_past() -> None:
    meter = Meter(window_s=2)
    meter.note(Started("a", 10_000, 0, 10_000), 0.0)
    meter.note(Advanced("a", 5000, 5000, 10_000, 5000, 10_000), 1.0)
    meter.note(Advanced("a", 10, 5010, 10_000, 5010, 10_000), 11.0)
    assert meter.total.rate_bytes_per_s(11.0) < 10
    assert meter.total.rate_bytes_per_s(60.0) < 1


def test_a_pause_is_no_slow_transfer() -> None:
    meter = Meter(window_s=10)
    meter.note(Started("a", 1000, 0, 1000), 0.0)
    meter.note(Advanced("a", 100, 100, 1000, 100, 1000), 1.0)
    meter.note(Paced(0.0), 1.5)
    for gauge in (meter.total, meter.artifact("a")):
        assert gauge.eta_s(5.0) is None
    meter.note(Paced(50.0), 8.0)
    meter.note(Advanced("a", 100, 200, 1000, 200, 1000), 10.0)
    for gauge in (meter.total, meter.artifact("a")):
        assert gauge.rate_bytes_per_s(10.0) == pytest.approx(50)
        assert gauge.eta_s(10.0) == pytest.approx(16)


def test_what_was_there_already_is_no_rate() -> None:
    meter = Meter()
    meter.note(Started("a", 1000, 900, 1000), 0.0)
    meter.note(Advanced("a", 900, 900, 1000, 900, 1000, is_moved=False), 0.1)
    meter.note(Advanced("a", 10, 910, 1000, 910, 1000), 1.0)
    assert meter.total.rate_bytes_per_s(1.0) == pytest.approx(10)
    assert meter.total.eta_s(1.0) == pytest.approx(9)


def test_a_stores_own_endpoint_is_used_only_where_it_is_allowed() -> None:
    named = "https://s3.cmn.alps.example.org:8080"
    assert choose_endpoint(named, allowed_hosts=["*.alps.example.org"]).url == named
    assert choose_endpoint(named, override="https://127.0.0.1:9").url == "https://127.0.0.1:9"
    for hosts in ([], ["alps.example.org"], ["cmn.alps.example.org"], ["*.prealps.example.org"]):
        with pytest.raises(ConfigError, match="does not allow"):
            choose_endpoint(named, allowed_hosts=hosts)


def test_an_endpoint_without_tls_needs_leave() -> None:
    named = "http://rgw.local:8080"
    with pytest.raises(ConfigError, match="without TLS"):
        choose_endpoint(named, allowed_hosts=["rgw.local"])
    allowed = choose_endpoint(named, allowed_hosts=["RGW.local."], plain_http=True)
    assert (allowed.host, allowed.port, allowed.secure) == ("rgw.local", 8080, False)


@pytest.mark.parametrize(
    "url",
    ["", "s3.example.org", "ftp://h", "https://", "https://u:pw@h", "https://h/path",
     "https://h?x=1", "https://h#f", "https://h:99999", "https://[::1"],
)  # fmt: skip
def test_malformed_endpoints_are_refused_without_repeating_passwords(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        choose_endpoint(url, override=url or None)
    assert "pw" not in "".join(caught.value.lines())


def test_ipv6_endpoints_keep_their_brackets() -> None:
    assert choose_endpoint("", override="https://[::1]:443").url == "https://[::1]"


def site(**more: object) -> SiteConfig:
    url = "https://api.alps.example.org"
    return SiteConfig(name="alps", url=url, auth=NoAuth(), **more)  # type: ignore[arg-type]


def test_sts_may_name_any_host_with_tls_unless_hosts_are_listed() -> None:
    named = "https://rgw-vip.nmn:8080"
    assert allowed_endpoint(site(), named).url == named
    assert allowed_endpoint(site(allowed_s3_hosts=("rgw-vip.nmn",)), named).url == named
    with pytest.raises(ConfigError, match="does not allow"):
        allowed_endpoint(site(allowed_s3_hosts=("other.nmn",)), named)


def test_sts_may_name_a_host_without_tls_only_if_it_is_listed() -> None:
    named = "http://rgw-vip.nmn:8080"
    with pytest.raises(ConfigError, match="without TLS") as caught:
        allowed_endpoint(site(), named)
    assert "s3_endpoint" in caught.value.todo
    assert allowed_endpoint(site(allowed_s3_hosts=("rgw-vip.nmn",)), named).url == named


def test_the_operators_own_endpoint_wins() -> None:
    own = site(s3_endpoint="https://s3.cmn.alps.example.org")
    assert allowed_endpoint(own, "http://rgw.local:8080").host == "s3.cmn.alps.example.org"
