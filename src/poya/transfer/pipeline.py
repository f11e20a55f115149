# SPDX-License-Identifier: Apache-2.0
"""Moves the parts of one artifact: many are read, hashed and written at the same time.

A part is read in pieces, so that all streams work on the bytes that are needed next, and written
as a whole.

Why this cannot hang for want of buffers: a part takes its buffer before it is queued, in the
order of the whole, and needs nothing but threads to give it back; the in-order hash waits only
for parts that hold a buffer already.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from poya.transfer.buffers import Buffer
from poya.transfer.digests import OrderedDigests
from poya.transfer.etags import fingerprint_like, is_plain_md5, md5
from poya.transfer.layout import Part
from poya.transfer.ports import Reader, Sink
from poya.transfer.workshop import Guards, Workshop


@dataclass(frozen=True, slots=True)
class Done:
    """A part that is safe at the target.

    Attributes:
        part: The part.
        md5: Of its bytes; their checksum if md5s of parts are not hashed and the target is a file.
        is_moved: False if it was there from an earlier run.
    """

    part: Part
    md5: str
    is_moved: bool


@dataclass(frozen=True, slots=True)
class Route:
    """Where a pipeline's bytes come from, go to, and whom they pass.

    Attributes:
        reader: The open source.
        sink: The open target.
        digests: Sees all bytes in order.
        on_done: Called when a part is safe.
        only_md5: If known, a part of any other md5 is not written.
        hashes_parts: Whether the md5 of each part is computed here. Otherwise it is what the
            target tells of it: the caller proves the whole in the end.
        reads_pieces: Whether a part is read in several requests.
    """

    reader: Reader
    sink: Sink
    digests: OrderedDigests
    on_done: Callable[[Done], None]
    only_md5: str | None = None
    hashes_parts: bool = True
    reads_pieces: bool = False


class Unapproved(Exception):
    """A part is not what it must be, and was not written.

    Attributes:
        md5: Of its bytes.
    """

    def __init__(self, md5: str) -> None:
        super().__init__(md5)
        self.md5 = md5


class Pipeline:
    """One pass over parts of an artifact."""

    def __init__(self, route: Route, guards: Guards, shop: Workshop) -> None:
        self._route, self._guards, self._shop = route, guards, shop
        self._changed = threading.Condition()
        self._pending = 0
        self._failure: BaseException | None = None

    def run(self, parts: Iterable[Part], kept: Mapping[int, str]) -> None:
        """Move parts; those in `kept` (number to fingerprint) are read, compared and only hashed.

        Raises:
            PoyaError: The first failure of any part, when all others have come to rest.
        """
        try:
            for part in parts:
                buffer = self._shop.buffers.acquire(part.size_bytes, self._guards.cancel)
                with self._changed:
                    self._pending += 1
                self._begin(_Load(part, buffer, kept.get(part.number, ""), self._let_go))
        except BaseException as error:  # noqa: BLE001 -- raised again below, when all is at rest
            self._fail(error)
        with self._changed:
            self._changed.wait_for(lambda: self._pending == 0)
        if self._failure is not None:
            raise self._failure

    def _begin(self, load: _Load) -> None:
        getters = self._shop.getters
        if load.kept:
            getters.submit(partial(self._compare, load))
            return
        size_bytes = load.part.size_bytes
        step = getters.piece_bytes(size_bytes) if self._route.reads_pieces else size_bytes
        starts = range(0, max(1, size_bytes), max(1, step))
        load.expect(len(starts))
        for start in starts:
            piece = load.buffer.view[start : min(start + step, size_bytes)]
            getters.submit(partial(self._fetch, load, start, piece))

    def _fetch(self, load: _Load, start: int, piece: memoryview) -> None:
        is_read = self._attempt(partial(self._read, load.part.start + start, piece))
        if load.is_last_piece(is_read=is_read):
            self._pass_on(load)
        if is_read:
            self._route.digests.offer(load.part.start + start, piece, load.drop)
        else:
            load.drop()

    def _pass_on(self, load: _Load) -> None:
        """All pieces of a part are through; write it, unless one of them could not be read."""
        if load.is_whole:
            self._shop.putters.submit(partial(self._store, load))
        else:
            load.drop()

    def _compare(self, load: _Load) -> None:
        """A part that the target may hold already: read it, and write it only if it differs."""
        load.expect(1)
        part, is_kept = load.part, False

        def look() -> None:
            nonlocal is_kept
            is_kept = self._is_kept(load)
            if is_kept:
                self._route.on_done(Done(part, self._told(load), is_moved=False))

        is_read = self._attempt(look)
        if not is_read or is_kept:
            load.drop()
        else:
            self._shop.putters.submit(partial(self._store, load))
        if is_read:
            self._route.digests.offer(part.start, load.buffer.view, load.drop)
        else:
            load.drop()

    def _is_kept(self, load: _Load) -> bool:
        """Fill the buffer; whether the target holds these very bytes already."""
        sink, view = self._route.sink, load.buffer.view
        if sink.reads_back:
            sink.read_back(load.part, view)
            if load.is_as_kept():
                return True
        self._read(load.part.start, view)
        # A file was looked at: if it lost the part, that the source still has it changes nothing.
        return not sink.reads_back and load.is_as_kept()

    def _told(self, load: _Load) -> str:
        """What is told of a part that was kept: its md5, if those are hashed."""
        needs_md5 = self._route.hashes_parts and not is_plain_md5(load.kept)
        return md5(load.buffer.view) if needs_md5 else load.kept

    def _read(self, start: int, into: memoryview) -> None:
        began_s = time.monotonic()
        self._route.reader.read_into(start, into, self._guards.reading)
        self._shop.getters.moved(len(into), time.monotonic() - began_s)

    def _store(self, load: _Load) -> None:
        self._attempt(partial(self._write, load.part, load.buffer.view))
        load.drop()

    def _write(self, part: Part, view: memoryview) -> None:
        route = self._route
        digest = md5(view) if route.hashes_parts else None
        if route.only_md5 is not None and digest not in (None, route.only_md5):
            raise Unapproved(digest)
        began_s = time.monotonic()
        told = route.sink.write(part, view, digest, self._guards.writing)
        self._shop.putters.moved(len(view), time.monotonic() - began_s)
        route.on_done(Done(part, told, is_moved=True))

    def _attempt(self, work: Callable[[], None]) -> bool:
        """Do it unless all is to stop; a failure is raised in the job's own thread."""
        try:
            self._guards.cancel.check()
            work()
        except BaseException as error:  # noqa: BLE001 -- see above
            self._fail(error)
            return False
        return True

    def _let_go(self, buffer: Buffer) -> None:
        self._shop.buffers.release(buffer)
        with self._changed:
            self._pending -= 1
            self._changed.notify_all()

    def _fail(self, error: BaseException) -> None:
        with self._changed:
            self._failure = self._failure or error
        # First the flag, then the wake-up: parts that stop now are no failures of their own.
        self._guards.cancel.set()
        self._route.digests.abandon()


class _Load:
    """A part's buffer on its way; whoever is done with it last gives it back.

    It is held once for each piece that is to be read and hashed, and once for being written.

    Args:
        kept: The fingerprint of what the target may hold of it already; empty if nothing.
    """

    def __init__(
        self, part: Part, buffer: Buffer, kept: str, give_back: Callable[[Buffer], None]
    ) -> None:
        self.part, self.buffer, self.kept = part, buffer, kept
        self.is_whole = True
        self._give_back = give_back
        self._lock = threading.Lock()
        self._holds = self._unread = 0

    def expect(self, pieces: int) -> None:
        """Note how many pieces are going to be read."""
        self._holds, self._unread = pieces + 1, pieces

    def is_last_piece(self, *, is_read: bool) -> bool:
        """Note what came of a piece; whether it was the last one."""
        with self._lock:
            self.is_whole &= is_read
            self._unread -= 1
            return self._unread == 0

    def is_as_kept(self) -> bool:
        """Whether the buffer holds what the fingerprint is of."""
        return fingerprint_like(self.kept, self.buffer.view) == self.kept

    def drop(self) -> None:
        """One fewer needs it."""
        with self._lock:
            self._holds -= 1
            is_last = self._holds == 0
        if is_last:
            self._give_back(self.buffer)
