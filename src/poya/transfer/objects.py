# SPDX-License-Identifier: Apache-2.0
"""S3 objects as sources and targets of the engine."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from poya.errors import Conflict, DataDamaged, NotFound, PoyaError, RequestRefused
from poya.transfer.etags import is_plain_md5, multipart_etag
from poya.transfer.etags import md5 as md5_of
from poya.transfer.guard import Guard, cleaning_guard
from poya.transfer.http import Body, StreamBody
from poya.transfer.jobs import (
    Expected,
    Held,
    Opening,
    OpenUpload,
    Sink,
    Target,
    Twin,
    UploadMemory,
)
from poya.transfer.layout import Layout, Part, is_cut_in_doubt
from poya.transfer.s3 import S3Store
from poya.transfer.s3errors import NoSuchUpload
from poya.transfer.s3values import ObjectHead, ObjectPlace
from poya.transfer.serverside import adopt, copy_in_parts

_PRECONDITION_FAILED = 412
_MAX_SENDS = 3


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
class ObjectSource:
    """An object to read.

    Attributes:
        store: The site's store.
        place: Bucket and key.
    """

    store: S3Store
    place: ObjectPlace

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

    def __str__(self) -> str:
        return f"{self.place} at {self.store.site}"


@dataclass(frozen=True, slots=True)
class ObjectTarget:
    """An object to write.

    Attributes:
        store: The site's store.
        place: Bucket and key.
    """

    store: S3Store
    place: ObjectPlace

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
            _abandon_uploads(self, opening.memory, guard)
            return SinglePutSink(self, opening.metadata)
        found = _continue_upload(self, layout, opening.memory, guard)
        upload_id, kept = found or (_begin_upload(self, layout, opening, guard), {})
        return MultipartSink(self, upload_id, kept, opening.memory)

    def __str__(self) -> str:
        return f"{self.place} at {self.store.site}"


class SinglePutSink:
    """An object that is written in one request; the store refuses bytes of another md5."""

    reads_back = False
    guards_way = False

    def __init__(self, target: ObjectTarget, metadata: Mapping[str, str]) -> None:
        self._target, self._metadata = target, metadata
        self._is_written = False
        self.kept: Mapping[int, str] = {}

    def read_back(self, part: Part, into: memoryview) -> None:
        """Never asked for."""
        raise NotImplementedError

    def write(self, part: Part, data: memoryview, md5: str | None, guard: Guard) -> str:  # noqa: ARG002
        """Write the object."""
        md5 = md5 or md5_of(data)
        self._put(data, md5, guard)
        return md5

    def write_stream(
        self,
        part: Part,  # noqa: ARG002
        body: StreamBody,
        md5: str | None,
        guard: Guard,
    ) -> str:
        """Write the object while it is read; its md5 is known beforehand."""
        if md5 is None:
            raise ValueError("a streamed object needs a known md5")
        self._put(body, md5, guard)
        return md5

    def publish(self, part_md5s: Sequence[str], guard: Guard) -> str:
        """Compare what the store holds."""
        return _confirmed(self._target, part_md5s[0], guard)

    def discard(self) -> None:
        """Delete the object if it was written."""
        if self._is_written:
            with cleaning_guard() as guard:
                self._target.store.delete(self._target.place, guard)

    def leave(self) -> None:
        """A single request leaves nothing to continue."""

    def _put(self, body: Body, md5: str, guard: Guard) -> None:
        target = self._target
        target.store.put(target.place, body, md5, self._metadata, guard)
        self._is_written = True


class MultipartSink:
    """An object that is written in parts."""

    reads_back = False

    def __init__(
        self,
        target: ObjectTarget,
        upload_id: str,
        kept: Mapping[int, str],
        memory: UploadMemory | None,
    ) -> None:
        self._target, self._upload_id, self._memory = target, upload_id, memory
        self._is_published = False
        self.guards_way = target.store.is_secure
        self.kept = kept

    def read_back(self, part: Part, into: memoryview) -> None:
        """Parts of an open upload cannot be read."""
        raise NotImplementedError

    def write(self, part: Part, data: memoryview, md5: str | None, guard: Guard) -> str:
        """Send a part until the store confirms its md5, if that is known here."""
        etag = self._send(part, data, md5, guard)
        if md5 is None and is_plain_md5(etag):
            return etag
        md5 = md5 or md5_of(data)
        for _ in range(_MAX_SENDS - 1):
            if etag == md5:
                return md5
            guard.retried(f"part {part.number} of {self._target}: etag {etag} is not {md5}", 0.0)
            etag = self._send(part, data, md5, guard)
        if etag == md5:
            return md5
        raise _damaged_at(self._target, f"part {part.number}", md5, etag)

    def write_stream(self, part: Part, body: StreamBody, md5: str | None, guard: Guard) -> str:
        """Send a part while it is read."""
        return self._send(part, body, md5, guard)

    def publish(self, part_md5s: Sequence[str], guard: Guard) -> str:
        """Complete the upload; the etag that HEAD tells then."""
        store, place = self._target.store, self._target.place
        self._is_published = True
        try:
            store.complete(place, self._upload_id, list(enumerate(part_md5s, 1)), guard)
        except NoSuchUpload:
            # Completed already, and the answer was lost? Then HEAD tells the right etag.
            if not _is_held(self._target, multipart_etag(part_md5s), guard):
                raise
        etag = _confirmed(self._target, multipart_etag(part_md5s), guard)
        self._forget()
        return etag

    def discard(self) -> None:
        """Abort the upload; delete the object if it was published already."""
        with cleaning_guard() as guard:
            if self._is_published:
                self._target.store.delete(self._target.place, guard)
            with contextlib.suppress(NoSuchUpload):
                self._target.store.abort(self._target.place, self._upload_id, guard)
        self._forget()

    def leave(self) -> None:
        """Keep the upload if the caller remembers it; abort it otherwise, if that can be done."""
        if self._memory is None:
            with contextlib.suppress(PoyaError), cleaning_guard() as guard:
                self._target.store.abort(self._target.place, self._upload_id, guard)

    def _send(self, part: Part, body: Body, md5: str | None, guard: Guard) -> str:
        store, place = self._target.store, self._target.place
        return store.upload_part(place, (self._upload_id, part.number), body, md5, guard)

    def _forget(self) -> None:
        if self._memory is not None:
            self._memory.forget(self._target.where, self._upload_id)


def _continue_upload(
    target: ObjectTarget, layout: Layout, memory: UploadMemory | None, guard: Guard
) -> tuple[str, Mapping[int, str]] | None:
    """The remembered upload that fits best; other remembered ones are aborted."""
    chosen: tuple[str, Mapping[int, str]] | None = None
    for upload, kept in _remembered(target, layout, memory, guard):
        if chosen is None and upload.part_size_bytes == layout.part_size_bytes:
            chosen = (upload.upload_id, kept)
        else:
            _abort_remembered(target, upload, memory, guard)
    return chosen


def _remembered(
    target: ObjectTarget, layout: Layout, memory: UploadMemory | None, guard: Guard
) -> Iterator[tuple[OpenUpload, Mapping[int, str]]]:
    sizes = {part.number: part.size_bytes for part in layout.parts()} if memory else {}
    for upload in memory.recall(target.where) if memory else ():
        try:
            parts = target.store.list_parts(target.place, upload.upload_id, guard)
        except NoSuchUpload:
            _forget(target, upload, memory)
            continue
        yield (
            upload,
            {
                part.number: part.etag
                for part in parts
                if part.size_bytes == sizes.get(part.number) and is_plain_md5(part.etag)
            },
        )


def _begin_upload(target: ObjectTarget, layout: Layout, opening: Opening, guard: Guard) -> str:
    store, place = target.store, target.place
    before = _open_uploads(target, guard)
    retries: list[str] = []

    def note(reason: str, wait_s: float) -> None:
        retries.append(reason)
        guard.retried(reason, wait_s)

    upload_id = store.create_multipart(place, opening.metadata, replace(guard, retried=note))
    if opening.memory is not None:
        upload = OpenUpload(upload_id, layout.part_size_bytes)
        opening.memory.remember(target.where, upload)
    if retries:
        _abort_strays(target, _open_uploads(target, guard) - before - {upload_id}, guard)
    return upload_id


def _open_uploads(target: ObjectTarget, guard: Guard) -> set[str]:
    uploads = target.store.list_uploads(target.place.bucket, target.place.key, guard)
    return {upload.upload_id for upload in uploads if upload.key == target.place.key}


def _abort_strays(target: ObjectTarget, strays: set[str], guard: Guard) -> None:
    """Abort what our repeated requests left; an upload with parts is somebody else's."""
    for upload_id in strays:
        with contextlib.suppress(NoSuchUpload):
            if not target.store.list_parts(target.place, upload_id, guard):
                target.store.abort(target.place, upload_id, guard)


def _abandon_uploads(target: ObjectTarget, memory: UploadMemory | None, guard: Guard) -> None:
    for upload in memory.recall(target.where) if memory else ():
        _abort_remembered(target, upload, memory, guard)


def _abort_remembered(
    target: ObjectTarget, upload: OpenUpload, memory: UploadMemory | None, guard: Guard
) -> None:
    with contextlib.suppress(NoSuchUpload):
        target.store.abort(target.place, upload.upload_id, guard)
    _forget(target, upload, memory)


def _forget(target: ObjectTarget, upload: OpenUpload, memory: UploadMemory | None) -> None:
    if memory is not None:
        memory.forget(target.where, upload.upload_id)


def _is_held(target: ObjectTarget, etag: str, guard: Guard) -> bool:
    try:
        return target.store.head(target.place, guard).etag == etag
    except NotFound:
        return False


def _confirmed(target: ObjectTarget, etag: str, guard: Guard) -> str:
    """Read the object's etag back. Raises `DataDamaged` if it is not the one computed here."""
    told = target.store.head(target.place, guard).etag
    if told != etag:
        raise _damaged_at(target, "the object", etag, told)
    return told


def _damaged_at(target: ObjectTarget, what: str, sent: str, told: str) -> DataDamaged:
    return DataDamaged(
        f"The target {target} holds other bytes than were sent to it ({what}).",
        why=f"The bytes sent have the etag {sent}; the object store tells {told or 'none'}.",
        todo="Have the target's object store checked, then run it again.",
    )
