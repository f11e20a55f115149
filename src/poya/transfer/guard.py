# SPDX-License-Identifier: Apache-2.0
"""What every request of a transfer obeys: the operator's stop and the bandwidth limit."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from poya.errors import Cancelled


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
        bytes_per_s: The long-term rate.
        burst_s: How many seconds' worth of bytes may pass at once after a pause.
    """

    def __init__(self, bytes_per_s: float, burst_s: float = 0.25) -> None:
        if bytes_per_s <= 0:
            raise ValueError("a bandwidth limit must be above zero")
        self._bytes_per_s = bytes_per_s
        self._burst_s = burst_s
        self._lock = threading.Lock()
        self._free_at_s = float("-inf")

    def reserve(self, count: int, now_s: float) -> float:
        """Account for `count` bytes at `now_s`; the seconds to wait before going on."""
        with self._lock:
            start_s = max(self._free_at_s, now_s - self._burst_s)
            self._free_at_s = start_s + count / self._bytes_per_s
            return max(0.0, self._free_at_s - now_s)


@dataclass(frozen=True, slots=True)
class Guard:
    """What one request obeys and whom it tells.

    Attributes:
        cancel: The stop.
        brake: The bandwidth limit; None for requests that do not count towards it.
        retried: Told why a request is tried again and after how many seconds.
    """

    cancel: Cancel = field(default_factory=Cancel)
    brake: Brake | None = None
    retried: Callable[[str, float], None] = lambda _reason, _wait_s: None

    def moved(self, count: int) -> None:
        """Note bytes on the wire: waits for the bandwidth limit, raises `Cancelled` on a stop."""
        self.cancel.check()
        if self.brake is not None:
            wait_s = self.brake.reserve(count, time.monotonic())
            if wait_s > 0:
                self.cancel.sleep(wait_s)


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
