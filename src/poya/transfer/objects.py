# SPDX-License-Identifier: Apache-2.0
"""S3 objects as sources and targets of the engine."""

from __future__ import annotations

from dataclasses import dataclass

from poya.errors import Conflict, NotFound, RequestRefused
from poya.transfer.delta import Assembler, Delta, chunked
from poya.transfer.etags import is_plain_md5
from poya.transfer.guard import Guard
from poya.transfer.layout import Layout, is_cut_in_doubt
from poya.transfer.ports import (
    Expected,
    Held,
    Opening,
    Sink,
    Target,
    Twin,
)
from poya.transfer.s3 import S3Store
from poya.transfer.s3values import ObjectHead, ObjectPlace
from poya.transfer.serverside import adopt, copy_in_parts
from poya.transfer.sinks import MultipartSink, SinglePutSink
from poya.transfer.uploads import abandon_uploads, begin_upload, continue_upload

_PRECONDITION_FAILED = 412


class ObjectReader:
    """An object that is being read; its etag keeps it the same object to the end."""

    def __init__(
        self, store: S3Store, place: ObjectPlace, head: ObjectHead, part_size_bytes: int | None
    ) -> None:
        self._store, self._place = store, place
        self.size_bytes = head.size_bytes
        self.etag = head.etag
        self.part_size_bytes = part_size_bytes

    def read_into(self, start: int, into: memoryview, guard: Guard) -> None:
        """Fill a buffer from `start`."""
        if not into:
            return
        try:
            self._store.get_range(self._place, start, into, guard, if_match=self.etag)
        except RequestRefused as error:
            if error.status != _PRECONDITION_FAILED:
                raise
            raise Conflict(
                f"{self._place} at {self._store.site} was replaced while it was read.",
                todo="Plan again from what is there now.",
            ) from error

    def close(self) -> None:
        """Nothing is held."""


@dataclass(frozen=True, slots=True)
class _StoredObject:
    """An object of a site.

    Attributes:
        store: The site's store.
        place: Bucket and key.
    """

    store: S3Store
    place: ObjectPlace

    def __str__(self) -> str:
        return f"{self.place} at {self.store.site}"


@dataclass(frozen=True, slots=True)
class ObjectSource(_StoredObject):
    """An object to read."""

    @property
    def is_remote(self) -> bool:
        """Objects come over the network."""
        return True

    def open(self, guard: Guard) -> ObjectReader:
        """Look at the object (HEAD), and at its first part if the etag leaves doubt of the cut."""
        head = self.store.head(self.place, guard)
        part_size = None
        if is_cut_in_doubt(head.size_bytes, head.etag):
            part_size = self.store.part_size(self.place, head.etag, guard)
        return ObjectReader(self.store, self.place, head, part_size)


@dataclass(frozen=True, slots=True)
class ObjectTarget(_StoredObject):
    """An object to write."""

    @property
    def is_object(self) -> bool:
        """Its etag depends on how it is cut."""
        return True

    @property
    def where(self) -> str:
        """How an `UploadMemory` knows the object."""
        return f"{self.store.site} {self.place}"

    def held(self, wanted: Expected, guard: Guard) -> Held | None:
        """What is there already (HEAD)."""
        try:
            head = self.store.head(self.place, guard)
        except NotFound:
            return None
        md5 = head.etag if is_plain_md5(head.etag) else head.metadata.get("md5sum")
        is_same = (head.etag and head.etag == wanted.etag) or (md5 and md5 == wanted.md5)
        is_equal = bool(is_same) and head.size_bytes == wanted.size_bytes
        return Held(head.size_bytes, head.etag, is_equal, md5)

    def adopt(self, twin: Twin, wanted: Expected, opening: Opening, guard: Guard) -> Held | None:
        """Have the store copy an object that it holds."""
        return adopt(self.store, (twin, self.place), wanted, opening, guard)

    def twin_for(self, other: Target, etag: str) -> Twin | None:
        """The object, for other objects of its store."""
        is_same_store = isinstance(other, ObjectTarget) and other.store is self.store
        return Twin(self.place, etag) if is_same_store else None

    def recut(self, layout: Layout, opening: Opening, guard: Guard) -> str:
        """Have the store put the object together anew, of ranges of itself."""
        return copy_in_parts(self.store, (self.place, self.place), layout, opening, guard)

    def open(self, layout: Layout, opening: Opening, guard: Guard) -> Sink:
        """Begin an upload, or continue one that the caller remembers."""
        if not layout.is_multipart:
            abandon_uploads(self, opening.memory, guard)
            return SinglePutSink(self, opening.metadata)
        found = continue_upload(self, layout, opening.memory, guard)
        upload_id, kept = found or (begin_upload(self, layout, opening, guard), {})
        sink = MultipartSink(self, upload_id, kept, opening.memory)
        return _chunked(sink, self, (upload_id, layout), opening.delta)


def _chunked(
    sink: Sink, target: ObjectTarget, upload: tuple[str, Layout], delta: Delta | None
) -> Sink:
    upload_id, layout = upload
    if delta is None or delta.ancestor is None:
        return chunked(sink, layout, delta)
    assembler = Assembler(target.store, delta.ancestor.twin, target.place, upload_id)
    return chunked(sink, layout, delta, assembler)
