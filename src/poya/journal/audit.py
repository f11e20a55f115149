# SPDX-License-Identifier: Apache-2.0
"""Does a journal agree with itself? Its log says a second time what its rows say. Pure.

SQLite notices torn pages, not a bit that turned on the disk, or a row that somebody edited. The
log's chain covers every entry; an entry covers all that it changed in the rows, so what a row
holds is either what the log tells or damage.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from poya.journal.log import (
    BrokenChainError,
    LogEntry,
    Replay,
    Rows,
    Told,
    chain_checked,
    replayed,
)


def disagreement(log: Iterable[LogEntry], rows: Rows, *, is_told_all: bool = True) -> str:
    """Where the journal contradicts itself, in words; empty if nowhere.

    Args:
        is_told_all: Whether the log tells all that the rows hold, as it does from version 4 on.
    """
    try:
        told = replayed(chain_checked(log))
    except BrokenChainError as broken:
        return str(broken)
    return _of_facts(told, rows, is_told_all=is_told_all) or _of_steps(told, rows)


def _of_facts(told: Replay, rows: Rows, *, is_told_all: bool) -> str:
    if is_told_all and rows.uploads != told.uploads:
        return "It says of unfinished uploads another thing than its log."
    known = told.facts.keys() & rows.facts.keys()
    for key in told.facts.keys() | rows.facts.keys() if is_told_all else known:
        if told.facts.get(key) != rows.facts.get(key):
            return f"It says of the run's {key} another thing than its log."
    return ""


def _of_steps(told: Replay, rows: Rows) -> str:
    for step_id, row in rows.steps.items():
        if step_id not in told.steps:
            return f"Its log does not know the step {step_id}."
        if not _agree(row, told.steps[step_id]):
            return f"It says of the step {step_id} another thing than its log."
    lost = [s for s, step in told.steps.items() if step.is_begun and s not in rows.steps]
    return f"Its log tells of the step {lost[0]}, which is missing." if lost else ""


def _agree(row: Mapping[str, Any], told: Told) -> bool:
    if row["pre_image"] not in told.pre_images:
        return False
    return all(row[column] == value for column, value in told.columns.items())
