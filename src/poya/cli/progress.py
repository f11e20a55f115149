# SPDX-License-Identifier: Apache-2.0
"""Two views of a run's events: bars on a terminal, plain lines anywhere else. Both on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from poya import transfer
from poya.cli.text import duration, printable, size
from poya.migration.events import Event, Listener, MoveStarted, StepFinished

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_LINE_EVERY_S = 5.0
_RATE_WINDOW_S = 10.0
_LABEL_WIDTH = 26
_BAR_WIDTH = 12


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


class PlainLines:
    """One line for each step, and one every few seconds while bytes move."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._meter = transfer.Meter(_RATE_WINDOW_S)
        self._labels: dict[str, str] = {}
        self._said_s = 0.0

    def listen(self, event: Event) -> None:
        """Say what there is to say of one event; called from any thread, one event at a time."""
        match event:
            case StepFinished(title=title, result=result):
                self._say(f"{title}: {'already so' if result == 'already' else 'done'}")
            case MoveStarted(sizes=sizes):
                self._labels = {name: label for name, label, _ in sizes}
                self._say(f"transfer: {len(sizes)} files, {size(sum(s for _, _, s in sizes))}")
            case transfer.Retried(name=name, reason=reason, wait_s=wait_s):
                self._say(f"transfer: {self._label(name)}: {reason}; again in {duration(wait_s)}")
            case transfer.Finished(result=result):
                how = "was there already" if result.is_reused else f"done, proof {result.proof}"
                self._say(
                    f"transfer: {self._label(result.name)}: {size(result.size_bytes)}, {how}"
                )
            case transfer.Started() | transfer.Advanced():
                self._advance(event)

    def _advance(self, event: transfer.Started | transfer.Advanced) -> None:
        now_s = time.monotonic()
        self._meter.note(event, now_s)
        self._said_s = self._said_s or now_s
        if now_s - self._said_s >= _LINE_EVERY_S:
            self._said_s = now_s
            left_s = self._meter.eta_s(now_s)
            eta = f", {duration(left_s)} left" if left_s is not None else ""
            self._say(
                f"transfer: {size(self._meter.done_bytes)} of {size(self._meter.total_bytes)}, "
                f"{size(self._meter.rate_bytes_per_s(now_s))}/s{eta}"
            )

    def _label(self, name: str) -> str:
        return self._labels.get(name, name)

    def _say(self, text: str) -> None:
        self._stream.write(f"{printable(text)}\n")
        self._stream.flush()


class Bars:
    """A bar for each file and one for all, and a line for each step that is through."""

    def __init__(self) -> None:
        self._progress: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._labels: dict[str, str] = {}

    def listen(self, event: Event) -> None:
        """Draw one event; called from any thread, one event at a time."""
        match event:
            case StepFinished(title=title, result=result):
                self._line("=" if result == "already" else "✓", title)
            case MoveStarted(sizes=sizes):
                self._start(sizes)
            case transfer.Advanced(name=name, done_bytes=done, total_done_bytes=all_done):
                self._update(name, done, all_done)
            case transfer.Retried(name=name, reason=reason, wait_s=wait_s):
                label = self._labels.get(name, name)
                self._line("…", f"{label}: {reason}; again in {duration(wait_s)}")
            case transfer.Finished(result=result) if result.is_reused:
                self._line("=", f"{self._labels.get(result.name, '')} was there already")

    def close(self) -> None:
        """Leave the bars as they are and give the terminal back."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def _start(self, sizes: tuple[tuple[str, str, int], ...]) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self.close()
        self._progress = Progress(
            TextColumn("  {task.description}", markup=False),
            BarColumn(bar_width=_BAR_WIDTH),
            TextColumn("{task.fields[done]:>23}", markup=False),
            TimeRemainingColumn(compact=True),
            console=Console(stderr=True),
            speed_estimate_period=_RATE_WINDOW_S,
        )
        self._progress.start()
        self._labels = {name: label for name, label, _ in sizes}
        self._tasks = {name: self._add(label, total) for name, label, total in sizes}
        self._tasks[""] = self._add("all files", sum(total for _, _, total in sizes))

    def _add(self, label: str, total: int) -> TaskID:
        assert self._progress is not None
        return self._progress.add_task(_fitted(label), total=total, done=size(0))

    def _update(self, name: str, done_bytes: int, all_done_bytes: int) -> None:
        if self._progress is not None and name in self._tasks:
            self._draw(self._progress, self._tasks[name], done_bytes)
            self._draw(self._progress, self._tasks[""], all_done_bytes)

    def _draw(self, progress: Progress, task: TaskID, done_bytes: int) -> None:
        speed = progress.tasks[task].speed
        rate = f" {size(speed)}/s" if speed else ""
        progress.update(task, completed=done_bytes, done=f"{size(done_bytes)}{rate}")

    def _line(self, mark: str, text: str) -> None:
        line = f"  {mark} {printable(text)}"
        if self._progress is not None:
            self._progress.console.print(line, markup=False, highlight=False, soft_wrap=True)
        else:
            sys.stderr.write(f"{line}\n")
            sys.stderr.flush()


def _fitted(label: str) -> str:
    shown = printable(label)
    if len(shown) > _LABEL_WIDTH:
        shown = f"…{shown[-_LABEL_WIDTH + 1 :]}"
    return f"{shown:{_LABEL_WIDTH}}"
