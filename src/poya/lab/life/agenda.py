# SPDX-License-Identifier: Apache-2.0
"""What is going to happen at a site by itself, and when.

Nothing runs in the background. Whoever is about to look at the site first lets everything happen
that is due by then, in the order of its time, so nobody can tell the difference; and a test that
moves the clock by hand sees exactly what an operator sees after an hour of waiting.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from poya.lab.state import JsonObject, Records

Handler: TypeAlias = Callable[[JsonObject, float], Awaitable[None]]
"""Makes something happen: what was written down about it, and the time at which it happens."""

_AT_ONCE = 100_000


class Agenda:
    """Events to come. They are kept with the site's records and survive a restart.

    An event is forgotten after it happened; if the site is killed in between it happens again.
    """

    def __init__(self, records: Records) -> None:
        self._records = records
        self._handlers: dict[str, Handler] = {}
        self._queue = [(event["due_s"], int(key)) for key, event in records.items()]
        heapq.heapify(self._queue)
        self._awaited = Counter(event["kind"] for event in records.values())
        self._number = max((number for _, number in self._queue), default=0)
        self._lock = asyncio.Lock()

    def on(self, kind: str, handler: Handler) -> None:
        """Say who makes events of a kind happen."""
        self._handlers[kind] = handler

    def schedule(self, due_s: float, kind: str, **details: object) -> None:
        """Write an event down: `details` must be JSON."""
        self._number += 1
        key = f"{self._number:012}"
        self._records.put(key, {"due_s": due_s, "kind": kind, **details})
        heapq.heappush(self._queue, (due_s, self._number))
        self._awaited[kind] += 1

    def awaits(self, kind: str) -> bool:
        """Whether an event of a kind is still to come; the one that happens now is not."""
        return self._awaited[kind] > 0

    def is_due(self, now_s: float) -> bool:
        """Whether anything should have happened by now."""
        return bool(self._queue) and self._queue[0][0] <= now_s

    async def catch_up(self, now_s: float) -> None:
        """Let happen what is due by now, and what follows from it by now."""
        if not self.is_due(now_s):
            return
        async with self._lock:
            for _ in range(_AT_ONCE):
                if not self.is_due(now_s):
                    return
                await self._next()
        raise AssertionError("events of this lab site beget each other without end")

    async def _next(self) -> None:
        due_s, number = heapq.heappop(self._queue)
        key = f"{number:012}"
        event = self._records.get(key)
        if event is None:
            return
        self._awaited[event["kind"]] -= 1
        await self._handlers[event["kind"]](event, due_s)
        self._records.delete(key)
