# SPDX-License-Identifier: Apache-2.0
"""How many requests at once move bytes fastest: found by trying. Pure, with the time passed in."""

from __future__ import annotations

from dataclasses import dataclass, field

_PERIOD_S = 1.0
_GAIN = 1.04
_LOSS = 0.98
_SETTLED_PERIODS = 6
_EASED_PERIODS = 10
_WEIGHT = 0.3


@dataclass(slots=True)
class Tuner:
    """Climbs towards the number of requests at once with the highest rate.

    It widens as long as that pays, narrows as long as that costs nothing, tries again now and
    then, and halves when a service asks for less.

    Attributes:
        most: The limit never exceeds this.
        limit: How many requests may run at once now.
        stream_bytes_per_s: What one request moves, smoothed; 0 while nothing is known.
    """

    most: int
    limit: int
    stream_bytes_per_s: float = 0.0
    _began_s: float | None = None
    _moved_bytes: int = 0
    _requests: int = 0
    _was_bound: bool = True
    _before: float = 0.0
    _step: int = 0
    _next: int = 1
    _waits: int = field(default=0)

    def note(self, size_bytes: int, took_s: float, now_s: float, *, is_bound: bool) -> None:
        """Take a request that is through.

        Args:
            size_bytes: What it moved.
            took_s: How long it ran.
            now_s: The time now.
            is_bound: Whether more requests waited than could run.
        """
        if took_s > 0 and size_bytes:
            rate = size_bytes / took_s
            known = self.stream_bytes_per_s
            self.stream_bytes_per_s = known + _WEIGHT * (rate - known) if known else rate
        if self._began_s is None:
            self._began_s = now_s
            return
        self._moved_bytes += size_bytes
        self._requests += 1
        self._was_bound &= is_bound
        elapsed_s = now_s - self._began_s
        if elapsed_s >= _PERIOD_S and self._requests >= 2 * self.limit:
            self._judge(self._moved_bytes / elapsed_s)
            self._restart(now_s)

    def ease(self, now_s: float) -> None:
        """Halve: the service asked for fewer requests. Repeated within a period it counts once."""
        if self._waits < _EASED_PERIODS:
            self.limit = max(1, self.limit // 2)
            self._waits, self._step = _EASED_PERIODS, 0
        self._restart(now_s)

    def _judge(self, rate: float) -> None:
        if not self._was_bound:
            # Something else is the bottleneck: nothing can be learnt from this period.
            self._step = 0
            return
        if self._waits:
            self._waits -= 1
            self._before = rate
            return
        if self._step == 0:
            self._before = rate
            self._try(self._next)
        elif rate > self._before * _GAIN or (self._step < 0 and rate > self._before * _LOSS):
            self._before = rate
            self._try(1 if self._step > 0 else -1)
        else:
            self._next = -1 if self._step > 0 else 1
            self.limit -= self._step
            self._step, self._waits = 0, _SETTLED_PERIODS

    def _try(self, direction: int) -> None:
        wanted = self.limit + direction * max(1, self.limit // 4)
        after = min(self.most, max(1, wanted))
        self._step, self.limit = after - self.limit, after
        if self._step == 0:
            self._next, self._waits = -direction, _SETTLED_PERIODS

    def _restart(self, now_s: float) -> None:
        self._began_s, self._moved_bytes, self._requests = now_s, 0, 0
        self._was_bound = True
