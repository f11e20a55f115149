# SPDX-License-Identifier: Apache-2.0
"""One job from start to end: look, lay out, move, prove, publish."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace

from poya.errors import Conflict, DataDamaged, PoyaError
from poya.transfer.etags import is_plain_md5, matching_part_size, part_count
from poya.transfer.guard import Guard
from poya.transfer.jobs import Job, Proof, Result
from poya.transfer.layout import Layout, lay_out_file, lay_out_object, recut_layout
from poya.transfer.moving import Mover
from poya.transfer.pipeline import Unapproved
from poya.transfer.ports import Expected, Held, Opening, Reader, Sink
from poya.transfer.savings import is_covered, savings_for
from poya.transfer.verdict import Read, judge, source_damaged
from poya.transfer.workshop import Workshop, guards_for

_SCAN_BYTES = 1024 * 1024


def run_job(job: Job, shop: Workshop) -> Result:
    """Move one artifact, or find that it is there already.

    Raises:
        DataDamaged: Bytes are not what they should be; nothing of them is left published.
        Conflict: Something else is under the target's name, or the source changed meanwhile.
        PoyaError: Anything else; what was written is left for the next run.
    """
    with guards_for(job, shop) as guards:
        reader = job.source.open(guards.asking)
        with _closing(reader):
            wanted = _wanted(job, reader)
            held = job.target.held(wanted, guards.asking)
            if held is not None and not held.is_equal:
                held = _compare_by_reading(held, job, reader, guards.reading)
            if held is not None and held.is_equal:
                return _reused(held, wanted, job, shop)
            if held is not None and not job.replaces:
                raise _conflict(held, wanted, job)
            copied = _adopted(job, wanted, shop, guards.asking)
            if copied is not None:
                return copied
            return _Artifact(job, reader, wanted, shop).run(guards.asking)


class _Artifact:
    """An artifact that has to move."""

    def __init__(self, job: Job, reader: Reader, wanted: Expected, shop: Workshop) -> None:
        self._job, self._wanted, self._shop = job, wanted, shop
        self._etag = wanted.etag or ""
        self._layout = _lay_out(job, wanted, reader.size_bytes, shop)
        self._mover = Mover(job, reader, self._layout, wanted)

    def run(self, guard: Guard) -> Result:
        """Open the target, move, prove, publish."""
        opening = _opening(self._job, self._wanted, self._shop)
        sink = self._job.target.open(self._layout, opening, guard)
        with _tidied(sink):
            proof, read = self._move_and_prove(sink)
            etag = sink.publish(self._mover.part_md5s(), guard)
        layout = self._layout
        cut = read.etags.get(self._etag)
        if self._job.target.is_object and etag != self._etag and cut is not None:
            # Of several cuts that the source's etag allowed, another one was the source's.
            layout = recut_layout(layout.size_bytes, cut)
            etag = self._job.target.recut(layout, opening, guard)
        return self._result(sink, layout, etag, (proof, read))

    def _move_and_prove(self, sink: Sink) -> tuple[Proof, Read]:
        savings = savings_for(
            self._job, self._wanted, self._layout, sink, is_cut_certain=self._mover.is_cut_certain
        )
        kept = dict(sink.kept)
        try:
            self._mover.move(sink, self._shop, kept, savings)
            read = self._mover.read()
            if savings and not is_covered(self._wanted, sink, read):
                # What the target holds is not what the source does: compare everything, and mend
                # what differs.
                self._mover.move(sink, self._shop, self._mover.md5s_so_far())
                read = self._mover.read()
        except Unapproved as error:
            raise self._damage(Read(error.md5, {error.md5: None})) from error
        return self._judged(read), read

    def _judged(self, read: Read) -> Proof:
        proof = judge(self._wanted.md5, self._etag, read)
        if proof is None:
            raise self._damage(read)
        return proof

    def _damage(self, read: Read) -> DataDamaged:
        again_same = None
        if self._etag not in read.etags:
            again_same = self._mover.reads_the_same_again(self._shop)
        return source_damaged(str(self._job.source), self._wanted, read, again_same=again_same)

    def _result(self, sink: Sink, layout: Layout, etag: str, proven: tuple[Proof, Read]) -> Result:
        proof, read = proven
        part_size = layout.part_size_bytes if layout.is_multipart else None
        if not self._job.target.is_object:
            etag, part_size = _file_etag(self._etag, read)
        return Result(
            self._job.name,
            self._layout.size_bytes,
            etag,
            read.md5 or self._wanted.md5,
            self._mover.sha256() if read.md5 else None,
            part_size,
            self._mover.moved_bytes - sink.copied_bytes,
            self._mover.kept_bytes,
            is_reused=False,
            proof=proof,
            copied_bytes=sink.copied_bytes,
            note=sink.note,
        )


def _lay_out(job: Job, wanted: Expected, size_bytes: int, shop: Workshop) -> Layout:
    lay_out = lay_out_object if job.target.is_object else lay_out_file
    memory_bytes = shop.limits.memory_bytes
    return lay_out(size_bytes, wanted.etag or "", memory_bytes, wanted.part_size_bytes)


def _wanted(job: Job, reader: Reader) -> Expected:
    """What is known of the artifact now that its source is open."""
    expected = job.expected
    if expected.size_bytes not in (None, reader.size_bytes):
        raise DataDamaged(
            f"The source {job.source} has another size than is recorded of it.",
            why=f"It has {reader.size_bytes} bytes, recorded are {expected.size_bytes}.",
            todo="The artifact was cut short or replaced; capture or build it again.",
        )
    told = reader.part_size_bytes or expected.part_size_bytes
    return Expected(reader.size_bytes, expected.md5, reader.etag or expected.etag, told)


def _compare_by_reading(held: Held, job: Job, reader: Reader, guard: Guard) -> Held:
    """A local file is cheap to read: does it have the etag of the object that is there?"""
    comparable = not job.source.is_remote and job.target.is_object
    if not comparable or held.size_bytes != reader.size_bytes or part_count(held.etag) is None:
        return held
    part_size = matching_part_size(_pieces(reader, guard), reader.size_bytes, held.etag)
    if part_size is None:
        return held
    return Held(held.size_bytes, held.etag, is_equal=True, md5=held.md5, part_size_bytes=part_size)


def _pieces(reader: Reader, guard: Guard) -> Iterator[memoryview]:
    scratch = memoryview(bytearray(_SCAN_BYTES))
    for start in range(0, reader.size_bytes, _SCAN_BYTES):
        piece = scratch[: min(_SCAN_BYTES, reader.size_bytes - start)]
        reader.read_into(start, piece, guard)
        yield piece


def _adopted(job: Job, wanted: Expected, shop: Workshop, guard: Guard) -> Result | None:
    """Let the target's store copy what it holds of the same bytes already."""
    if job.twin is None:
        return None
    opening = _opening(job, wanted, shop)
    held = job.target.adopt(job.twin, wanted, opening, guard)
    if held is None:
        return None
    result = _reused(held, wanted, job, shop)
    is_equal = held.etag == wanted.etag
    proof = Proof.ETAG if is_equal else Proof.COPY
    return replace(
        result, is_reused=False, proof=proof, kept_bytes=0, copied_bytes=held.size_bytes
    )


def _opening(job: Job, wanted: Expected, shop: Workshop) -> Opening:
    return Opening(wanted.etag or wanted.md5 or "", job.metadata, shop.memory, job.delta)


def _reused(held: Held, wanted: Expected, job: Job, shop: Workshop) -> Result:
    md5 = wanted.md5 or held.md5
    proof = Proof.MD5 if wanted.md5 is not None and held.md5 == wanted.md5 else Proof.ETAG
    shop.progress.start(job.name, held.size_bytes, held.size_bytes)
    shop.progress.advance(job.name, held.size_bytes, is_moved=False)
    return Result(
        job.name,
        held.size_bytes,
        held.etag or md5 or "",
        md5,
        held.sha256,
        held.part_size_bytes,
        moved_bytes=0,
        kept_bytes=held.size_bytes,
        is_reused=True,
        proof=proof,
    )


def _conflict(held: Held, wanted: Expected, job: Job) -> Conflict:
    return Conflict(
        f"Something else is at the target already: {job.target}.",
        why=f"There: {held.size_bytes} bytes, etag {held.etag or 'unknown'}. "
        f"Wanted: {wanted.size_bytes} bytes, etag {wanted.etag or 'unknown'}, "
        f"md5 {wanted.md5 or 'unknown'}.",
        todo="Move it out of the way, or choose another target.",
    )


def _file_etag(source_etag: str, read: Read) -> tuple[str, int | None]:
    """The etag that belongs to a file: its origin's if the bytes have it, else its md5."""
    if source_etag in read.etags and not is_plain_md5(source_etag):
        return source_etag, read.etags[source_etag]
    return read.md5 or "", None


@contextlib.contextmanager
def _tidied(sink: Sink) -> Iterator[None]:
    """Leave a resumable target behind after a failure, and none after damage."""
    try:
        yield
    except DataDamaged as damage:
        try:
            sink.discard()
        except PoyaError as leftover:
            damage.todo += f" Something of it is left at the target: {leftover.what}"
        raise
    except BaseException:
        sink.leave()
        raise


@contextlib.contextmanager
def _closing(reader: Reader) -> Iterator[None]:
    """Close the source; that it changed meanwhile matters only if nothing else went wrong."""
    try:
        yield
    except BaseException:
        with contextlib.suppress(PoyaError):
            reader.close()
        raise
    reader.close()
