# SPDX-License-Identifier: Apache-2.0
"""What is to be moved, what may be used for it, and what came of it."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from poya.transfer.chunking import ChunkStore
from poya.transfer.delta import Delta, Mode
from poya.transfer.etags import MIB
from poya.transfer.pacing import Pace
from poya.transfer.ports import Expected, Source, Target, Twin


@dataclass(frozen=True, slots=True)
class Job:
    """One artifact to move.

    Attributes:
        name: As events and results name it.
        source: Where from.
        target: Where to.
        expected: What it must turn out to be.
        metadata: For the target object, such as `md5sum`.
        replaces: Whether another object or file under the target's name may be replaced.
        sha256: Whether sha256 is wanted too (bundles keep it); all bytes are read then.
        twin: What the target's store holds of the same bytes; copied there if possible.
        delta: How it may be made of an older version at the target; None to send everything.
    """

    name: str
    source: Source
    target: Target
    expected: Expected = field(default_factory=Expected)
    metadata: Mapping[str, str] = field(default_factory=dict)
    replaces: bool = False
    sha256: bool = False
    twin: Twin | None = None
    delta: Delta | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """What a copy may use.

    Attributes:
        parallel: At most so many readers, and as many writers; how many pay is found out.
        memory_bytes: All buffers of all jobs together (`buffers_within` tells what is left for
            them of a process's memory).
        pace: How fast bytes may move. They are counted where they leave a site's store, or enter
            one if the source is a file.
        objects: Artifacts that are worked on at once.
        delta: Whether rebuilt files may be made of older versions at the target.
        chunks: What is in mind of files that were moved before; None keeps nothing in mind.
    """

    parallel: int = 16
    memory_bytes: int = 160 * MIB
    pace: Pace = field(default_factory=Pace)
    objects: int = 4
    delta: Mode = "auto"
    chunks: ChunkStore | None = None


class Proof(enum.StrEnum):
    """What shows that the target holds the source's bytes."""

    MD5 = "md5"
    """The whole's md5 is the expected one."""
    ETAG = "etag"
    """Cut as the source was, the bytes have the source's etag."""
    COPY = "copy"
    """The target's store made it of an object that its own records say to be the same."""
    PARTS = "parts"
    """Each part arrived as it was read; the source names no digest to compare with."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a job.

    Attributes:
        name: The job's.
        size_bytes: Of the artifact.
        etag: The target object's, read back; for a file the one it had or would have as an object
            cut by `part_size_bytes`.
        md5: Of the whole; None only where a reused target proves its equality otherwise.
        sha256: If it was asked for and the bytes were read.
        part_size_bytes: How the etag cuts the object; None for a plain md5 or if not known.
        moved_bytes: Written to the target in this run.
        kept_bytes: Found there from an earlier run.
        is_reused: The target was complete before this run.
        proof: What shows its equality.
        copied_bytes: Not sent, because the target's store copied what it had.
        note: What people should know of how it was moved; usually empty.
    """

    name: str
    size_bytes: int
    etag: str
    md5: str | None
    sha256: str | None
    part_size_bytes: int | None
    moved_bytes: int
    kept_bytes: int
    is_reused: bool
    proof: Proof
    copied_bytes: int = 0
    note: str = ""
