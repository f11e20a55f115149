# SPDX-License-Identifier: Apache-2.0
"""Sends only what is new of a rebuilt file; the target's store copies the rest from the old one.

Each part is cut into chunks when it has been read. Where the old object has most of them, and the
link is slow enough that it pays, the part is put together at the target: ranges of the old object,
and what is new in between. Its etag must be the md5 of the part as it was read; if it is not, the
part is sent as it is.

Parts of an object must have 5 MiB, except for the last one. Short pieces are appended one by one
through scratch objects: a copy of what there is so far, then the piece. The first of them begins
with 5 MiB of the old object, which the final copy leaves out.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from poya.errors import NotFound, PoyaError, RequestRefused
from poya.transfer.chunking import Chunk, ChunkIndex, Cutter, cutter, joined
from poya.transfer.etags import MIN_PART_BYTES
from poya.transfer.guard import Guard, cleaning_guard
from poya.transfer.http import StreamBody
from poya.transfer.layout import Layout, Part
from poya.transfer.ports import Sink, Twin
from poya.transfer.recipes import Link, Piece, Recipe, recipe_for, stages
from poya.transfer.s3 import S3Store
from poya.transfer.s3values import ObjectPlace

Mode: TypeAlias = Literal["auto", "always", "never"]
_SCRATCH = ".poya-scratch-"
# What an old object that is not as its index says is allowed to cost.
_MOST_MISSES = 3


@dataclass(frozen=True, slots=True)
class Ancestor:
    """An older version of a file, as the target holds it.

    Attributes:
        twin: Where, and what the target's store calls it.
        index: Its chunks.
    """

    twin: Twin
    index: ChunkIndex


@dataclass(frozen=True, slots=True)
class Delta:
    """How a file may be made of an older version.

    Attributes:
        mode: `auto` measures and decides part by part; `always` copies whatever it can.
        ancestor: The older version; None if the target has none, or it was never looked at.
        keep: Told the chunks of the file once it is published, and what is known of them by then
            when a run stops part-way.
        known: What such a run left of this very file.
    """

    mode: Mode = "auto"
    ancestor: Ancestor | None = None
    keep: Callable[[ChunkIndex], None] = lambda _index: None
    known: ChunkIndex | None = None


class Assembler:
    """Puts parts of one upload together at the target."""

    def __init__(self, store: S3Store, old: Twin, target: ObjectPlace, upload_id: str) -> None:
        self._store, self._old, self._target = store, old.place, target
        self._upload_id = upload_id

    def make(self, part: Part, recipe: Recipe, data: memoryview, guard: Guard) -> str:
        """Make a part as the recipe says; its etag."""
        upload = (self._upload_id, part.number)
        first = recipe.pieces[0]
        if len(recipe.pieces) == 1 and first.old_start is not None:
            span = (first.old_start, first.old_start + first.size_bytes - 1)
            return self._store.upload_part_copy(self._old, span, self._target, upload, guard)
        base, done_bytes = self._old, MIN_PART_BYTES
        scratch: list[ObjectPlace] = []
        try:
            for number, pieces in enumerate(stages(recipe.pieces)):
                place = self._scratch(f"{part.number}-{number}")
                scratch.append(place)
                self._append((base, done_bytes), pieces, place, data, guard)
                base, done_bytes = place, done_bytes + sum(piece.size_bytes for piece in pieces)
            span = (MIN_PART_BYTES, done_bytes - 1)
            return self._store.upload_part_copy(base, span, self._target, upload, guard)
        finally:
            self._remove(scratch)

    def clear(self) -> None:
        """Remove what a run that died may have left."""
        with contextlib.suppress(PoyaError), cleaning_guard() as guard:
            prefix = f"{self._target.key}{_SCRATCH}"
            bucket = self._target.bucket
            for upload in self._store.list_uploads(bucket, prefix, guard):
                self._store.abort(ObjectPlace(bucket, upload.key), upload.upload_id, guard)
            keys = self._store.list_keys(bucket, prefix, guard)
            self._remove([ObjectPlace(bucket, key) for key in keys])

    def _append(
        self,
        base: tuple[ObjectPlace, int],
        pieces: Sequence[Piece],
        place: ObjectPlace,
        data: memoryview,
        guard: Guard,
    ) -> None:
        store, (old, old_bytes) = self._store, base
        upload_id = store.create_multipart(place, {}, guard)
        try:
            etags = [store.upload_part_copy(old, (0, old_bytes - 1), place, (upload_id, 1), guard)]
            for number, piece in enumerate(pieces, 2):
                upload = (upload_id, number)
                if piece.old_start is None:
                    body = data[piece.start : piece.end]
                    etags.append(store.upload_part(place, upload, body, None, guard))
                else:
                    span = (piece.old_start, piece.old_start + piece.size_bytes - 1)
                    etags.append(store.upload_part_copy(self._old, span, place, upload, guard))
            store.complete(place, upload_id, list(enumerate(etags, 1)), guard)
        except BaseException:
            with contextlib.suppress(PoyaError), cleaning_guard() as cleaning:
                store.abort(place, upload_id, cleaning)
            raise

    def _scratch(self, name: str) -> ObjectPlace:
        return ObjectPlace(self._target.bucket, f"{self._target.key}{_SCRATCH}{name}")

    def _remove(self, places: Sequence[ObjectPlace]) -> None:
        with contextlib.suppress(PoyaError), cleaning_guard() as guard:
            for place in places:
                self._store.delete(place, guard)


def chunked(
    inner: Sink, layout: Layout, delta: Delta | None, assembler: Assembler | None = None
) -> Sink:
    """A sink that sees chunks, where that is wanted and its libraries are installed."""
    cut = cutter() if delta is not None else None
    if delta is None or cut is None or layout.is_streamed:
        return inner
    return DeltaSink(inner, layout, (cut, delta), assembler)


class DeltaSink:
    """A sink that lets the target copy what it has, and keeps the chunks of what passes.

    Args:
        inner: The upload, or the file.
        layout: How it is cut into parts.
        work: What cuts a part into chunks, and what may be done.
        assembler: Puts parts together; None if there is no old version.
    """

    def __init__(
        self,
        inner: Sink,
        layout: Layout,
        work: tuple[Cutter, Delta],
        assembler: Assembler | None = None,
    ) -> None:
        self._inner, self._layout = inner, layout
        self._cut, self._delta = work
        self._ancestor, self._assembler = self._delta.ancestor, assembler
        self.reads_back = inner.reads_back
        self._chunks: dict[int, list[Chunk]] = {}
        self._lock = threading.Lock()
        self._link = Link()
        self._misses = 0
        self.copied_bytes = 0
        self.could_copy_bytes = 0

    @property
    def guards_way(self) -> bool:
        """As the upload; but what is put together is proven by md5s of parts from here."""
        return self._ancestor is None and self._inner.guards_way

    @property
    def kept(self) -> Mapping[int, str]:
        """Parts of an earlier run."""
        return self._inner.kept

    def read_back(self, part: Part, into: memoryview) -> None:
        """Read a kept part, and see its chunks."""
        self._inner.read_back(part, into)
        self._chunks[part.number] = self._cut(into)

    def write(self, part: Part, data: memoryview, md5: str | None, guard: Guard) -> str:
        """Put the part together at the target if that pays; send it otherwise."""
        chunks = self._chunks[part.number] = self._cut(data)
        if md5 is not None and self._ancestor is not None and self._misses < _MOST_MISSES:
            recipe = recipe_for(chunks, self._ancestor.index)
            with self._lock:
                self.could_copy_bytes += part.size_bytes - recipe.sent_bytes
            if self._pays(recipe, part) and self._make(part, recipe, data, md5, guard):
                return md5
        began_s = time.monotonic()
        told = self._inner.write(part, data, md5, guard)
        self._link.note_sent(part.size_bytes, time.monotonic() - began_s)
        return told

    def write_stream(self, part: Part, body: StreamBody, md5: str | None, guard: Guard) -> str:
        """Parts that do not fit into memory are sent as they are."""
        return self._inner.write_stream(part, body, md5, guard)

    def publish(self, part_md5s: Sequence[str], guard: Guard) -> str:
        """Complete the upload."""
        etag = self._inner.publish(part_md5s, guard)
        self._clear()
        self._keep()
        return etag

    def discard(self) -> None:
        """Leave nothing behind."""
        self._clear()
        self._inner.discard()

    def leave(self) -> None:
        """Keep the upload for a later run; scratch objects are of no use to it."""
        self._clear()
        self._keep()
        self._inner.leave()

    @property
    def note(self) -> str:
        """What was decided, and why, in words; empty if there was nothing to decide."""
        if self._ancestor is None or not self.could_copy_bytes:
            return ""
        old, rate = self._ancestor.twin.place, self._link.bytes_per_s / 1024**2
        if self.copied_bytes:
            measured = f"; a stream there moves {rate:.1f} MiB/s" if rate else ""
            return f"{_mib(self.copied_bytes)} copied at the target from {old}{measured}"
        if self._misses:
            return f"{old} is not what was kept in mind of it; everything was sent"
        each_ms = self._link.request_s * 1000
        return (
            f"sent whole: {_mib(self.could_copy_bytes)} could have been copied at the target from "
            f"{old}, but a stream moves {rate:.1f} MiB/s there, and a copy takes {each_ms:.0f} ms"
        )

    def _pays(self, recipe: Recipe, part: Part) -> bool:
        if self._delta.mode == "always":
            return recipe.copies
        return self._link.is_worth(recipe, part.size_bytes)

    def _make(self, part: Part, recipe: Recipe, data: memoryview, md5: str, guard: Guard) -> bool:
        assert self._assembler is not None
        began_s = time.monotonic()
        try:
            etag = self._assembler.make(part, recipe, data, guard)
        except (NotFound, RequestRefused) as error:
            guard.retried(f"part {part.number} could not be put together: {error.what}", 0.0)
            etag = ""
        if etag != md5:
            self._misses += 1
            return False
        self._link.note_made(recipe, time.monotonic() - began_s)
        with self._lock:
            self.copied_bytes += part.size_bytes - recipe.sent_bytes
        return True

    def _keep(self) -> None:
        if self._chunks:
            self._delta.keep(joined(self._layout.parts(), dict(self._chunks), self._delta.known))

    def _clear(self) -> None:
        if self._assembler is not None and self.could_copy_bytes:
            self._assembler.clear()


def _mib(size_bytes: int) -> str:
    return f"{size_bytes / 1024**2:.1f} MiB"
