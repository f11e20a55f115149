# SPDX-License-Identifier: Apache-2.0
"""Bandwidth by the time of day, and changes of it while bytes move."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poya.errors import Cancelled, UsageError
from poya.transfer import Cancel, Guard, Pace, parse_timetable
from poya.transfer.etags import MIB
from poya.transfer.guard import Brake


def at(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


def test_a_timetable_holds_from_its_entries_on_and_over_midnight() -> None:
    timetable = parse_timetable("08:00,100M 19:00,off")
    rates = [timetable.rate_at(at(t)) for t in ("00:00", "07:59", "08:00", "18:59", "19:00")]
    assert rates == [None, None, 100 * MIB, 100 * MIB, None]


def test_entries_may_come_in_any_order_and_pause() -> None:
    timetable = parse_timetable("19:00,off 8:30,pause 9:00,1.5G")
    rates = [timetable.rate_at(at(t)) for t in ("08:29", "08:30", "09:00", "23:59")]
    assert rates == [None, 0.0, 1.5 * 1024 * MIB, None]


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("100M", 100 * MIB),
        ("off", None),
        ("pause", 0.0),
        (" 1k/s ", 1024),
        ("2.5MiB/s", 2.5 * MIB),
    ],
)
def test_a_single_rate_holds_all_day(text: str, rate: float | None) -> None:
    assert {parse_timetable(text).rate_at(minute) for minute in range(0, 1440, 60)} == {rate}


@pytest.mark.parametrize(
    "text",
    ["", "fast", "0", "-1M", "08:00", "08:00,", "8,1M", "24:00,1M", "08:60,1M", "1M 2M",
     "08:00,1M 08:00,2M", "08:00,1M,2M", "1M; rm -rf", "08:00,x"],
)  # fmt: skip
def test_what_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="no bandwidth limit"):
        parse_timetable(text)


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        timetable = parse_timetable(text)
    except UsageError:
        return
    assert all((timetable.rate_at(m) or 1) >= 0 for m in (0, 700, 1439))


class Clock:
    def __init__(self) -> None:
        self.now_s, self.minute = 0.0, 0

    def pace(self, text: str, file: Path | None = None) -> Pace:
        return Pace(
            parse_timetable(text), file, minute=lambda: self.minute, clock=lambda: self.now_s
        )


def test_the_time_of_day_changes_the_pace_and_is_told() -> None:
    clock, told = Clock(), list[float | None]()
    pace = clock.pace("08:00,1M 19:00,off")
    pace.on_change = told.append
    assert pace.bytes_per_s() is None
    clock.now_s, clock.minute = 5, at("08:00")
    assert pace.bytes_per_s() == MIB
    clock.now_s, clock.minute = 10, at("19:00")
    assert pace.bytes_per_s() is None
    assert told == [MIB, None]


def test_a_file_counts_as_long_as_it_is_there(tmp_path: Path) -> None:
    clock, file = Clock(), tmp_path / "pace"
    pace = clock.pace("1M", file)
    steps: list[tuple[str | None, float | None]] = [
        (None, MIB), ("pause", 0.0), ("nonsense", 0.0), ("2M\n", 2 * MIB), ("off", None),
        (None, MIB),
    ]  # fmt: skip
    for text, rate in steps:
        clock.now_s += 2
        file.unlink(missing_ok=True)
        if text is not None:
            file.write_text(text)
        assert pace.bytes_per_s() == rate
    file.write_bytes(b"\xff\xfe")
    clock.now_s += 2
    assert pace.bytes_per_s() == MIB


def test_a_pause_ends_with_the_stop() -> None:
    cancel = Cancel()
    brake = Brake(Pace(parse_timetable("pause")))
    cancel.set()
    with pytest.raises(Cancelled):
        Guard(cancel, brake).moved(10)
