# SPDX-License-Identifier: Apache-2.0
"""Two views of a run's events: bars on a terminal, plain lines anywhere else. Both on stderr."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from poya.cli.text import duration, printable, size
from poya.migration.events import (
    Event,
    Listener,
    StepFinished,
    StepStarted,
    TransferAdvanced,
    TransferFinished,
    TransferRetried,
    TransferStarted,
)

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_LINE_EVERY_S = 5.0
_RATE_WINDOW_S = 10.0
_LABEL_WIDTH = 28


@contextmanager
def following() -> Iterator[Listener]:
    """Show what happens while the block runs, in the way that fits where stderr goes."""
    if not sys.stderr.isatty():
        yield PlainLines(sys.stderr).listen
        return
    bars = Bars()
    try:
        yield bars.listen
    finally:
        bars.close()


class Meter:
    """Bytes over a moving window of time: rate and time left."""

    def __init__(self, total_bytes: int, now_s: float) -> None:
        self._total_bytes = total_bytes
        self._samples: deque[tuple[float, int]] = deque([(now_s, 0)])
        self.done_bytes = 0

    def advance(self, count_bytes: int, now_s: float) -> None:
        """Note that more bytes are through."""
        self.done_bytes += count_bytes
        self._samples.append((now_s, self.done_bytes))
        while len(self._samples) > 2 and now_s - self._samples[0][0] > _RATE_WINDOW_S:  # noqa: PLR2004
            self._samples.popleft()

    def rate(self) -> float:
        """Bytes a second over the window; 0 while nothing is known."""
        (first_s, first), (last_s, last) = self._samples[0], self._samples[-1]
        return (last - first) / (last_s - first_s) if last_s > first_s else 0.0

    def left_s(self) -> float | None:
        """Seconds left at the present rate; None while nothing is known."""
        rate = self.rate()
        return (self._total_bytes - self.done_bytes) / rate if rate > 0 else None


class PlainLines:
    """One line for each step, and one every few seconds while bytes move."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._meter: Meter | None = None
        self._total_bytes = 0
        self._said_s = 0.0

    def listen(self, event: Event) -> None:
        """Say what there is to say of one event."""
        match event:
            case StepFinished(title=title, result=result):
                self._say(f"{title}: {'already so' if result == 'already' else 'done'}")
            case TransferStarted(sizes=sizes):
                self._total_bytes = sum(s for _, s in sizes)
                self._meter = Meter(self._total_bytes, time.monotonic())
                self._say(f"transfer: {len(sizes)} files, {size(self._total_bytes)}")
            case TransferAdvanced(done_bytes=done_bytes):
                self._advance(done_bytes)
            case TransferRetried(label=label, reason=reason, wait_s=wait_s):
                self._say(f"transfer: {label}: {reason}; again in {duration(wait_s)}")
            case TransferFinished(label=label):
                self._say(f"transfer: {label}: done")
            case StepStarted():
                pass

    def _advance(self, done_bytes: int) -> None:
        if self._meter is None:
            return
        now_s = time.monotonic()
        self._meter.advance(done_bytes, now_s)
        if now_s - self._said_s >= _LINE_EVERY_S:
            self._said_s = now_s
            left_s = self._meter.left_s()
            eta = f", {duration(left_s)} left" if left_s is not None else ""
            self._say(
                f"transfer: {size(self._meter.done_bytes)} of {size(self._total_bytes)}, "
                f"{size(self._meter.rate())}/s{eta}"
            )

    def _say(self, text: str) -> None:
        print(printable(text), file=self._stream, flush=True)


class Bars:
    """A bar for each file and one for all, and a line for each step that is through."""

    def __init__(self) -> None:
        self._progress: Progress | None = None
        self._tasks: dict[str, TaskID] = {}

    def listen(self, event: Event) -> None:
        """Draw one event."""
        match event:
            case StepFinished(title=title, result=result):
                self._line("=" if result == "already" else "✓", title)
            case TransferStarted(sizes=sizes):
                self._start(sizes)
            case TransferAdvanced(label=label, done_bytes=done_bytes):
                self._advance(label, done_bytes)
            case TransferRetried(label=label, reason=reason, wait_s=wait_s):
                self._line("…", f"{label}: {reason}; again in {duration(wait_s)}")
            case TransferFinished() | StepStarted():
                pass

    def close(self) -> None:
        """Leave the bars as they are and give the terminal back."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def _start(self, sizes: tuple[tuple[str, int], ...]) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        self.close()
        self._progress = Progress(
            TextColumn("  {task.description}", markup=False),
            BarColumn(bar_width=14),
            DownloadColumn(binary_units=True),
            TransferSpeedColumn(),
            TimeRemainingColumn(compact=True),
            console=Console(stderr=True),
            speed_estimate_period=_RATE_WINDOW_S,
        )
        self._progress.start()
        self._tasks = {
            label: self._progress.add_task(_fitted(label), total=total) for label, total in sizes
        }
        overall = sum(total for _, total in sizes)
        self._tasks[""] = self._progress.add_task(_fitted("all"), total=overall)

    def _advance(self, label: str, done_bytes: int) -> None:
        if self._progress is not None:
            self._progress.advance(self._tasks[label], done_bytes)
            self._progress.advance(self._tasks[""], done_bytes)

    def _line(self, mark: str, text: str) -> None:
        line = f"  {mark} {printable(text)}"
        if self._progress is not None:
            self._progress.console.print(line, markup=False, highlight=False, soft_wrap=True)
        else:
            print(line, file=sys.stderr, flush=True)  # noqa: T201 - the view's own stream


def _fitted(label: str) -> str:
    shown = printable(label)
    if len(shown) > _LABEL_WIDTH:
        shown = f"…{shown[-_LABEL_WIDTH + 1 :]}"
    return f"{shown:{_LABEL_WIDTH}}"
