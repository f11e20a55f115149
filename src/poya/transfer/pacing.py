# SPDX-License-Identifier: Apache-2.0
"""How fast bytes may move, by the time of day; may be changed, and paused, while they move."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from poya.errors import UsageError
from poya.transfer.sizes import parse_size

PAUSED = 0.0
_FOLLOW_EVERY_S = 1.0
_MOST_TEXT_BYTES = 4096
_TIME = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")
_HELP = "Write bytes per second as 100M, or by local time as '08:00,100M 19:00,off'."


@dataclass(frozen=True, slots=True)
class Timetable:
    """Rates by the time of day.

    Attributes:
        entries: Minute of the day from which a rate holds, and the rate in bytes per second: None
            is no limit, 0 is a pause. In order; the last one holds over midnight.
        text: As it was written.
    """

    entries: tuple[tuple[int, float | None], ...]
    text: str

    def rate_at(self, minute: int) -> float | None:
        """The rate at a minute of the day."""
        holding = [rate for since, rate in self.entries if since <= minute]
        return holding[-1] if holding else self.entries[-1][1]

    def __str__(self) -> str:
        return self.text


UNLIMITED = Timetable(((0, None),), "off")


def parse_timetable(text: str) -> Timetable:
    """Read `100M`, `off`, `pause`, or a timetable: `08:00,100M 19:00,off`.

    Sizes are per second, in units of 1024 (K, M, G); times are this machine's local time.

    Raises:
        UsageError: It is neither.
    """
    words = text.split()
    if len(words) == 1 and "," not in words[0]:
        return Timetable(((0, _rate(words[0], text)),), text.strip())
    entries = sorted((_entry(word, text) for word in words), key=lambda entry: entry[0])
    if not entries or len({minute for minute, _ in entries}) != len(entries):
        raise _unreadable(text)
    return Timetable(tuple(entries), text.strip())


class Pace:
    """The rate that holds now, for all threads of a copy.

    Args:
        timetable: To begin with.
        file: If it exists, its text (as `parse_timetable` reads it) counts instead, looked at
            once a second: that is how a run is slowed, paused and continued from outside. What
            cannot be read there changes nothing.
        minute: Tells the minute of the day.
        clock: Seconds of any clock that does not go back.

    Attributes:
        on_change: Called, by any thread, with the rate when it has changed.
    """

    def __init__(
        self,
        timetable: Timetable = UNLIMITED,
        file: Path | None = None,
        *,
        minute: Callable[[], int] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._given, self._now = timetable, timetable
        self._file = file
        self._minute = minute or _minute_of_the_day
        self._clock = clock
        self._lock = threading.Lock()
        self._looked_s = float("-inf")
        self._rate: float | None = timetable.rate_at(self._minute())
        self.on_change: Callable[[float | None], None] = lambda _rate: None

    def bytes_per_s(self) -> float | None:
        """The rate now: None is no limit, 0 is a pause."""
        now_s, before = self._clock(), self._rate
        if now_s - self._looked_s < _FOLLOW_EVERY_S or not self._lock.acquire(blocking=False):
            return before
        try:
            self._looked_s = now_s
            self._follow()
            rate = self._rate = self._now.rate_at(self._minute())
        finally:
            self._lock.release()
        if rate != before:
            self.on_change(rate)
        return rate

    def _follow(self) -> None:
        if self._file is None:
            return
        try:
            with self._file.open(encoding="utf-8") as file:
                self._now = parse_timetable(file.read(_MOST_TEXT_BYTES))
        except FileNotFoundError:
            self._now = self._given
        except (OSError, UnicodeDecodeError, UsageError):
            return


def _entry(word: str, text: str) -> tuple[int, float | None]:
    since, comma, rate = word.partition(",")
    match = _TIME.fullmatch(since)
    if match is None or not comma:
        raise _unreadable(text)
    return int(match[1]) * 60 + int(match[2]), _rate(rate, text)


def _rate(word: str, text: str) -> float | None:
    if word.lower() == "off":
        return None
    if word.lower() == "pause":
        return PAUSED
    size_bytes = parse_size(word.removesuffix("/s"))
    if size_bytes is None:
        raise _unreadable(text)
    return float(size_bytes)


def _unreadable(text: str) -> UsageError:
    return UsageError(f"'{text}' is no bandwidth limit.", todo=_HELP)


def _minute_of_the_day() -> int:
    now = datetime.now().astimezone()
    return now.hour * 60 + now.minute
