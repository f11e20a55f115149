# SPDX-License-Identifier: Apache-2.0
"""Objects that are being written: in one request, or in parts."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from poya.errors import DataDamaged, NotFound, PoyaError
from poya.transfer.etags import is_plain_md5, multipart_etag
from poya.transfer.etags import md5 as md5_of
from poya.transfer.guard import Guard, cleaning_guard
from poya.transfer.http import Body, StreamBody
from poya.transfer.layout import Part
from poya.transfer.ports import UploadMemory
from poya.transfer.s3errors import NoSuchUpload

if TYPE_CHECKING:
    from poya.transfer.objects import ObjectTarget

_MAX_SENDS = 3


class SinglePutSink:
    """An object that is written in one request; the store refuses bytes of another md5."""

    reads_back = False
    guards_way = False
    copied_bytes = 0
    note = ""

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
    copied_bytes = 0
    note = ""

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
