# SPDX-License-Identifier: Apache-2.0
"""What need not be computed of an artifact, because its proof in the end covers it: pure."""

from __future__ import annotations

from dataclasses import dataclass

from poya.transfer.etags import part_count
from poya.transfer.jobs import Job
from poya.transfer.layout import Layout
from poya.transfer.ports import Expected, Sink
from poya.transfer.verdict import Read


@dataclass(frozen=True, slots=True)
class Savings:
    """What a pass over an artifact leaves out. Each md5 costs a core 1.5 s per GiB.

    Attributes:
        skips_kept: Parts that the target holds are not read again.
        leaves_parts: The md5s of parts are not computed here. An object store computes them of
            what it got, and the source's etag proves all of them; a file is proven by the md5 of
            the whole.
        leaves_whole: The md5 of the whole is not computed: the etag was recorded of the very
            bytes that have the expected md5 (a bundle's index), so it proves that too.
    """

    skips_kept: bool = False
    leaves_parts: bool = False
    leaves_whole: bool = False

    def __bool__(self) -> bool:
        return self.skips_kept or self.leaves_parts or self.leaves_whole


NONE = Savings()


def savings_for(
    job: Job, wanted: Expected, layout: Layout, sink: Sink, *, is_cut_certain: bool
) -> Savings:
    """What can be left out.

    Args:
        job: What is moved.
        wanted: What is known of it.
        layout: How it is cut.
        sink: The open target.
        is_cut_certain: Whether the source's etag belongs to this very cut.
    """
    if sink.reads_back:
        return Savings(leaves_parts=wanted.md5 is not None and not job.sha256)
    if part_count(wanted.etag or "") != layout.count:
        return NONE
    needs_bytes = job.sha256 or wanted.md5 is None
    leaves_parts = is_cut_certain and sink.guards_way and not layout.is_streamed
    is_recorded = not job.source.is_remote and wanted.part_size_bytes is not None
    return Savings(
        skips_kept=bool(sink.kept) and not needs_bytes,
        leaves_parts=leaves_parts,
        leaves_whole=leaves_parts and is_recorded and not needs_bytes,
    )


def is_covered(wanted: Expected, sink: Sink, read: Read) -> bool:
    """Whether the proof that the savings counted on came out."""
    if sink.reads_back:
        return read.md5 is not None and read.md5 == wanted.md5
    return wanted.etag in read.etags
