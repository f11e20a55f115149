# SPDX-License-Identifier: Apache-2.0
"""What every request of a transfer obeys: the operator's stop and the bandwidth limit."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from poya.errors import Cancelled
from poya.transfer.pacing import PAUSED, Pace

_PAUSE_POLL_S = 0.5


class Cancel:
    """A stop that may be asked for from any thread; wakes threads that wait in a socket too."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._interrupts: dict[object, Callable[[], None]] = {}

    def set(self) -> None:
        """Ask everything under this token to stop now."""
        with self._lock:
            self._event.set()
            interrupts = list(self._interrupts.values())
        for interrupt in interrupts:
            interrupt()

    @property
    def is_set(self) -> bool:
        """Whether the stop was asked for."""
        return self._event.is_set()

    def check(self) -> None:
        """Do nothing, or raise `Cancelled` once the stop was asked for."""
        if self._event.is_set():
            raise Cancelled("The transfer was stopped.", todo="Run it again to continue it.")

    def sleep(self, seconds: float) -> None:
        """Sleep, but raise `Cancelled` as soon as the stop is asked for."""
        self._event.wait(seconds)
        self.check()

    @contextmanager
    def interrupting(self, interrupt: Callable[[], None]) -> Iterator[None]:
        """Call `interrupt` if the stop is asked for while the block runs (or was before it)."""
        key = object()
        with self._lock:
            self._interrupts[key] = interrupt
            late = self._event.is_set()
        if late:
            interrupt()
        try:
            yield
        finally:
            with self._lock:
                del self._interrupts[key]


class Brake:
    """A bandwidth limit shared by all threads of a transfer: a token bucket.

    Args:
        pace: The long-term rate, asked each time.
        burst_s: How many seconds' worth of bytes may pass at once after a pause.
    """

    def __init__(self, pace: Pace, burst_s: float = 0.25) -> None:
        self._pace = pace
        self._burst_s = burst_s
        self._lock = threading.Lock()
        self._free_at_s = float("-inf")

    def reserve(self, count: int, now_s: float) -> float:
        """Account for `count` bytes at `now_s`; the seconds to wait before going on."""
        rate = self._pace.bytes_per_s()
        if not rate:
            return 0.0
        with self._lock:
            start_s = max(self._free_at_s, now_s - self._burst_s)
            self._free_at_s = start_s + count / rate
            return max(0.0, self._free_at_s - now_s)

    def hold(self, cancel: Cancel) -> None:
        """Wait as long as there is a pause. Raises `Cancelled` on a stop."""
        while self._pace.bytes_per_s() == PAUSED:
            cancel.sleep(_PAUSE_POLL_S)


@dataclass(frozen=True, slots=True)
class Guard:
    """What one request obeys and whom it tells.

    Attributes:
        cancel: The stop.
        brake: The bandwidth limit; None for requests that do not count towards it.
        retried: Told why a request is tried again and after how many seconds.
        eased: Told when a service asks for fewer requests (429, 503).
    """

    cancel: Cancel = field(default_factory=Cancel)
    brake: Brake | None = None
    retried: Callable[[str, float], None] = lambda _reason, _wait_s: None
    eased: Callable[[], None] = lambda: None

    def moved(self, count: int) -> None:
        """Note bytes on the wire: waits for the bandwidth limit, raises `Cancelled` on a stop."""
        self.cancel.check()
        if self.brake is not None:
            wait_s = self.brake.reserve(count, time.monotonic())
            if wait_s > 0:
                self.cancel.sleep(wait_s)
            self.brake.hold(self.cancel)


@contextmanager
def cleaning_guard(seconds: float = 15.0) -> Iterator[Guard]:
    """A guard for tidying up after a failure or a stop: it gives up after these seconds."""
    guard = Guard()
    timer = threading.Timer(seconds, guard.cancel.set)
    timer.daemon = True
    timer.start()
    try:
        yield guard
    finally:
        timer.cancel()
