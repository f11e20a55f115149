# SPDX-License-Identifier: Apache-2.0
"""Rate and remaining time of a copy, from its events and a clock that is passed in."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from poya.transfer.events import Advanced, Event, Paced, Started


@dataclass(slots=True)
class Gauge:
    """How far something is, and how fast it goes.

    Attributes:
        window_s: The rate is that of this last span of time.
        size_bytes: What there is to do.
        done_bytes: What is done.
    """

    window_s: float
    size_bytes: int = 0
    done_bytes: int = 0
    _moved_bytes: int = 0
    _samples: deque[tuple[float, int]] = field(default_factory=deque)

    def begin(self, now_s: float) -> None:
        """Count from now on, unless it counts already."""
        if not self._samples:
            self._samples.append((now_s, self._moved_bytes))

    def restart(self, now_s: float) -> None:
        """Forget the rate, for it is going to be another one from now on."""
        if self._samples:
            self._samples.clear()
            self.begin(now_s)

    def advance(self, moved_bytes: int, now_s: float) -> None:
        """Note that bytes were moved; those that were found at the target are none."""
        self._moved_bytes += moved_bytes
        self._samples.append((now_s, self._moved_bytes))
        self._forget(now_s)

    def rate_bytes_per_s(self, now_s: float) -> float:
        """Bytes per second over the window; 0 while nothing is known."""
        self._forget(now_s)
        if not self._samples:
            return 0.0
        since_s, moved_then = self._samples[0]
        return (self._moved_bytes - moved_then) / (now_s - since_s) if now_s > since_s else 0.0

    def eta_s(self, now_s: float) -> float | None:
        """Seconds until the end at the current rate; None while that cannot be told."""
        left_bytes = self.size_bytes - self.done_bytes
        if left_bytes <= 0:
            return 0.0
        rate = self.rate_bytes_per_s(now_s)
        return left_bytes / rate if rate > 0 else None

    def _forget(self, now_s: float) -> None:
        # One sample older than the window stays: it is where the window's bytes are counted from.
        while len(self._samples) > 1 and self._samples[1][0] <= now_s - self.window_s:
            self._samples.popleft()


class Meter:
    """Watches events: a gauge for each artifact, and one for all.

    Args:
        window_s: Rates are those of this last span of time.
    """

    def __init__(self, window_s: float = 10.0) -> None:
        self._window_s = window_s
        self.total = Gauge(window_s)
        self._artifacts: dict[str, Gauge] = {}

    def artifact(self, name: str) -> Gauge:
        """The gauge of one artifact; an empty one if nothing was heard of it."""
        return self._artifacts.setdefault(name, Gauge(self._window_s))

    def note(self, event: Event, now_s: float) -> None:
        """Take an event that came at `now_s` (seconds of any clock that does not go back)."""
        if isinstance(event, Started):
            self.total.size_bytes = event.total_bytes
            one = self.artifact(event.name)
            one.size_bytes, one.done_bytes = event.size_bytes, 0
            for gauge in (self.total, one):
                gauge.begin(now_s)
        elif isinstance(event, Advanced):
            one = self.artifact(event.name)
            one.size_bytes, one.done_bytes = event.size_bytes, event.done_bytes
            self.total.size_bytes = event.total_bytes
            self.total.done_bytes = event.total_done_bytes
            moved_bytes = event.count_bytes if event.is_moved else 0
            for gauge in (self.total, one):
                gauge.advance(moved_bytes, now_s)
        elif isinstance(event, Paced):
            # A pause is no slow transfer, and the time left is not that of the rate before.
            for gauge in (self.total, *self._artifacts.values()):
                gauge.restart(now_s)
