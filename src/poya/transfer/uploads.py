# SPDX-License-Identifier: Apache-2.0
"""Which upload an object is written through: a remembered one or a new one; strays go."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from poya.transfer.etags import is_plain_md5
from poya.transfer.guard import Guard
from poya.transfer.layout import Layout
from poya.transfer.ports import Opening, OpenUpload, UploadMemory
from poya.transfer.s3errors import NoSuchUpload

if TYPE_CHECKING:
    from poya.transfer.objects import ObjectTarget


def continue_upload(
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


def begin_upload(target: ObjectTarget, layout: Layout, opening: Opening, guard: Guard) -> str:
    """A new upload, remembered; what repeated requests began besides is aborted."""
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


def abandon_uploads(target: ObjectTarget, memory: UploadMemory | None, guard: Guard) -> None:
    """Abort all remembered uploads of an object."""
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
