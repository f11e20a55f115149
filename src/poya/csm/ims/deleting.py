# SPDX-License-Identifier: Apache-2.0
"""Soft deletion, which IMS has for images, recipes and public keys alike."""

from __future__ import annotations

from dataclasses import replace
from types import EllipsisType
from typing import Generic, TypeVar

from poya.csm.http.calls import path_of
from poya.csm.http.channel import Channel
from poya.csm.records import Record, records_of
from poya.documents import Json

D = TypeVar("D", bound=Record)

# Deletes copy every object within S3 first: minutes for a large rootfs, without a byte sent.
_COPYING_S = 1800.0


class SoftDeleting(Generic[D]):
    """Records that move aside when deleted, until they are brought back or purged."""

    def __init__(self, channel: Channel, collection: str, deleted_kind: type[D]) -> None:
        self._channel = channel
        self._collection = collection
        self._deleted_kind = deleted_kind

    async def delete(self, record_id: str) -> None:
        """Delete softly: record and objects move aside. Takes minutes for a large rootfs.

        Raises:
            NotFound: There is none with that id.
        """
        await self._slowly("DELETE", f"/v3/{self._collection}{path_of(record_id)}")

    async def list_deleted(self) -> tuple[D, ...]:
        """All that are soft-deleted."""
        answer = await self._channel.get(f"/v3/deleted/{self._collection}")
        return records_of(self._deleted_kind, answer.rows(), answer)

    async def undelete(self, record_id: str) -> None:
        """Bring back what was soft-deleted, with the same id.

        Raises:
            NotFound: Nothing deleted has that id.
        """
        await self._slowly("PATCH", self._deleted(record_id), {"operation": "undelete"})

    async def purge(self, record_id: str) -> None:
        """Delete for good what was soft-deleted, its objects included.

        Raises:
            NotFound: Nothing deleted has that id.
        """
        await self._slowly("DELETE", self._deleted(record_id))

    def _deleted(self, record_id: str) -> str:
        return f"/v3/deleted/{self._collection}{path_of(record_id)}"

    async def _slowly(self, method: str, path: str, body: Json | EllipsisType = ...) -> None:
        call = self._channel.call(method, path, body=body)
        await self._channel.send(replace(call, timeout_s=_COPYING_S))
