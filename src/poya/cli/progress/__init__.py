# SPDX-License-Identifier: Apache-2.0
"""Views of a run's events, all on stderr: bars on a terminal, plain lines, JSON lines, nothing."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from poya import transfer
from poya.cli.text import duration, printable, size
from poya.migration.events import Event, Listener, MoveStarted, StepFinished, silent

LINE_EVERY_S = 5.0
RATE_WINDOW_S = 10.0


@contextmanager
def following(style: str = "auto") -> Iterator[Listener]:
    """Show what happens while the block runs.

    Args:
        style: `bars`, `lines`, `json`, `none`, or `auto`: what fits where stderr goes.
    """
    if style == "auto":
        style = "bars" if sys.stderr.isatty() else "lines"
    if style == "bars":
        from poya.cli.progress.bars import Bars

        bars = Bars()
        try:
            yield bars.listen
        finally:
            bars.close()
    elif style == "json":
        from poya.cli.progress.json_lines import JsonLines

        yield JsonLines(sys.stderr).listen
    else:
        yield PlainLines(sys.stderr).listen if style == "lines" else silent


class PlainLines:
    """One line for each step, and one every few seconds while bytes move."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._clock = stream, clock
        self._meter = transfer.Meter(RATE_WINDOW_S)
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
            case transfer.Paced(bytes_per_s=rate):
                self._meter.note(event, self._clock())
                self._say(f"transfer: {pace(rate)}")
            case transfer.Finished(result=result):
                self._say(f"transfer: {self._label(result.name)}: {outcome(result)}")
            case transfer.Started() | transfer.Advanced():
                self._advance(event)

    def _advance(self, event: transfer.Started | transfer.Advanced) -> None:
        now_s = self._clock()
        self._meter.note(event, now_s)
        self._said_s = self._said_s or now_s
        if now_s - self._said_s >= LINE_EVERY_S:
            self._said_s = now_s
            total = self._meter.total
            left_s = total.eta_s(now_s)
            eta = f", {duration(left_s)} left" if left_s is not None else ""
            self._say(
                f"transfer: {size(total.done_bytes)} of {size(total.size_bytes)}, "
                f"{size(total.rate_bytes_per_s(now_s))}/s{eta}"
            )

    def _label(self, name: str) -> str:
        return self._labels.get(name, name)

    def _say(self, text: str) -> None:
        self._stream.write(f"{printable(text)}\n")
        self._stream.flush()


def outcome(result: transfer.Result) -> str:
    """What came of an artifact, in words."""
    if result.is_reused:
        how = "was there already"
    elif result.size_bytes and not result.moved_bytes:
        how = "copied at the target, nothing sent"
    else:
        how = f"done, proof {result.proof}"
    how = f"{how}; {result.note}" if result.note else how
    return f"{size(result.size_bytes)}, {how}"


def pace(bytes_per_s: float | None) -> str:
    """A bandwidth limit in words."""
    if bytes_per_s is None:
        return "no bandwidth limit from now on"
    return f"at most {size(bytes_per_s)}/s from now on" if bytes_per_s else "paused"
