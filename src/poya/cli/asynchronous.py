# SPDX-License-Identifier: Apache-2.0
"""From the synchronous command line to the asynchronous use cases, and Ctrl-C on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

from poya.errors import Cancelled

_T = TypeVar("_T")


class Interrupted:
    """Where an interrupt leaves us: the run under way, if there is one."""

    def __init__(self) -> None:
        self.run = ""


def run_async(work: Coroutine[object, object, _T], interrupted: Interrupted | None = None) -> _T:
    """Run a coroutine to its end; Ctrl-C stops it cleanly and says how to go on.

    Raises:
        Cancelled: It was interrupted.
    """
    try:
        return asyncio.run(work)
    except (KeyboardInterrupt, asyncio.CancelledError):
        run = interrupted.run if interrupted else ""
        if not run:
            raise Cancelled("Stopped; nothing was written.") from None
        raise Cancelled(
            f"Stopped; the run {run} is part-way.",
            todo=f"'poya migrate resume {run}' goes on, 'poya migrate undo {run}' takes it back.",
        ) from None
