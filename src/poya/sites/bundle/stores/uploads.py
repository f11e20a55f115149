# SPDX-License-Identifier: Apache-2.0
"""What an interrupted export left in a bucket: the bucket itself remembers it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from poya.transfer import NoSuchUpload, ObjectPlace, ObjectTarget, OpenUpload, S3Store


class UploadsThere:
    """The engine's memory of uploads, read from the store that holds them.

    The objects of a bundle have keys of their own, so an upload that is open for one of them is of
    an earlier attempt: it is continued if its parts fit, and else aborted.

    Args:
        store: Where they are.
        places: The objects that are to be written.
    """

    def __init__(self, store: S3Store, places: Iterable[ObjectPlace]) -> None:
        self._store = store
        self._places = {ObjectTarget(store, place).where: place for place in places}

    def remember(self, where: str, upload: OpenUpload) -> None:
        """The store does."""

    def recall(self, where: str) -> Sequence[OpenUpload]:
        """The uploads that are open for one object, the newest first."""
        place = self._places[where]
        found = self._store.list_uploads(place.bucket, place.key)
        ids = [upload.upload_id for upload in reversed(found) if upload.key == place.key]
        return [OpenUpload(id_, self._part_size(place, id_)) for id_ in ids]

    def forget(self, where: str, upload_id: str) -> None:
        """The store does."""

    def _part_size(self, place: ObjectPlace, upload_id: str) -> int:
        """The largest of its parts: the last one of an object may be smaller than the others."""
        try:
            parts = self._store.list_parts(place, upload_id)
        except NoSuchUpload:
            return 0
        return max((part.size_bytes for part in parts), default=0)
