# SPDX-License-Identifier: Apache-2.0
"""Passes over the parts of one artifact: moving them, or reading them once more to compare."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from functools import partial

from poya.errors import DataDamaged
from poya.transfer.digests import OrderedDigests
from poya.transfer.etags import is_plain_md5, multipart_etag
from poya.transfer.guard import Guard
from poya.transfer.http import StreamBody
from poya.transfer.jobs import Job
from poya.transfer.layout import Layout, Part, other_cuts
from poya.transfer.pipeline import Done, Pipeline, Route, Unapproved
from poya.transfer.ports import Expected, Reader, Sink
from poya.transfer.readahead import ReadAhead
from poya.transfer.savings import NONE, Savings
from poya.transfer.verdict import Read
from poya.transfer.workshop import Guards, Workshop, guards_for

_MAX_SENDS = 3


class Mover:
    """Moves an artifact and knows what was moved.

    Attributes:
        moved_bytes: Written in the last pass.
        kept_bytes: Found at the target in the last pass.
    """

    def __init__(self, job: Job, reader: Reader, layout: Layout, wanted: Expected) -> None:
        self._job, self._reader, self._layout = job, reader, layout
        etag = wanted.etag or ""
        told = wanted.part_size_bytes
        self._cuts = other_cuts(layout.size_bytes, etag, layout.part_size_bytes, told)
        is_single_put = job.target.is_object and not layout.is_multipart
        known_md5 = wanted.md5 or (etag if is_plain_md5(etag) else None)
        self._only_md5 = known_md5 if is_single_put else None
        self._md5s: dict[int, str] = {}
        self._digests = OrderedDigests()
        self._is_one_part = layout.count == 1 and not (job.sha256 or layout.is_streamed)
        self._is_part_whole = False
        self._lock = threading.Lock()
        self.moved_bytes = 0
        self.kept_bytes = 0

    @property
    def is_cut_certain(self) -> bool:
        """Whether the source's etag belongs to this very cut, so that it will prove the bytes."""
        return not self._cuts

    def move(
        self, sink: Sink, shop: Workshop, kept: Mapping[int, str], savings: Savings = NONE
    ) -> None:
        """Write every part that is not in `kept`.

        Args:
            sink: The open target.
            shop: What the copy shares.
            kept: Parts that the target holds, number to fingerprint; unless the savings skip
                them they are read and compared, and written again if they differ.
            savings: What is not computed on the way.

        Raises:
            Unapproved: The object would go in one request, and its md5 is not the known one.
            PoyaError: A part could not be read or written.
        """
        self._begin_pass(savings)
        parts = list(self._layout.parts())
        held = [part for part in parts if part.number in kept]
        held_bytes = sum(part.size_bytes for part in held)
        shop.progress.start(self._job.name, self._layout.size_bytes, held_bytes)
        if savings.skips_kept:
            for part in held:
                self._note(shop, Done(part, kept[part.number], is_moved=False))
            parts = [part for part in parts if part.number not in kept]
        with guards_for(self._job, shop) as guards:
            try:
                if self._layout.is_streamed:
                    self._stream(sink, guards, shop, (parts, kept))
                else:
                    route = self._route(sink, shop, savings)
                    Pipeline(route, guards, shop).run(parts, kept)
            except Unapproved as error:
                self._md5s[1] = error.md5
                raise

    def reads_the_same_again(self, shop: Workshop) -> bool | None:
        """Read the source once more; None if it is too large in its parts to compare."""
        if self._layout.is_streamed:
            return None
        sink = _Comparison()
        route = Route(self._reader, sink, OrderedDigests(), lambda _done: None)
        with guards_for(self._job, shop) as guards:
            Pipeline(route, guards, shop).run(self._layout.parts(), dict(self._md5s))
        return not sink.differs

    def part_md5s(self) -> list[str]:
        """Md5s of all parts in order (checksums, if the savings left them at that)."""
        return [self._md5s[number] for number in range(1, self._layout.count + 1)]

    def md5s_so_far(self) -> dict[int, str]:
        """Md5s of the parts that are safe at the target, as far as they are known."""
        return {number: told for number, told in self._md5s.items() if is_plain_md5(told)}

    def read(self) -> Read:
        """The digests of what was moved; call it when every part is done."""
        etags: dict[str, int | None] = {}
        if len(self.md5s_so_far()) == self._layout.count:
            etags[multipart_etag(self.part_md5s())] = self._layout.part_size_bytes
        if self._is_part_whole:
            md5 = self._md5s[1]
        elif self._digests.hashed_bytes == self._layout.size_bytes:
            md5 = self._digests.md5()
        else:
            return Read(None, etags)
        return Read(md5, {**self._digests.etags(), **etags, md5: None})

    def sha256(self) -> str | None:
        """Sha256 of the whole, if it was wanted and read."""
        return self._digests.sha256()

    def _begin_pass(self, savings: Savings) -> None:
        self._digests = OrderedDigests(self._cuts, sha256=self._job.sha256)
        self._is_part_whole = self._is_one_part and not (savings.leaves_parts or self._cuts)
        if savings.skips_kept or savings.leaves_whole or self._is_part_whole:
            # Bytes with gaps have no digest; nothing must wait for those that never come.
            self._digests.abandon()
        self._md5s, self.moved_bytes, self.kept_bytes = {}, 0, 0

    def _route(self, sink: Sink, shop: Workshop, savings: Savings) -> Route:
        return Route(
            self._reader, sink, self._digests, partial(self._note, shop), self._only_md5,
            hashes_parts=not savings.leaves_parts, reads_pieces=self._job.source.is_remote,
        )  # fmt: skip

    def _note(self, shop: Workshop, done: Done) -> None:
        self._count(done)
        shop.progress.advance(self._job.name, done.part.size_bytes, is_moved=done.is_moved)

    def _stream(
        self,
        sink: Sink,
        guards: Guards,
        shop: Workshop,
        work: tuple[Sequence[Part], Mapping[int, str]],
    ) -> None:
        def advance(count_bytes: int) -> None:
            shop.progress.advance(self._job.name, count_bytes)

        ahead = ReadAhead(self._reader, self._digests, advance, guards, shop)
        parts, kept = work
        for part in parts:
            kept_md5 = kept.get(part.number)
            if kept_md5 and ahead.drain(part, self._layout.chunk_bytes) == kept_md5:
                self._count(Done(part, kept_md5, is_moved=False))
            else:
                md5 = self._send(sink, part, ahead, guards.writing)
                self._count(Done(part, md5, is_moved=True))

    def _send(self, sink: Sink, part: Part, ahead: ReadAhead, guard: Guard) -> str:
        """Stream a part until the target tells the md5 that was read."""
        body = ahead.body(part, self._layout.chunk_bytes)
        told = ""
        for _ in range(_MAX_SENDS):
            try:
                told = sink.write_stream(part, body, self._only_md5, guard)
            except DataDamaged as error:
                # Refused for its digest. If it was read so, the fault lies before us, not behind.
                if self._only_md5 in (None, ahead.md5()):
                    raise
                raise Unapproved(ahead.md5()) from error
            if told == ahead.md5():
                return told
        raise DataDamaged(
            f"The target {self._job.target} holds other bytes than were sent to it.",
            why=f"Part {part.number}: sent md5 {ahead.md5()}, told etag {told or 'none'}.",
            todo="Have the target's object store checked, then run it again.",
        )

    def _count(self, done: Done) -> None:
        with self._lock:
            self._md5s[done.part.number] = done.md5
            if done.is_moved:
                self.moved_bytes += done.part.size_bytes
            else:
                self.kept_bytes += done.part.size_bytes


class _Comparison:
    """A target that writes nothing and notes whether it should have."""

    reads_back = guards_way = False
    copied_bytes = 0
    note = ""

    def __init__(self) -> None:
        self.differs = False
        self.kept: Mapping[int, str] = {}

    def write(self, part: Part, data: memoryview, md5: str | None, guard: Guard) -> str:  # noqa: ARG002
        """A part is not what it was when it was read first."""
        self.differs = True
        return md5 or ""

    def read_back(self, part: Part, into: memoryview) -> None:
        """Never asked for."""
        raise NotImplementedError

    def write_stream(self, part: Part, body: StreamBody, md5: str | None, guard: Guard) -> str:
        """Never asked for."""
        raise NotImplementedError

    def publish(self, part_md5s: Sequence[str], guard: Guard) -> str:
        """Never asked for."""
        raise NotImplementedError

    def discard(self) -> None:
        """Nothing to discard."""

    def leave(self) -> None:
        """Nothing to leave."""
