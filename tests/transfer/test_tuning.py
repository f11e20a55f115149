# SPDX-License-Identifier: Apache-2.0
"""How many requests at once: the tuner against links of known behaviour, and crews of threads."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from poya.transfer.crews import Crew
from poya.transfer.etags import MIB
from poya.transfer.tuning import Tuner

Link = Callable[[int], float]


def run(tuner: Tuner, link: Link, seconds: float) -> list[int]:
    """Requests of 1 MiB over a link that gives a rate for each number of streams."""
    now_s, limits = 0.0, []
    while now_s < seconds:
        streams = tuner.limit
        took_s = streams * MIB / link(streams)
        for number in range(streams):
            tuner.note(MIB, took_s, now_s + took_s * (number + 1) / streams, is_bound=True)
        now_s += took_s
        limits.append(tuner.limit)
    return limits


def capped(per_stream: float, total: float) -> Link:
    return lambda streams: min(streams * per_stream, total)


def test_widens_until_the_link_is_full() -> None:
    tuner = Tuner(most=32, limit=8)
    limits = run(tuner, capped(5e6, 100e6), 60)
    assert limits[-1] >= 20
    assert max(limits) <= 32


def test_narrows_where_few_streams_fill_the_link() -> None:
    tuner = Tuner(most=32, limit=16)
    assert run(tuner, capped(100e6, 100e6), 60)[-1] <= 4


def test_leaves_a_number_that_is_best() -> None:
    # Beyond ten streams a service gets slower.
    def crowded(streams: int) -> float:
        return 10e6 * streams if streams <= 10 else 100e6 - 5e6 * (streams - 10)

    limits = run(Tuner(most=32, limit=8), crowded, 120)
    assert all(7 <= limit <= 14 for limit in limits[-20:])


def test_learns_nothing_while_something_else_is_the_bottleneck() -> None:
    tuner = Tuner(most=32, limit=8)
    for second in range(600):
        tuner.note(MIB, 0.1, second / 10, is_bound=False)
    assert tuner.limit == 8


def test_halves_when_asked_and_stays_low_for_a_while() -> None:
    tuner = Tuner(most=16, limit=16)
    tuner.ease(0.0)
    tuner.ease(0.1)
    assert tuner.limit == 8
    assert max(run(tuner, capped(10e6, 1e9), 8)) == 8
    assert run(tuner, capped(10e6, 1e9), 40)[-1] > 8


@pytest.mark.parametrize("limit", [1, 2])
def test_never_falls_below_one(limit: int) -> None:
    tuner = Tuner(most=limit, limit=limit)
    for second in range(40):
        tuner.ease(float(second))
    assert tuner.limit == 1


def test_requests_grow_with_the_rate_of_a_stream() -> None:
    clock = iter(range(1000))
    with Crew("test", 4, clock=lambda: float(next(clock))) as crew:
        assert crew.piece_bytes(16 * MIB) == 4 * MIB
        crew.moved(MIB, 0.5)
        assert crew.piece_bytes(16 * MIB) == MIB
        for _ in range(30):
            crew.moved(100 * MIB, 0.5)
        assert crew.piece_bytes(16 * MIB) == 16 * MIB
        assert crew.piece_bytes(0) >= 1


def test_a_crew_keeps_its_limit_and_the_order() -> None:
    lock, running, most, order = threading.Lock(), [0], [0], []

    def work(number: int) -> None:
        with lock:
            order.append(number)
            running[0] += 1
            most[0] = max(most[0], running[0])
        threading.Event().wait(0.002)
        with lock:
            running[0] -= 1

    with Crew("test", 3) as crew:
        futures = [crew.submit(lambda n=number: work(n)) for number in range(40)]  # type: ignore[misc]
        for future in futures:
            future.result(10)
    assert most[0] <= 3
    assert sorted(order) == list(range(40))
    assert order[:3] == [0, 1, 2] or set(order[:3]) <= set(range(5))


def test_a_failure_is_the_results() -> None:
    def fail() -> None:
        raise ValueError("no")

    with Crew("test", 2) as crew, pytest.raises(ValueError, match="no"):
        crew.submit(fail).result(10)
