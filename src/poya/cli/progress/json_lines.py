# SPDX-License-Identifier: Apache-2.0
"""A run as JSON lines, for programs: one object a line, each with `event` and `at_s`."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, TextIO

from poya import transfer
from poya.cli.progress import RATE_WINDOW_S
from poya.migration.events import Event, MoveStarted, StepFinished, StepStarted

_EVERY_S = 1.0


class JsonLines:
    """Writes an object for each event; of an artifact's progress at most one a second.

    `at_s` is Unix time. Rates are bytes per second over the last ten seconds; `eta_s` is null
    while it cannot be told.
    """

    def __init__(
        self,
        stream: TextIO,
        clock: Callable[[], float] = time.monotonic,
        unix: Callable[[], float] = time.time,
    ) -> None:
        self._stream, self._clock, self._unix = stream, clock, unix
        self._meter = transfer.Meter(RATE_WINDOW_S)
        self._labels: dict[str, str] = {}
        self._said_s: dict[str, float] = {}

    def listen(self, event: Event) -> None:
        """Write one event; called from any thread, one event at a time."""
        match event:
            case StepStarted(step=step, title=title):
                self._say("step-started", step=step, title=title)
            case StepFinished(step=step, title=title, result=result):
                self._say("step-finished", step=step, title=title, result=result)
            case MoveStarted(sizes=sizes):
                self._labels = {name: label for name, label, _ in sizes}
                files = [{"artifact": n, "label": lb, "size_bytes": s} for n, lb, s in sizes]
                self._say("transfer-started", files=files)
            case transfer.Started() | transfer.Advanced():
                self._advance(event)
            case transfer.Retried(name=name, reason=reason, wait_s=wait_s):
                self._say("retry", name, reason=reason, wait_s=round(wait_s, 3))
            case transfer.Paced(bytes_per_s=rate):
                self._meter.note(event, self._clock())
                self._say("bandwidth", limit_bytes_per_s=rate)
            case transfer.Finished(result=result):
                self._finish(result)
            case transfer.Failed(name=name, error=error):
                self._say("artifact-failed", name, error=str(error))

    def _advance(self, event: transfer.Started | transfer.Advanced) -> None:
        now_s, name = self._clock(), event.name
        self._meter.note(event, now_s)
        is_through = isinstance(event, transfer.Advanced) and event.done_bytes == event.size_bytes
        if not is_through and now_s - self._said_s.get(name, float("-inf")) < _EVERY_S:
            return
        self._said_s[name] = now_s
        self._say(
            "progress",
            name,
            **_reading(self._meter.artifact(name), now_s),
            total=_reading(self._meter.total, now_s),
        )

    def _finish(self, result: transfer.Result) -> None:
        self._say(
            "artifact-finished",
            result.name,
            size_bytes=result.size_bytes,
            moved_bytes=result.moved_bytes,
            kept_bytes=result.kept_bytes,
            copied_bytes=result.copied_bytes,
            is_reused=result.is_reused,
            etag=result.etag,
            md5=result.md5,
            proof=str(result.proof),
            note=result.note,
        )

    def _say(self, event: str, artifact: str = "", **fields: Any) -> None:
        about = {"artifact": artifact, "label": self._labels.get(artifact, artifact)}
        value = {"event": event, "at_s": round(self._unix(), 3), **(about if artifact else {})}
        self._stream.write(json.dumps({**value, **fields}, ensure_ascii=False) + "\n")
        self._stream.flush()


def _reading(gauge: transfer.Gauge, now_s: float) -> dict[str, Any]:
    eta_s = gauge.eta_s(now_s)
    return {
        "done_bytes": gauge.done_bytes,
        "size_bytes": gauge.size_bytes,
        "rate_bytes_per_s": round(gauge.rate_bytes_per_s(now_s)),
        "eta_s": None if eta_s is None else round(eta_s, 1),
    }
