# SPDX-License-Identifier: Apache-2.0
"""Rate and remaining time of a copy, from its events and a clock that is passed in."""

from __future__ import annotations

from collections import deque

from poya.transfer.events import Advanced, Event, Started


class Meter:
    """Watches events and tells how fast bytes move.

    Args:
        window_s: The rate is that of this last span of time.
    """

    def __init__(self, window_s: float = 10.0) -> None:
        self._window_s = window_s
        self._samples: deque[tuple[float, int]] = deque()
        self.total_bytes = 0
        self.done_bytes = 0

    def note(self, event: Event, now_s: float) -> None:
        """Take an event that came at `now_s` (seconds of any clock that does not go back)."""
        if isinstance(event, Started):
            self.total_bytes = event.total_bytes
            if not self._samples:
                self._samples.append((now_s, self.done_bytes))
        elif isinstance(event, Advanced):
            self.total_bytes, self.done_bytes = event.total_bytes, event.total_done_bytes
            self._samples.append((now_s, self.done_bytes))
            self._forget(now_s)

    def rate_bytes_per_s(self, now_s: float) -> float:
        """Bytes per second over the window; 0 while nothing is known."""
        self._forget(now_s)
        if not self._samples:
            return 0.0
        since_s, bytes_then = self._samples[0]
        return max(0, self.done_bytes - bytes_then) / (now_s - since_s) if now_s > since_s else 0.0

    def eta_s(self, now_s: float) -> float | None:
        """Seconds until the end at the current rate; None while that cannot be told."""
        left_bytes = self.total_bytes - self.done_bytes
        if left_bytes <= 0:
            return 0.0
        rate = self.rate_bytes_per_s(now_s)
        return left_bytes / rate if rate > 0 else None

    def _forget(self, now_s: float) -> None:
        # One sample older than the window stays: it is where the window's bytes are counted from.
        while len(self._samples) > 1 and self._samples[1][0] <= now_s - self._window_s:
            self._samples.popleft()
