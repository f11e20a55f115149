# SPDX-License-Identifier: Apache-2.0
"""CFS: /components. One without `state` breaks every reading of it, as it does in CFS."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from poya.lab.life.configuring import Configuring
from poya.lab.services.answers import (
    Crash,
    Problem,
    complain,
    connexion_body,
    connexion_json,
    connexion_patches,
    json_answer,
    no_content,
    query_boolean,
)
from poya.lab.services.cfs_options import Options
from poya.lab.services.cfs_shapes import component_v2, component_v3
from poya.lab.services.cfs_status import configuration_status
from poya.lab.services.cfs_views import (
    next_page,
    page,
    tags_of,
    to_v2,
    to_v3,
    v2_page,
    v3_page_request,
    whole,
)
from poya.lab.services.schema import BOOLEAN, TEXT, Shape, array, patches
from poya.lab.services.times import cfs_time
from poya.lab.site import LabSite
from poya.lab.state import JsonObject

_FILTERS = {"enabled": BOOLEAN} | dict.fromkeys(("ids", "status", "config_name", "tags"), TEXT)


class Components:
    """What each component shall be configured with, and what it is."""

    def __init__(self, site: LabSite, options: Options) -> None:
        self._site = site
        self._options = options
        self._records = site.state.cfs_components
        self._batcher = Configuring(site)

    def routes(self) -> list[Route]:
        """The paths of this part of CFS."""
        v2, v3 = "/v2/components", "/v3/components"
        routes = [
            Route(v2, self.list_v2, methods=["GET"]),
            Route(v2, self.patch_many_v2, methods=["PATCH"]),
            Route(v2, self.put_many_v2, methods=["PUT"]),
            Route(f"{v2}/{{id}}", self.get_v2, methods=["GET"]),
            Route(f"{v2}/{{id}}", self.put_v2, methods=["PUT"]),
            Route(f"{v2}/{{id}}", self.patch_v2, methods=["PATCH"]),
            Route(f"{v2}/{{id}}", self.delete, methods=["DELETE"]),
        ]
        if self._site.profile.cfs_v3:
            routes += [
                Route(v3, self.list_v3, methods=["GET"]),
                Route(v3, self.patch_many_v3, methods=["PATCH"]),
                Route(v3, self.put_many_v3, methods=["PUT"]),
                Route(f"{v3}/{{id}}", self.get_v3, methods=["GET"]),
                Route(f"{v3}/{{id}}", self.put_v3, methods=["PUT"]),
                Route(f"{v3}/{{id}}", self.patch_v3, methods=["PATCH"]),
                Route(f"{v3}/{{id}}", self.delete, methods=["DELETE"]),
            ]
        return routes

    def want(self, configuration: str) -> bool:
        """Whether a component wants a configuration.

        Raises:
            Crash: A component has no `state`, whichever configuration it wants.
        """
        found = [self._with_status(component) for component in self._records.values()]
        return any(component.get("desired_config") == configuration for component in found)

    async def list_v2(self, request: Request) -> Response:
        """All components, if they fit one page."""
        keep = self._filter(_filters_of(request, "configName"))
        found, more = whole(self._site.profile, self._records, self._options.page_size, keep)
        return json_answer(
            v2_page([_layers_to_v2(self._with_status(c)) for c in found], more=more)
        )

    async def list_v3(self, request: Request) -> Response:
        """A page of components."""
        limit, after_id = v3_page_request(request, self._options.page_size)
        filters = _filters_of(request, "config_name")
        found, more = page(self._records, limit, after_id, self._filter(filters))
        details = bool(query_boolean(request, "state_details"))
        shown = [self._shown(component, state_details=details) for component in found]
        parameters = {
            "ids": filters.get("ids", ""),
            "status": filters.get("status", ""),
            "enabled": filters.get("enabled"),
            "config_name": filters.get("config_name", ""),
            "state_details": details,
            "config_details": bool(query_boolean(request, "config_details")),
            "tags": filters.get("tags", ""),
            "limit": limit,
        }
        following = next_page(shown, "id", more=more, parameters=parameters)
        return json_answer({"components": shown, "next": following})

    async def get_v2(self, request: Request) -> Response:
        """One component."""
        return json_answer(to_v2(_layers_to_v2(self._with_status(self._record(request)))))

    async def get_v3(self, request: Request) -> Response:
        """One component."""
        details = bool(query_boolean(request, "state_details"))
        return json_answer(self._shown(self._record(request), state_details=details))

    async def put_v2(self, request: Request) -> Response:
        """Create or replace a component."""
        given = to_v3(await connexion_body(request, component_v2()))
        if "state" not in given:
            raise Crash
        record = self._put(request.path_params["id"], _layers_to_v3(given))
        return json_answer(to_v2(_layers_to_v2(record)))

    async def put_v3(self, request: Request) -> Response:
        """Create or replace a component; `state` may be left out, and must not be."""
        given = await connexion_body(request, component_v3())
        return json_answer(self._put(request.path_params["id"], given))

    async def patch_v2(self, request: Request) -> Response:
        """Change a component."""
        record = self._record(request)
        patch = to_v3(await connexion_body(request, component_v2()))
        return json_answer(to_v2(_layers_to_v2(self._patch(record, patch))))

    async def patch_v3(self, request: Request) -> Response:
        """Change a component."""
        record = self._record(request)
        return json_answer(self._patch(record, await connexion_body(request, component_v3())))

    async def patch_many_v2(self, request: Request) -> Response:
        """Change several components, each in its way or all alike."""
        changed = await self._patch_many(request, component_v2(), to_v3)
        return json_answer([to_v2(_layers_to_v2(component)) for component in changed])

    async def patch_many_v3(self, request: Request) -> Response:
        """The same; only the ids are answered."""
        changed = await self._patch_many(request, component_v3(), lambda patch: patch)
        return json_answer({"component_ids": [component["id"] for component in changed]})

    async def put_many_v2(self, request: Request) -> Response:
        """Create or replace several components."""
        given = await self._given_many(request, component_v2())
        put = [self._put(c["id"], _layers_to_v3({"state": [], **to_v3(c)})) for c in given]
        return json_answer([to_v2(_layers_to_v2(component)) for component in put])

    async def put_many_v3(self, request: Request) -> Response:
        """The same; only the ids are answered."""
        given = await self._given_many(request, component_v3())
        return json_answer({"component_ids": [self._put(c["id"], c)["id"] for c in given]})

    async def _given_many(self, request: Request, shape: Shape) -> list[JsonObject]:
        value = await connexion_json(request)
        complain(value, array(shape))
        given = cast("list[JsonObject]", value)
        if not all("id" in component for component in given):
            raise Problem(400, "'id' is a required property")
        return given

    async def delete(self, request: Request) -> Response:
        """Delete a component."""
        self._records.delete(self._record(request)["id"])
        return no_content()

    def _record(self, request: Request) -> JsonObject:
        return self._existing(request.path_params["id"])

    def _existing(self, xname: str) -> JsonObject:
        record = self._records.get(xname)
        if record is None:
            raise Problem(
                404, f"Component {xname} could not be found", title="Component not found."
            )
        return record

    def _put(self, xname: str, given: JsonObject) -> JsonObject:
        record = self._stamped(given) | {"id": xname}
        self._records.put(xname, record)
        self._tell_batcher(record)
        return record

    def _tell_batcher(self, record: JsonObject) -> None:
        if record.get("enabled") and record.get("desired_config"):
            self._batcher.look_soon(self._site.clock())

    def _patch(self, record: JsonObject, patch: JsonObject) -> JsonObject:
        changed = record | self._stamped(patch) | {"id": record["id"]}
        appended = changed.pop("state_append", None)
        if appended is not None:
            appended = {"last_updated": cfs_time(self._site.clock()), **_layer_to_v3(appended)}
            changed["state"] = [
                layer for layer in changed.get("state", []) if not _same_layer(layer, appended)
            ] + [appended]
        tags = {**(record.get("tags") or {}), **(patch.get("tags") or {})}
        changed["tags"] = {name: value for name, value in tags.items() if value}
        self._records.put(record["id"], changed)
        self._tell_batcher(changed)
        return changed

    async def _patch_many(
        self, request: Request, shape: Shape, convert: Callable[[JsonObject], JsonObject]
    ) -> list[JsonObject]:
        body = await connexion_patches(request, *patches(shape, _FILTERS))
        if isinstance(body, list):
            found = [(self._existing(item["id"]), convert(item)) for item in body]
            return [self._patch(record, patch) for record, patch in found]
        patch = {k: v for k, v in convert(body["patch"]).items() if k != "id"}
        keep = self._filter(body["filters"])
        return [self._patch(c, patch) for c in list(self._records.values()) if keep(c)]

    def _stamped(self, given: JsonObject) -> JsonObject:
        for layer in given.get("state") or []:
            layer.setdefault("last_updated", cfs_time(self._site.clock()))
        wants = "desired_config" in given or given.get("state") == []
        return {"error_count": 0, **given} if wants else given

    def _filter(self, filters: JsonObject) -> Callable[[JsonObject], bool]:
        ids = [name for name in (filters.get("ids") or "").split(",") if name]
        statuses = [name for name in (filters.get("status") or "").split(",") if name]
        tags = tags_of(filters.get("tags") or "")

        def keep(component: JsonObject) -> bool:
            return (
                (not ids or component["id"] in ids)
                and filters.get("enabled") in (None, component.get("enabled"))
                and filters.get("config_name", "") in ("", None, component.get("desired_config"))
                and all(component.get("tags", {}).get(k) == v for k, v in tags)
                and (not statuses or self._status(component) in statuses)
            )

        return keep

    def _status(self, component: JsonObject) -> str:
        return str(self._with_status(component)["configuration_status"])

    def _with_status(self, component: JsonObject) -> JsonObject:
        if "state" not in component:
            raise Crash
        configuration = self._site.state.configurations.get(component.get("desired_config") or "")
        status = configuration_status(component, configuration, self._options.current())
        return component | {"configuration_status": status}

    def _shown(self, component: JsonObject, *, state_details: bool) -> JsonObject:
        shown = self._with_status(component)
        if self._options.current()["include_ara_links"]:
            shown["logs"] = f"https://ara.cmn.{self._site.domain}/hosts?name={component['id']}"
        if not state_details:
            del shown["state"]
        return shown


def _filters_of(request: Request, config_name: str) -> JsonObject:
    query = request.query_params
    return {
        "ids": query.get("ids", ""),
        "status": query.get("status", ""),
        "enabled": query_boolean(request, "enabled"),
        "config_name": query.get(config_name, ""),
        "tags": query.get("tags", ""),
    }


def _same_layer(one: JsonObject, other: JsonObject) -> bool:
    return all(one.get(field) == other.get(field) for field in ("clone_url", "playbook"))


def _layers_to_v2(component: JsonObject) -> JsonObject:
    if "state" not in component:
        raise Crash
    return component | {"state": [_layer_to_v2(layer) for layer in component["state"]]}


def _layers_to_v3(component: JsonObject) -> JsonObject:
    return component | {"state": [_layer_to_v3(layer) for layer in component["state"]]}


def _layer_to_v2(layer: JsonObject) -> JsonObject:
    status = layer.get("status", "applied")
    kept = {k: v for k, v in layer.items() if k != "status"}
    return kept if status == "applied" else kept | {"commit": f"{layer['commit']}_{status}"}


def _layer_to_v3(layer: JsonObject) -> JsonObject:
    commit, _, status = layer.get("commit", "").partition("_")
    return {**layer, "commit": commit, "status": status or layer.get("status", "applied")}
