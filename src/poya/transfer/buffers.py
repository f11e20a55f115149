# SPDX-License-Identifier: Apache-2.0
"""A bounded stock of reused buffers: the one place where a transfer takes memory."""

from __future__ import annotations

import mmap
import threading
from collections import deque
from dataclasses import dataclass, field

from poya.transfer.etags import MIB
from poya.transfer.guard import Cancel

_SMALL_STEP_BYTES = 64 * 1024
_POLL_S = 0.5


@dataclass(slots=True, eq=False)
class Buffer:
    """A piece of the stock, given out until it is given back.

    Attributes:
        storage: The memory itself, perhaps longer than asked for.
        view: As many bytes of it as were asked for.
    """

    storage: mmap.mmap = field(repr=False)
    view: memoryview = field(repr=False)


class BufferPool:
    """Gives out buffers; all that exist together never exceed the limit.

    Whoever waits longest is served first, so that a large request is not starved by small ones.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._changed = threading.Condition()
        self._free: list[mmap.mmap] = []
        self._allocated_bytes = 0
        self._queue: deque[object] = deque()
        self.peak_bytes = 0

    def acquire(self, size_bytes: int, cancel: Cancel) -> Buffer:
        """Wait for a buffer.

        Raises:
            ValueError: It is larger than the whole stock.
            Cancelled: The stop was asked for while waiting.
        """
        if size_bytes > self._limit_bytes:
            raise ValueError(f"a buffer of {size_bytes} bytes exceeds the memory limit")
        ticket = object()
        with self._changed, cancel.interrupting(self._wake):
            self._queue.append(ticket)
            try:
                while True:
                    cancel.check()
                    storage = self._take(size_bytes) if self._queue[0] is ticket else None
                    if storage is not None:
                        return Buffer(storage, memoryview(storage)[:size_bytes])
                    self._changed.wait(_POLL_S)
            finally:
                self._queue.remove(ticket)
                self._changed.notify_all()

    def try_acquire(self, size_bytes: int) -> Buffer | None:
        """A buffer if one is free now and nobody waits."""
        with self._changed:
            storage = None if self._queue else self._take(size_bytes)
        return Buffer(storage, memoryview(storage)[:size_bytes]) if storage is not None else None

    def release(self, buffer: Buffer) -> None:
        """Give a buffer back; its view is dead afterwards."""
        buffer.view.release()
        with self._changed:
            self._free.append(buffer.storage)
            self._changed.notify_all()

    def close(self) -> None:
        """Give free buffers back to the system; call it when nothing moves any more."""
        with self._changed:
            self._allocated_bytes -= sum(len(storage) for storage in self._free)
            self._free.clear()

    def _wake(self) -> None:
        # Runs in the thread that cancels; it may hold nothing of ours.
        if self._changed.acquire(timeout=_POLL_S):
            try:
                self._changed.notify_all()
            finally:
                self._changed.release()

    def _take(self, size_bytes: int) -> mmap.mmap | None:
        capacity = min(_rounded(size_bytes), self._limit_bytes)
        for index, storage in enumerate(self._free):
            if capacity <= len(storage) <= 2 * capacity:
                return self._free.pop(index)
        while self._free and self._allocated_bytes + capacity > self._limit_bytes:
            self._allocated_bytes -= len(self._free.pop(0))
        if self._allocated_bytes + capacity > self._limit_bytes:
            return None
        self._allocated_bytes += capacity
        self.peak_bytes = max(self.peak_bytes, self._allocated_bytes)
        # Straight from the kernel: malloc would keep large blocks that are let go for later.
        return mmap.mmap(-1, capacity)


def _rounded(size_bytes: int) -> int:
    step = MIB if size_bytes >= MIB else _SMALL_STEP_BYTES
    return max(step, -(-size_bytes // step) * step)
