# SPDX-License-Identifier: Apache-2.0
"""CFS: /configurations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from poya.lab.life.configuring import Configuring
from poya.lab.ports import GitFailed
from poya.lab.services.answers import (
    Crash,
    Problem,
    connexion_body,
    json_answer,
    no_content,
    query_boolean,
)
from poya.lab.services.cfs_components import Components
from poya.lab.services.cfs_options import Options
from poya.lab.services.cfs_shapes import NAME_LIMIT, configuration_v2, configuration_v3
from poya.lab.services.cfs_views import (
    next_page,
    page,
    to_v2,
    to_v3,
    v2_page,
    v3_page_request,
    whole,
)
from poya.lab.services.tenancy import existing_tenant, tenant_of
from poya.lab.services.times import cfs_time
from poya.lab.site import LabSite
from poya.lab.state import JsonObject


class Configurations:
    """Configurations, kept in v3 form."""

    def __init__(self, site: LabSite, options: Options, components: Components) -> None:
        self._site = site
        self._options = options
        self._components = components
        self._records = site.state.configurations
        self._batcher = Configuring(site)

    def routes(self) -> list[Route]:
        """The paths of this part of CFS."""
        v2, v3 = "/v2/configurations", "/v3/configurations"
        routes = [
            Route(v2, self.list_v2, methods=["GET"]),
            Route(f"{v2}/{{name}}", self.get_v2, methods=["GET"]),
            Route(f"{v2}/{{name}}", self.put_v2, methods=["PUT"]),
            Route(f"{v2}/{{name}}", self.patch_v2, methods=["PATCH"]),
            Route(f"{v2}/{{name}}", self.delete, methods=["DELETE"]),
        ]
        if self._site.profile.cfs_v3:
            routes += [
                Route(v3, self.list_v3, methods=["GET"]),
                Route(f"{v3}/{{name}}", self.get_v3, methods=["GET"]),
                Route(f"{v3}/{{name}}", self.put_v3, methods=["PUT"]),
                Route(f"{v3}/{{name}}", self.patch_v3, methods=["PATCH"]),
                Route(f"{v3}/{{name}}", self.delete_v3, methods=["DELETE"]),
            ]
        return routes

    async def list_v2(self, request: Request) -> Response:
        """All configurations, if they fit one page."""
        keep = self._in_use_filter(query_boolean(request, "in_use"))
        found, more = whole(self._site.profile, self._records, self._options.page_size, keep)
        return json_answer(v2_page(found, more=more))

    async def list_v3(self, request: Request) -> Response:
        """A page of configurations; a tenant's own ones for a tenant."""
        tenant = self._tenant(request)
        limit, after_id = v3_page_request(request, self._options.page_size)
        in_use = query_boolean(request, "in_use")
        used = self._in_use_filter(in_use)

        def keep(record: JsonObject) -> bool:
            mine = tenant is None or record.get("tenant_name", "") == tenant
            return mine and (used is None or used(record))

        found, more = page(self._records, limit, after_id, keep)
        parameters = {"in_use": in_use, "limit": limit}
        following = next_page(found, "name", more=more, parameters=parameters)
        return json_answer({"configurations": found, "next": following})

    async def get_v2(self, request: Request) -> Response:
        """One configuration, whoever owns it."""
        return json_answer(to_v2(self._record(request)))

    async def get_v3(self, request: Request) -> Response:
        """One configuration."""
        tenant = self._tenant(request)
        record = self._record(request)
        _require_owner(record, tenant)
        return json_answer(record)

    async def put_v2(self, request: Request) -> Response:
        """Create or replace a configuration."""
        given = to_v3(await connexion_body(request, configuration_v2(self._site.profile)))
        for layer in _layers(given):
            if "branch" in layer and "commit" in layer:
                raise _both("branch or commit", "Error handling error branches")
        return json_answer(to_v2(await self._store(request, given)))

    async def put_v3(self, request: Request) -> Response:
        """Create or replace a configuration, in silence."""
        _require_short_name(request)
        tenant = self._tenant(request)
        given = await connexion_body(request, configuration_v3(self._site.profile))
        existing = self._records.get(request.path_params["name"])
        if existing is not None:
            _require_owner(existing, tenant)
        if tenant is not None:
            _require_same_owner(given, tenant)
            given["tenant_name"] = tenant
        for layer in _layers(given):
            self._require_one_origin(layer)
        drop = bool(query_boolean(request, "drop_branches"))
        return json_answer(await self._store(request, given, drop_branches=drop))

    async def patch_v2(self, request: Request) -> Response:
        """Resolve the branches again."""
        return json_answer(to_v2(await self._refresh(self._record(request))))

    async def patch_v3(self, request: Request) -> Response:
        """Resolve the branches again."""
        tenant = self._tenant(request)
        record = self._record(request)
        _require_owner(record, tenant)
        return json_answer(await self._refresh(record))

    async def delete(self, request: Request) -> Response:
        """Delete a configuration that no component wants."""
        name = self._record(request)["name"]
        self._require_unused(name)
        self._records.delete(name)
        return no_content()

    async def delete_v3(self, request: Request) -> Response:
        """The same, for the owner: whether it is in use is asked first."""
        record = self._record(request)
        self._require_unused(record["name"])
        if self._site.profile.cfs_tenants:
            _require_owner(record, tenant_of(request))
        self._records.delete(record["name"])
        return no_content()

    def _require_unused(self, name: str) -> None:
        if self._components.want(name):
            raise Problem(
                400,
                f"Configuration {name} is referenced by the desired state ofsome components",
                title="Configuration is in use.",
            )

    def _record(self, request: Request) -> JsonObject:
        name = request.path_params["name"]
        record = self._records.get(name)
        if record is None:
            raise Problem(
                404, f"Configuration {name} could not be found", title="Configuration not found"
            )
        return record

    def _tenant(self, request: Request) -> str | None:
        if not self._site.profile.cfs_tenants:
            return None
        return existing_tenant(self._site, request)

    def _in_use_filter(self, in_use: bool | None) -> Callable[[JsonObject], bool] | None:  # noqa: FBT001
        """CFS looks for used names in a field that components no longer have: none is used."""
        return None if in_use is None else lambda _record: not in_use

    def _require_one_origin(self, layer: JsonObject) -> None:
        if "clone_url" in layer and "source" in layer:
            raise _both("source or clone_url", "Error handling source")
        if "clone_url" not in layer and "source" not in layer:
            raise Problem(
                400,
                "Either source or clone_url must be specified for each layer.",
                title="Error handling source",
            )
        if layer.get("source") and layer["source"] not in self._site.state.sources:
            raise Problem(
                400,
                f"The source {layer['source']} does not exist.",
                title="Source does not exist",
            )
        if "branch" in layer and "commit" in layer:
            raise _both("branch or commit", "Error handling branches")

    async def _store(
        self, request: Request, given: JsonObject, *, drop_branches: bool = False
    ) -> JsonObject:
        given["last_updated"] = cfs_time(self._site.clock())
        await self._resolve_branches(given)
        _require_distinct(given["layers"])
        if drop_branches:
            for layer in _layers(given):
                layer.pop("branch", None)
        name: str = request.path_params["name"]
        record = given | {"name": name}
        self._records.put(name, record)
        self._batcher.look_soon(self._site.clock())
        return record

    async def _refresh(self, record: JsonObject) -> JsonObject:
        record["last_updated"] = cfs_time(self._site.clock())
        await self._resolve_branches(record)
        self._records.put(record["name"], record)
        return record

    async def _resolve_branches(self, given: JsonObject) -> None:
        """Find the commit of each branch, by cloning: commits given as such are not looked at."""
        for layer in _layers(given):
            if "branch" not in layer:
                continue
            url = self._clone_url(layer)
            try:
                layer["commit"] = await self._site.git.resolve_branch(url, layer["branch"])
            except GitFailed as error:
                raise Problem(
                    400,
                    f"Failed interacting with the specified clone_url: {error}",
                    title="Error converting branch name to commit",
                ) from error

    def _clone_url(self, layer: JsonObject) -> str:
        source = self._site.state.sources.get(layer.get("source", ""))
        return str(source["clone_url"] if source else layer.get("clone_url", ""))


def _layers(given: JsonObject) -> Iterator[dict[str, Any]]:
    layers = given.get("layers")
    if not isinstance(layers, list):
        raise Crash
    yield from layers
    if given.get("additional_inventory"):
        yield given["additional_inventory"]


def _require_short_name(request: Request) -> None:
    name = request.path_params["name"]
    if len(name) > NAME_LIMIT:
        raise Problem(400, f"{name!r} is too long")


def _require_distinct(layers: list[JsonObject]) -> None:
    seen = set()
    for layer in layers:
        key = (layer.get("clone_url", layer.get("source")), layer.get("playbook"))
        if key in seen:
            raise Problem(
                400,
                "Two or more layers apply the same playbook from the same repo, but have "
                "different commit ids.",
                title="Error with conflicting layers",
            )
        seen.add(key)


def _require_owner(record: JsonObject, tenant: str | None) -> None:
    if tenant is not None and record.get("tenant_name", "") != tenant:
        raise Problem(
            403,
            "Tenant does not own the requested resources and is forbidden from making changes.",
            title="Forbidden operation.",
        )


def _require_same_owner(given: JsonObject, tenant: str) -> None:
    if given.get("tenant_name") and given["tenant_name"] != tenant:
        raise Problem(
            403,
            "Modification to existing field 'tenant_name' is not permitted.",
            title="Forbidden operation.",
        )


def _both(what: str, title: str) -> Problem:
    return Problem(400, f"Only {what} should be specified for each layer, not both.", title=title)
