# SPDX-License-Identifier: Apache-2.0
"""IMS v3: /deleted/recipes and /deleted/public-keys: what was deleted, and can be brought back."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from poya.lab.services.answers import Problem, encoded_answer, json_answer, no_content
from poya.lab.services.ims_links import split_s3
from poya.lab.services.ims_schema import choice, ims_body, require
from poya.lab.services.times import ims_time
from poya.lab.site import LabSite
from poya.lab.state import JsonObject, Records

_MISSING = "Requested resource does not exist. Re-run request with valid ID."


class Discarded:
    """The deleted records of one kind. Objects that they link to are moved as they go and come."""

    def __init__(self, site: LabSite, name: str, records: Records) -> None:
        self._site = site
        self._name = name
        self._records = records
        self._deleted = site.state.kind(f"deleted_{name}")

    def routes(self) -> list[Route]:
        """The paths of this part of IMS."""
        base = f"/v3/deleted/{self._name}"
        return [
            Route(base, self.list_all, methods=["GET"]),
            Route(base, self.restore_all, methods=["PATCH"]),
            Route(base, self.purge_all, methods=["DELETE"]),
            Route(f"{base}/{{id}}", self.get, methods=["GET"]),
            Route(f"{base}/{{id}}", self.restore, methods=["PATCH"]),
            Route(f"{base}/{{id}}", self.purge, methods=["DELETE"]),
        ]

    async def discard(self, record: JsonObject) -> None:
        """Put a record aside."""
        now = ims_time(self._site.clock(), zone=self._site.profile.ims_times_have_zone)
        moved = await self._moved(record, to_deleted=True)
        self._deleted.put(record["id"], moved | {"deleted": now})
        self._records.delete(record["id"])

    async def list_all(self, _request: Request) -> Response:
        """All that were deleted."""
        return encoded_answer(self._deleted.encoded())

    async def get(self, request: Request) -> Response:
        """One of them."""
        return json_answer(self._record(request))

    async def restore(self, request: Request) -> Response:
        """Bring one back."""
        record = self._record(request)
        await _require_undelete(request)
        await self._bring_back(record)
        return no_content()

    async def restore_all(self, request: Request) -> Response:
        """Bring all back."""
        await _require_undelete(request)
        for record in list(self._deleted.values()):
            await self._bring_back(record)
        return no_content()

    async def purge(self, request: Request) -> Response:
        """Delete one for good, its objects with it."""
        await self._forget(self._record(request))
        return no_content()

    async def purge_all(self, _request: Request) -> Response:
        """Delete all for good."""
        for record in list(self._deleted.values()):
            await self._forget(record)
        return no_content()

    async def _bring_back(self, record: JsonObject) -> None:
        moved = await self._moved(record, to_deleted=False)
        self._records.put(record["id"], {k: v for k, v in moved.items() if k != "deleted"})
        self._deleted.delete(record["id"])

    async def _forget(self, record: JsonObject) -> None:
        link = record.get("link") or {}
        if link:
            await self._site.objects.delete(*split_s3(link["path"]))
        self._deleted.delete(record["id"])

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

    def _record(self, request: Request) -> JsonObject:
        record = self._deleted.get(request.path_params["id"])
        if record is None:
            raise Problem(404, _MISSING)
        return record


async def _require_undelete(request: Request) -> None:
    body = await ims_body(request)
    require(body, {"operation": choice("undelete")}, "operation")
