# SPDX-License-Identifier: Apache-2.0
"""The ports that the engine moves bytes through: sources, targets, and what they are told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from poya.transfer.guard import Guard
from poya.transfer.http import StreamBody
from poya.transfer.layout import Layout, Part
from poya.transfer.s3values import ObjectPlace

if TYPE_CHECKING:
    from poya.transfer.delta import Delta


@dataclass(frozen=True, slots=True)
class Expected:
    """What is known of an artifact before it is read (from the IMS manifest or a bundle's index).

    Attributes:
        size_bytes: None if not known.
        md5: Of the whole, in hex; None if not known.
        etag: The S3 etag it had at its origin. For file sources it decides how the target object
            is cut; for objects what the store says of the object counts instead, since manifests
            may be stale (IMS undelete).
        part_size_bytes: How it was cut there; None if not known.
    """

    size_bytes: int | None = None
    md5: str | None = None
    etag: str | None = None
    part_size_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Twin:
    """An object that the target's own store holds, and whose record promises the wanted bytes.

    Attributes:
        place: Where it is.
        etag: What the store told of it when its record was read.
    """

    place: ObjectPlace
    etag: str


@dataclass(frozen=True, slots=True)
class OpenUpload:
    """A multipart upload that a run of ours began.

    Attributes:
        upload_id: Its id.
        part_size_bytes: How it cuts the object.
    """

    upload_id: str
    part_size_bytes: int


class UploadMemory(Protocol):
    """The caller's durable record of uploads that are under way; called from worker threads.

    `where` names one target object of one site, as in `alps s3://boot-images/<id>/rootfs`.
    """

    def remember(self, where: str, upload: OpenUpload) -> None:
        """Record an upload; durable when this returns."""
        ...

    def recall(self, where: str) -> Sequence[OpenUpload]:
        """All recorded uploads of an object, newest first."""
        ...

    def forget(self, where: str, upload_id: str) -> None:
        """Drop a record; absent is fine."""
        ...


@dataclass(frozen=True, slots=True)
class Held:
    """What a target already holds under the wanted name.

    Attributes:
        size_bytes: Its length.
        etag: As the store tells it; for a file, the wanted etag if its bytes have it.
        is_equal: Whether it proved to be what is wanted.
        md5: Of the whole, if known.
        sha256: If it was computed.
        part_size_bytes: How the etag cuts it, if known.
    """

    size_bytes: int
    etag: str
    is_equal: bool
    md5: str | None = None
    sha256: str | None = None
    part_size_bytes: int | None = None


class Reader(Protocol):
    """An open source. `read_into` may be called from many threads at once."""

    @property
    def size_bytes(self) -> int:
        """The length, fixed when it was opened."""
        ...

    @property
    def etag(self) -> str:
        """The store's etag; empty for files."""
        ...

    @property
    def part_size_bytes(self) -> int | None:
        """How the store says that the object was cut; None if it does not say."""
        ...

    def read_into(self, start: int, into: memoryview, guard: Guard) -> None:
        """Fill a buffer from `start`. Raises `Conflict` if the source changed since opening."""
        ...

    def close(self) -> None:
        """Let go of it. Raises `Conflict` if it changed while it was read."""
        ...


class Source(Protocol):
    """Where an artifact comes from."""

    @property
    def is_remote(self) -> bool:
        """Whether its bytes come over the network."""
        ...

    def open(self, guard: Guard) -> Reader:
        """Begin to read. Raises `NotFound` if it is not there."""
        ...

    def __str__(self) -> str:
        """As messages name it."""
        ...


class Sink(Protocol):
    """An open target that is being written. Methods may be called from many threads at once."""

    @property
    def kept(self) -> Mapping[int, str]:
        """Parts that an earlier run left there: number to md5, or to a local file's checksum."""
        ...

    @property
    def reads_back(self) -> bool:
        """Whether kept parts can be read from here cheaply."""
        ...

    @property
    def copied_bytes(self) -> int:
        """What did not have to be sent, because the target copied it."""
        ...

    @property
    def note(self) -> str:
        """What people should know of how it was written; usually empty."""
        ...

    @property
    def guards_way(self) -> bool:
        """Whether bytes that are damaged on their way there are noticed at once (TLS)."""
        ...

    def read_back(self, part: Part, into: memoryview) -> None:
        """Read a kept part."""
        ...

    def write(self, part: Part, data: memoryview, md5: str | None, guard: Guard) -> str:
        """Write a part from one buffer; the md5 of what the target received.

        Args:
            part: The part.
            data: Its bytes.
            md5: Theirs, to be compared with the target's. None if that was not computed here:
                the caller compares the md5s of all parts, or that of the whole, in the end. A
                local file tells a checksum then.
            guard: The stop.
        """
        ...

    def write_stream(self, part: Part, body: StreamBody, md5: str | None, guard: Guard) -> str:
        """Write a part larger than a buffer; the md5 of what the target received.

        Args:
            part: The part, or the whole object.
            body: Its bytes, which may be asked for again.
            md5: If it is known beforehand.
            guard: The stop.
        """
        ...

    def publish(self, part_md5s: Sequence[str], guard: Guard) -> str:
        """Make the target visible under its name; its etag, read back and compared.

        A file has none: empty.
        """
        ...

    def discard(self) -> None:
        """Leave nothing behind: what was written is damaged. Raises what keeps it from that."""
        ...

    def leave(self) -> None:
        """Let go, and leave what a later run can continue."""
        ...


class Target(Protocol):
    """Where an artifact goes to."""

    @property
    def is_object(self) -> bool:
        """Whether its etag depends on how it is cut."""
        ...

    def held(self, wanted: Expected, guard: Guard) -> Held | None:
        """What is there already; None if nothing is."""
        ...

    def adopt(self, twin: Twin, wanted: Expected, opening: Opening, guard: Guard) -> Held | None:
        """Make it of an object that the store holds already; None if that cannot be done."""
        ...

    def twin_for(self, other: Target, etag: str) -> Twin | None:
        """Itself, once it is written, for another target of the same store; None elsewhere."""
        ...

    def recut(self, layout: Layout, opening: Opening, guard: Guard) -> str:
        """Cut the published object anew, without its bytes leaving the store; the new etag."""
        ...

    def open(self, layout: Layout, opening: Opening, guard: Guard) -> Sink:
        """Begin or continue to write."""
        ...

    def __str__(self) -> str:
        """As messages name it."""
        ...


@dataclass(frozen=True, slots=True)
class Opening:
    """What a target needs to know when it is opened.

    Attributes:
        source_etag: Identifies the source's bytes, so that only an upload or a partial file of
            the same bytes is continued; empty if unknown.
        metadata: For the target object.
        memory: The caller's record of uploads; None if nothing is to be continued later.
        delta: How it may be made of an older version; None to send everything.
    """

    source_etag: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    memory: UploadMemory | None = None
    delta: Delta | None = None
