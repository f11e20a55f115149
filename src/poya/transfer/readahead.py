# SPDX-License-Identifier: Apache-2.0
"""Streams a part that is too large for memory: its chunks are read ahead while it is sent."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, wait
from functools import partial

from poya.transfer.buffers import Buffer
from poya.transfer.digests import OrderedDigests
from poya.transfer.http import StreamBody
from poya.transfer.layout import Part
from poya.transfer.ports import Reader
from poya.transfer.workshop import Guards, Workshop


class ReadAhead:
    """Makes the bodies of an artifact's parts, in order, one part at a time.

    It holds one buffer while its chunk is sent and takes more only if they are free, so that
    several streams together can always go on.

    Args:
        reader: The open source.
        digests: Sees all bytes in order, once even if a part is sent again.
        on_read: Called with the size of each chunk that is sent for the first time.
    """

    def __init__(
        self,
        reader: Reader,
        digests: OrderedDigests,
        on_read: Callable[[int], None],
        guards: Guards,
        shop: Workshop,
    ) -> None:
        self._reader, self._digests, self._on_read = reader, digests, on_read
        self._guards, self._shop = guards, shop
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._told_bytes = 0

    def body(self, part: Part, chunk_bytes: int) -> StreamBody:
        """A part as a request body that may be sent more than once."""
        return StreamBody(part.size_bytes, lambda: self._chunks(part, chunk_bytes))

    def drain(self, part: Part, chunk_bytes: int) -> str:
        """Read a part for its digests alone; its md5."""
        for _ in self._chunks(part, chunk_bytes):
            pass
        return self.md5()

    def md5(self) -> str:
        """Md5 of the body that was made last."""
        return self._md5.hexdigest()

    def _chunks(self, part: Part, chunk_bytes: int) -> Generator[memoryview, None, None]:
        self._md5 = hashlib.md5(usedforsecurity=False)
        end = part.start + part.size_bytes
        starts = deque(range(part.start, end, chunk_bytes))
        ahead: deque[_Chunk] = deque()
        try:
            while starts or ahead:
                self._read_ahead(starts, ahead, chunk_bytes, end)
                chunk = ahead.popleft()
                try:
                    yield self._ready(chunk)
                finally:
                    self._shop.buffers.release(chunk.buffer)
        finally:
            for chunk in ahead:
                wait([chunk.future])
                self._shop.buffers.release(chunk.buffer)

    def _read_ahead(
        self, starts: deque[int], ahead: deque[_Chunk], chunk_bytes: int, end: int
    ) -> None:
        while starts and len(ahead) < self._shop.limits.parallel:
            size = min(chunk_bytes, end - starts[0])
            buffer = self._shop.buffers.try_acquire(size)
            if buffer is None and ahead:
                return
            buffer = buffer or self._shop.buffers.acquire(size, self._guards.cancel)
            ahead.append(self._begin(starts.popleft(), buffer))

    def _begin(self, start: int, buffer: Buffer) -> _Chunk:
        read = partial(self._reader.read_into, start, buffer.view, self._guards.reading)
        return _Chunk(start, buffer, self._shop.getters.submit(read))

    def _ready(self, chunk: _Chunk) -> memoryview:
        chunk.future.result()
        view = chunk.buffer.view
        self._md5.update(view)
        self._digests.offer(chunk.start, view, lambda: None)
        if chunk.start >= self._told_bytes:
            self._told_bytes = chunk.start + len(view)
            self._on_read(len(view))
        return view


class _Chunk:
    """A piece that is being read."""

    __slots__ = ("buffer", "future", "start")

    def __init__(self, start: int, buffer: Buffer, future: Future[None]) -> None:
        self.start, self.buffer, self.future = start, buffer, future
