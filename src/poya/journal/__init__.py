# SPDX-License-Identifier: Apache-2.0
"""Intent and outcome of every step, unfinished uploads, locks; what resume and undo read."""

from poya.journal.locks import Holder, Sighting, break_open, hold, look_at, this_process
from poya.journal.log import LogEntry, first_break
from poya.journal.runs import RunFiles, RunStore, new_id
from poya.journal.store import Journal, Step, Upload

__all__ = [
    "Holder",
    "Journal",
    "LogEntry",
    "RunFiles",
    "RunStore",
    "Sighting",
    "Step",
    "Upload",
    "break_open",
    "first_break",
    "hold",
    "look_at",
    "new_id",
    "this_process",
]
