# SPDX-License-Identifier: Apache-2.0
"""Does a journal agree with itself? Its log says a second time what its rows say. Pure.

SQLite notices torn pages, not a bit that turned on the disk, or a row that somebody edited.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from poya.journal.entries import digest_of
from poya.journal.log import BrokenChainError, LogEntry, Told, chain_checked, replayed


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


def disagreement(log: Iterable[LogEntry], steps: Iterable[_Row], facts: Mapping[str, str]) -> str:
    """Where the journal contradicts itself, in words; empty if nowhere."""
    try:
        told_facts, told_steps = replayed(chain_checked(log))
    except BrokenChainError as broken:
        return str(broken)
    for key, value in told_facts.items():
        if key in facts and facts[key] != value:
            return f"It says of the run's {key} another thing than its log."
    for step in steps:
        told = told_steps.pop(step.id, None)
        if told is None:
            return f"Its log does not know the step {step.id}."
        if not _agree(step, told):
            return f"It says of the step {step.id} another thing than its log."
    lost = [step_id for step_id, told in told_steps.items() if told.is_begun]
    return f"Its log tells of the step {lost[0]}, which is missing." if lost else ""


def _agree(step: _Row, told: Told) -> bool:
    if step.state != told.state:
        return False
    if told.outcome is not None and dict(step.outcome) != dict(told.outcome):
        return False
    if step.pre_image is None:
        return True
    return digest_of(step.pre_image) in told.pre_images
