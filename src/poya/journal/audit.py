# SPDX-License-Identifier: Apache-2.0
"""Does a journal agree with itself? Its log says a second time what its rows say. Pure.

SQLite notices torn pages, not a bit that turned on the disk, or a row that somebody edited.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from poya.journal.log import LogEntry, first_break


class _Row(Protocol):
    """As much of a step as the log says of it."""

    @property
    def id(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def outcome(self) -> Mapping[str, Any]: ...
    @property
    def pre_image(self) -> bytes | None: ...


@dataclass
class _Told:
    """What the log tells of one step."""

    state: str = ""
    outcome: Mapping[str, Any] | None = None
    pre_images: set[str] = field(default_factory=set)


def disagreement(log: Sequence[LogEntry], steps: Iterable[_Row], facts: Mapping[str, str]) -> str:
    """Where the journal contradicts itself, in words; empty if nowhere.

    Steps that an older poya recorded before there was a log are taken as they are.
    """
    broken = first_break(log)
    if broken is not None:
        return f"Entry {broken} of its log does not follow from the one before."
    told_facts, told_steps = _replayed(log)
    for key, value in told_facts.items():
        if key in facts and facts[key] != value:
            return f"It says of the run's {key} another thing than its log."
    for step in steps:
        told = told_steps.get(step.id)
        if told is not None and not _agree(step, told):
            return f"It says of the step {step.id} another thing than its log."
    return ""


def _replayed(log: Iterable[LogEntry]) -> tuple[dict[str, str], dict[str, _Told]]:
    facts: dict[str, str] = {}
    steps: dict[str, _Told] = {}
    for entry in log:
        body = entry.body
        if entry.kind == "fact":
            facts.update(body)
        elif entry.kind == "step" and "step" in body:
            told = steps.setdefault(body["step"], _Told())
            told.state = body.get("state", told.state)
            told.outcome = body.get("outcome", told.outcome)
            if "pre_image" in body:
                told.pre_images.add(body["pre_image"])
    return facts, steps


def _agree(step: _Row, told: _Told) -> bool:
    if step.state != told.state:
        return False
    if told.outcome is not None and dict(step.outcome) != dict(told.outcome):
        return False
    if step.pre_image is None:
        return True
    return hashlib.sha256(step.pre_image).hexdigest() in told.pre_images
