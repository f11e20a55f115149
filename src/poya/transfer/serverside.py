# SPDX-License-Identifier: Apache-2.0
"""Objects that a store makes of what it holds: no byte leaves it."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor

from poya.errors import NotFound, PoyaError, RequestRefused
from poya.transfer.etags import MAX_PART_BYTES
from poya.transfer.guard import Guard, cleaning_guard
from poya.transfer.layout import Layout, Part
from poya.transfer.ports import Expected, Held, Opening, Twin
from poya.transfer.s3 import S3Store
from poya.transfer.s3values import ObjectPlace

_AT_ONCE = 4


def adopt(
    store: S3Store,
    ends: tuple[Twin, ObjectPlace],
    wanted: Expected,
    opening: Opening,
    guard: Guard,
) -> Held | None:
    """Copy an object that the store holds to another key, if it is still what its record says.

    Returns:
        The copy, with the etag of what it is a copy of; None if the object changed or is gone, if
        it is too large for one copy, or if the copy has another etag (then it is deleted again).
    """
    twin, target = ends
    try:
        head = store.head(twin.place, guard)
        if head.etag != twin.etag or head.size_bytes != wanted.size_bytes:
            return None
        if head.size_bytes > MAX_PART_BYTES:
            return None
        store.copy_object(twin.place, target, opening.metadata, guard, if_match=twin.etag)
    except (NotFound, RequestRefused):
        return None
    copied = store.head(target, guard)
    if (copied.etag, copied.size_bytes) != (head.etag, head.size_bytes):
        store.delete(target, guard)
        return None
    return Held(copied.size_bytes, copied.etag, is_equal=True, md5=wanted.md5)


def copy_in_parts(
    store: S3Store,
    ends: tuple[ObjectPlace, ObjectPlace],
    layout: Layout,
    opening: Opening,
    guard: Guard,
) -> str:
    """Make an object of ranges of another (or of itself), cut as the layout says; its etag."""
    source, target = ends
    upload_id = store.create_multipart(target, opening.metadata, guard)

    def copy(part: Part) -> tuple[int, str]:
        last = part.start + part.size_bytes - 1
        upload = (upload_id, part.number)
        return part.number, store.upload_part_copy(
            source, (part.start, last), target, upload, guard
        )

    try:
        with ThreadPoolExecutor(_AT_ONCE, "poya-copy") as threads:
            parts = list(threads.map(copy, layout.parts()))
        store.complete(target, upload_id, parts, guard)
    except BaseException:
        with contextlib.suppress(PoyaError), cleaning_guard() as cleaning:
            store.abort(target, upload_id, cleaning)
        raise
    return store.head(target, guard).etag
