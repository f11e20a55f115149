# SPDX-License-Identifier: Apache-2.0
"""A run on a terminal: a bar for each file and one for all, a line for each step."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from poya import transfer
from poya.cli.progress import RATE_WINDOW_S, outcome, pace
from poya.cli.text import duration, printable, size
from poya.migration.events import Event, MoveStarted, StepFinished

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_LABEL_WIDTH = 26
_BAR_WIDTH = 12
_REDRAWS_PER_S = 5


class Bars:
    """A bar for each file and one for all, and a line for each step that is through."""

    def __init__(self) -> None:
        self._progress: Progress | None = None
        self._meter = transfer.Meter(RATE_WINDOW_S)
        self._tasks: dict[str, TaskID] = {}
        self._labels: dict[str, str] = {}

    def listen(self, event: Event) -> None:
        """Draw one event; called from any thread, one event at a time."""
        match event:
            case StepFinished(title=title, result=result):
                self._line("=" if result == "already" else "✓", title)
            case MoveStarted(sizes=sizes):
                self._start(sizes)
            case transfer.Started():
                self._meter.note(event, time.monotonic())
            case transfer.Advanced(name=name):
                self._advance(event, name)
            case transfer.Retried(name=name, reason=reason, wait_s=wait_s):
                label = self._labels.get(name, name)
                self._line("…", f"{label}: {reason}; again in {duration(wait_s)}")
            case transfer.Paced(bytes_per_s=rate):
                self._pace(event, rate)
            case transfer.Finished(result=result) if result.size_bytes and (
                result.note or not result.moved_bytes
            ):
                self._line("=", f"{self._labels.get(result.name, '')}: {outcome(result)}")

    def close(self) -> None:
        """Leave the bars as they are and give the terminal back."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def _start(self, sizes: tuple[tuple[str, str, int], ...]) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        self.close()
        self._progress = Progress(
            TextColumn("  {task.description}", markup=False),
            BarColumn(bar_width=_BAR_WIDTH),
            TextColumn("{task.fields[done]:>23}", markup=False),
            TextColumn("{task.fields[left]:>5}", markup=False),
            console=Console(stderr=True),
            refresh_per_second=_REDRAWS_PER_S,
        )
        self._progress.start()
        self._labels = {name: label for name, label, _ in sizes}
        self._tasks = {name: self._add(label, total) for name, label, total in sizes}
        self._tasks[""] = self._add("all files", sum(total for _, _, total in sizes))

    def _add(self, label: str, total: int) -> TaskID:
        assert self._progress is not None
        return self._progress.add_task(_fitted(label), total=total, done=size(0), left="")

    def _advance(self, event: transfer.Advanced, name: str) -> None:
        now_s = time.monotonic()
        self._meter.note(event, now_s)
        if self._progress is not None and name in self._tasks:
            self._draw(self._progress, self._tasks[name], self._meter.artifact(name), now_s)
            self._draw(self._progress, self._tasks[""], self._meter.total, now_s)

    def _pace(self, event: transfer.Paced, rate: float | None) -> None:
        now_s = time.monotonic()
        self._meter.note(event, now_s)
        self._line("…", pace(rate))
        if self._progress is not None:
            for name, task in self._tasks.items():
                gauge = self._meter.artifact(name) if name else self._meter.total
                if gauge.size_bytes:
                    self._draw(self._progress, task, gauge, now_s)

    def _draw(self, progress: Progress, task: TaskID, gauge: transfer.Gauge, now_s: float) -> None:
        speed, left_s = gauge.rate_bytes_per_s(now_s), gauge.eta_s(now_s)
        rate = f" {size(speed)}/s" if speed and left_s != 0 else ""
        done = f"{size(gauge.done_bytes)}{rate}"
        progress.update(task, completed=gauge.done_bytes, done=done, left=_clock(left_s))

    def _line(self, mark: str, text: str) -> None:
        line = f"  {mark} {printable(text)}"
        if self._progress is not None:
            self._progress.console.print(line, markup=False, highlight=False, soft_wrap=True)
        else:
            sys.stderr.write(f"{line}\n")
            sys.stderr.flush()


def _clock(seconds: float | None) -> str:
    """Time left as `02:05` or `3h07`; empty if it is none or unknown."""
    if not seconds:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes:02}:{rest:02}" if minutes < 60 else f"{minutes // 60}h{minutes % 60:02}"  # noqa: PLR2004


def _fitted(label: str) -> str:
    shown = printable(label)
    if len(shown) > _LABEL_WIDTH:
        shown = f"…{shown[-_LABEL_WIDTH + 1 :]}"
    return f"{shown:{_LABEL_WIDTH}}"
