# SPDX-License-Identifier: Apache-2.0
"""IMS v3: /deleted/...: what was deleted, and can be brought back."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from poya.lab.services.answers import no_content
from poya.lab.services.ims_collection import Collection
from poya.lab.services.ims_links import split_s3
from poya.lab.services.ims_schema import ims_body, require, undelete
from poya.lab.site import LabSite
from poya.lab.state import JsonObject, Records


class Deleted(Collection):
    """Records that were deleted, and can be brought back one by one or all at once."""

    async def restore(self, request: Request) -> Response:
        """Bring one back."""
        record = self._record(request)
        require(await ims_body(request), undelete(), "operation")
        await self._bring_back(record)
        return no_content()

    async def restore_all(self, request: Request) -> Response:
        """Bring all back."""
        require(await ims_body(request), undelete(), "operation")
        for record in list(self._records.values()):
            await self._bring_back(record)
        return no_content()

    def routes_at(self, base: str) -> list[Route]:
        """The paths of this part of IMS."""
        return self._routes(base, {"PATCH": self.restore_all}, {"PATCH": self.restore})

    async def _bring_back(self, record: JsonObject) -> None:
        raise NotImplementedError


class Discarded(Deleted):
    """The deleted records of one kind. Objects that they link to are moved as they go and come."""

    def __init__(self, site: LabSite, name: str, living: Records) -> None:
        super().__init__(site, site.state.kind(f"deleted_{name}"))
        self._name = name
        self._living = living

    def routes(self) -> list[Route]:
        """The paths of this part of IMS."""
        return self.routes_at(f"/v3/deleted/{self._name}")

    async def discard(self, record: JsonObject) -> None:
        """Put a record aside."""
        moved = await self._moved(record, to_deleted=True)
        self._records.put(record["id"], moved | {"deleted": self._now()})
        self._living.delete(record["id"])

    async def _bring_back(self, record: JsonObject) -> None:
        moved = await self._moved(record, to_deleted=False)
        self._living.put(record["id"], {k: v for k, v in moved.items() if k != "deleted"})
        self._records.delete(record["id"])

    async def _drop(self, record: JsonObject, request: Request) -> None:
        """For good, its object with it."""
        link = record.get("link") or {}
        if link:
            await self._site.objects.delete(*split_s3(link["path"]))
        await super()._drop(record, request)

    async def _moved(self, record: JsonObject, *, to_deleted: bool) -> JsonObject:
        link = record.get("link") or {}
        if not link:
            return record
        bucket, key = split_s3(link["path"])
        new_key = f"deleted/{key}" if to_deleted else key.removeprefix("deleted/")
        try:
            info = await self._site.objects.move(bucket, key, new_key)
        except KeyError:
            return record  # IMS only logs it
        return record | {"link": {**link, "path": f"s3://{bucket}/{new_key}", "etag": info.etag}}
