# SPDX-License-Identifier: Apache-2.0
"""BOS: /v2/components. One that is enabled is looked at by BOS's operators."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from poya.lab.services.answers import (
    Problem,
    complain,
    connexion_body,
    connexion_json,
    connexion_patches,
    json_answer,
    no_content,
    query_boolean,
    query_integer,
)
from poya.lab.services.bos_merging import merge
from poya.lab.services.orders import by_key, scattered_records
from poya.lab.services.schema import TEXT, Shape, array, patches
from poya.lab.site import LabSite
from poya.lab.state import JsonObject

_POLLING_S = 15.0
_FILTERS = dict.fromkeys(("ids", "session"), TEXT)


class Components:
    """What BOS wants of each node and what it found."""

    def __init__(self, site: LabSite) -> None:
        self._site = site
        self._records = site.state.bos_components

    def routes(self) -> list[Route]:
        """The paths of this part of BOS."""
        base = "/v2/components"
        return [
            Route(base, self.list_all, methods=["GET"]),
            Route(base, self.patch_many, methods=["PATCH"]),
            Route(base, self.put_many, methods=["PUT"]),
            Route(f"{base}/{{id}}", self.get, methods=["GET"]),
            Route(f"{base}/{{id}}", self.put, methods=["PUT"]),
            Route(f"{base}/{{id}}", self.patch, methods=["PATCH"]),
            Route(f"{base}/{{id}}", self.delete, methods=["DELETE"]),
        ]

    async def list_all(self, request: Request) -> Response:
        """All components, or those that the query asks for; from CSM 1.7 in pages."""
        query = request.query_params
        keep = _filter({**query, "enabled": query_boolean(request, "enabled")})
        paged = self._site.profile.bos_component_paging
        every = by_key(self._records) if paged else scattered_records(self._records)
        found = [component for component in every if keep(component)]
        if paged:
            after = query.get("start_after_id", "")
            size = query_integer(request, "page_size", 0, minimum=0)
            found = [c for c in found if c["id"] > after][: size or None]
        return json_answer(found)

    async def get(self, request: Request) -> Response:
        """One component."""
        return json_answer(self._existing(request.path_params["id"]))

    async def put(self, request: Request) -> Response:
        """Create or replace a component."""
        xname = request.path_params["id"]
        return json_answer(self._put(xname, await connexion_body(request, Shape("object"))))

    async def put_many(self, request: Request) -> Response:
        """Create or replace several components."""
        given = await connexion_json(request)
        complain(given, array(Shape("object", properties={"id": TEXT}, required=("id",))))
        records = cast("list[JsonObject]", given)
        return json_answer([self._put(record["id"], record) for record in records])

    async def patch(self, request: Request) -> Response:
        """Change a component."""
        record = self._existing(request.path_params["id"])
        return json_answer(self._change(record, await connexion_body(request, Shape("object"))))

    async def patch_many(self, request: Request) -> Response:
        """Change several components, each in its way or all alike."""
        body = await connexion_patches(request, *patches(Shape("object"), _FILTERS))
        if isinstance(body, list):
            found = [(self._existing(patch["id"]), patch) for patch in body]
        else:
            keep = _filter(body["filters"])
            found = [(c, body["patch"]) for c in list(self._records.values()) if keep(c)]
        return json_answer([self._change(record, patch) for record, patch in found])

    async def delete(self, request: Request) -> Response:
        """Delete a component."""
        self._records.delete(self._existing(request.path_params["id"])["id"])
        return no_content()

    def _existing(self, xname: str) -> JsonObject:
        record = self._records.get(xname)
        if record is None:
            raise Problem(
                404,
                f"Component {xname} could not be found",
                title=self._site.profile.bos_not_found_title or "Component not found.",
            )
        return record

    def _put(self, xname: str, given: JsonObject) -> JsonObject:
        record = given | {"id": xname}
        self._records.put(xname, record)
        self._tell_operators(record)
        return record

    def _tell_operators(self, record: JsonObject) -> None:
        if record.get("enabled") and not self._site.agenda.awaits("boot-look"):
            wait_s = self._site.pace.of(_POLLING_S)
            self._site.agenda.schedule(self._site.clock() + wait_s, "boot-look")

    def _change(self, record: JsonObject, patch: JsonObject) -> JsonObject:
        changed = merge(record, patch) | {"id": record["id"]}
        self._records.put(record["id"], changed)
        self._tell_operators(changed)
        return changed


def _filter(wanted: JsonObject) -> Callable[[JsonObject], bool]:
    ids = [name for name in (wanted.get("ids") or "").split(",") if name]

    def keep(component: JsonObject) -> bool:
        status = component.get("status") or {}
        return (
            (not ids or component["id"] in ids)
            and wanted.get("enabled") in (None, component.get("enabled"))
            and wanted.get("session") in (None, "", component.get("session"))
            and wanted.get("phase") in (None, status.get("phase"))
            and wanted.get("status") in (None, "", status.get("status"))
        )

    return keep
