# SPDX-License-Identifier: Apache-2.0
"""Moves the parts of one artifact: many are read, hashed and written at the same time.

Why this cannot hang for want of buffers: a part takes its buffer before it is queued, in the
order of the whole, and needs nothing but threads to give it back; the in-order hash waits only
for parts that hold a buffer already.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from poya.transfer.buffers import Buffer
from poya.transfer.digests import OrderedDigests
from poya.transfer.etags import md5
from poya.transfer.jobs import Reader, Sink
from poya.transfer.layout import Part
from poya.transfer.workshop import Guards, Workshop


@dataclass(frozen=True, slots=True)
class Done:
    """A part that is safe at the target.

    Attributes:
        part: The part.
        md5: Of its bytes.
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
    """

    reader: Reader
    sink: Sink
    digests: OrderedDigests
    on_done: Callable[[Done], None]
    only_md5: str | None = None


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
        """Move parts; those in `kept` (number to md5) are read, compared and only hashed.

        Raises:
            PoyaError: The first failure of any part, when all others have come to rest.
        """
        try:
            for part in parts:
                buffer = self._shop.buffers.acquire(part.size_bytes, self._guards.cancel)
                with self._changed:
                    self._pending += 1
                holders = _Holders(self, buffer)
                self._shop.getters.submit(self._fetch, part, holders, kept.get(part.number))
        except BaseException as error:  # noqa: BLE001 -- raised again below, when all is at rest
            self._fail(error)
        with self._changed:
            self._changed.wait_for(lambda: self._pending == 0)
        if self._failure is not None:
            raise self._failure

    def let_go(self, buffer: Buffer) -> None:
        """Take back a part's buffer."""
        self._shop.buffers.release(buffer)
        with self._changed:
            self._pending -= 1
            self._changed.notify_all()

    def _fetch(self, part: Part, holders: _Holders, kept_md5: str | None) -> None:
        route, view = self._route, holders.view
        try:
            self._guards.cancel.check()
            is_kept = self._read(part, view, kept_md5)
            holders.share()
            route.digests.offer(part.start, view, holders.drop)
            if is_kept:
                route.on_done(Done(part, kept_md5 or "", is_moved=False))
                holders.drop()
            else:
                self._shop.putters.submit(self._store, part, holders)
        except BaseException as error:  # noqa: BLE001 -- raised in the job's own thread
            self._fail(error)
            holders.drop()

    def _read(self, part: Part, view: memoryview, kept_md5: str | None) -> bool:
        """Fill the buffer; whether the target holds these very bytes already."""
        route = self._route
        if kept_md5 is not None and route.sink.reads_back:
            route.sink.read_back(part, view)
            if md5(view) == kept_md5:
                return True
        route.reader.read_into(part.start, view, self._guards.reading)
        return kept_md5 is not None and md5(view) == kept_md5

    def _store(self, part: Part, holders: _Holders) -> None:
        route, view = self._route, holders.view
        try:
            self._guards.cancel.check()
            digest = md5(view)
            _approve(digest, route.only_md5)
            route.sink.write(part, view, digest, self._guards.writing)
            route.on_done(Done(part, digest, is_moved=True))
        except BaseException as error:  # noqa: BLE001 -- raised in the job's own thread
            self._fail(error)
        finally:
            holders.drop()

    def _fail(self, error: BaseException) -> None:
        with self._changed:
            self._failure = self._failure or error
        # First the flag, then the wake-up: parts that stop now are no failures of their own.
        self._guards.cancel.set()
        self._route.digests.abandon()


def _approve(digest: str, only_md5: str | None) -> None:
    if only_md5 not in (None, digest):
        raise Unapproved(digest)


class _Holders:
    """Counts who still needs a part's buffer; the last one gives it back."""

    def __init__(self, pipeline: Pipeline, buffer: Buffer) -> None:
        self._pipeline, self._buffer = pipeline, buffer
        self._lock = threading.Lock()
        self._count = 1

    @property
    def view(self) -> memoryview:
        """The part's bytes."""
        return self._buffer.view

    def share(self) -> None:
        """One more needs it."""
        with self._lock:
            self._count += 1

    def drop(self) -> None:
        """One fewer needs it."""
        with self._lock:
            self._count -= 1
            is_last = self._count == 0
        if is_last:
            self._pipeline.let_go(self._buffer)
