# SPDX-License-Identifier: Apache-2.0
"""Threads that make the requests of one direction, as many at once as moves bytes fastest."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from poya.transfer.etags import MIB
from poya.transfer.tuning import Tuner

_START = 12
# Those that begin together end together, and nothing is on its way while all of them wait for the
# service's answers. So only a few begin at once, and the others one after the other.
_AT_ONCE = 6
_APART_S = 0.03
# A request should last about this long: long enough that the round trip before it does not
# matter, short enough that all streams work on the bytes that are needed next.
_REQUEST_S = 0.25
_FIRST_PIECE_BYTES = 4 * MIB
_LEAST_PIECE_BYTES = MIB


class Crew:
    """Carries out work in the order in which it came; how much of it at once is adapted.

    Args:
        name: Of its threads.
        most: At most so much at once.
        clock: Seconds of any clock that does not go back.
    """

    def __init__(self, name: str, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._tuner = Tuner(most, min(_START, most))
        self._clock = clock
        self._threads = ThreadPoolExecutor(most, name)
        self._lock = threading.Lock()
        self._waiting: deque[tuple[Future[None], Callable[[], None]]] = deque()
        self._running = self._begun = 0
        self._is_under_way = threading.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._threads.shutdown()

    @property
    def limit(self) -> int:
        """How many run at once now."""
        return self._tuner.limit

    def submit(self, work: Callable[[], None]) -> Future[None]:
        """Have work done by one of the threads, when it is its turn."""
        future: Future[None] = Future()
        with self._lock:
            self._waiting.append((future, work))
            self._dispatch()
        return future

    def piece_bytes(self, size_bytes: int) -> int:
        """How much of a range of this size one request should ask for."""
        rate = self._tuner.stream_bytes_per_s
        wanted = int(rate * _REQUEST_S) // MIB * MIB if rate else _FIRST_PIECE_BYTES
        wanted = max(_LEAST_PIECE_BYTES, wanted)
        # Equal pieces: a small rest would be a request for nearly nothing.
        count = max(1, round(size_bytes / wanted))
        return max(1, -(-size_bytes // count))

    def moved(self, size_bytes: int, took_s: float) -> None:
        """Note what a request moved, and how long it took."""
        with self._lock:
            is_bound = bool(self._waiting)
            self._tuner.note(size_bytes, took_s, self._clock(), is_bound=is_bound)
            self._dispatch()

    def ease(self) -> None:
        """Do less at once: the service asked for it."""
        with self._lock:
            self._tuner.ease(self._clock())

    def _dispatch(self) -> None:
        while self._waiting and self._running < self._tuner.limit:
            self._running += 1
            self._begun += 1
            late_s = max(0, self._begun - _AT_ONCE) * _APART_S
            self._threads.submit(self._run, late_s, *self._waiting.popleft())

    def _run(self, late_s: float, future: Future[None], work: Callable[[], None]) -> None:
        # What is through so soon needs no order; and once the first is through there is one.
        self._is_under_way.wait(late_s)
        try:
            work()
        except BaseException as error:  # noqa: BLE001 -- handed to whoever waits for the result
            future.set_exception(error)
        else:
            future.set_result(None)
        finally:
            self._is_under_way.set()
            with self._lock:
                self._running -= 1
                self._dispatch()
