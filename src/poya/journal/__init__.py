# SPDX-License-Identifier: Apache-2.0
"""Intent and outcome of every step, unfinished uploads, locks; what resume and undo read."""

from poya.journal.locks import hold
from poya.journal.runs import RunFiles, RunStore
from poya.journal.store import Journal, Step, Upload

__all__ = ["Journal", "RunFiles", "RunStore", "Step", "Upload", "hold"]
