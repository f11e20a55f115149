# SPDX-License-Identifier: Apache-2.0
"""From the synchronous command line to the asynchronous use cases, and Ctrl-C on the way."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Coroutine, Iterator
from types import FrameType
from typing import Any, TypeVar

from poya.errors import Cancelled

_T = TypeVar("_T")
# A closed terminal or a dropped ssh connection stops a run as cleanly as Ctrl-C does.
_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted:
    """Where an interrupt leaves us.

    Attributes:
        run: The run under way; empty while nothing was written.
        verb: What goes on with it.
    """

    def __init__(self) -> None:
        self.run = ""
        self.verb = "resume"

    def way_on(self) -> str:
        """What to type next."""
        if self.verb == "undo":
            return f"'poya migrate undo {self.run}' goes on taking it back."
        return (
            f"'poya migrate resume {self.run}' goes on, "
            f"'poya migrate undo {self.run}' takes it back."
        )


def run_async(work: Coroutine[Any, Any, _T], interrupted: Interrupted | None = None) -> _T:
    """Run a coroutine to its end.

    Ctrl-C once ends or abandons the request under way and says how to go on; twice stops at once,
    which is as safe: the journal is written for that.

    Raises:
        Cancelled: It was interrupted.
    """
    left = interrupted or Interrupted()
    try:
        return asyncio.run(_heeding_signals(work, left))
    except (KeyboardInterrupt, asyncio.CancelledError):
        if not left.run:
            raise Cancelled("Stopped; nothing was written.") from None
        raise Cancelled(f"Stopped; the run {left.run} is part-way.", todo=left.way_on()) from None


async def _heeding_signals(work: Coroutine[Any, Any, _T], left: Interrupted) -> _T:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    was_asked = False

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal was_asked
        if not left.run or task is None:
            raise KeyboardInterrupt
        if was_asked:
            _say(f"Stopped at once; the run {left.run} is part-way. {left.way_on()}")
            os._exit(Cancelled.exit_code)
        was_asked = True
        _say("Stopping once the request under way is over. Again: stop at once.")
        loop.call_soon_threadsafe(task.cancel)

    with _handling(stop):
        return await work


@contextlib.contextmanager
def _handling(handler: Any) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in _STOPPING}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


def _say(text: str) -> None:
    # The terminal may be what went away.
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(f"\n{text}\n")
        sys.stderr.flush()
