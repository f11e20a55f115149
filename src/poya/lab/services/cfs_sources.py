# SPDX-License-Identifier: Apache-2.0
"""CFS: /sources. Passwords go in and never come out; the lab does not even keep them."""

from __future__ import annotations

import uuid
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from poya.lab.services.answers import (
    Problem,
    connexion_body,
    json_answer,
    no_content,
    query_boolean,
)
from poya.lab.services.cfs_options import Options
from poya.lab.services.cfs_shapes import source_created, source_patched, source_restored
from poya.lab.services.cfs_views import next_page, page, v3_page_request
from poya.lab.services.times import cfs_time
from poya.lab.site import LabSite
from poya.lab.state import JsonObject


class Sources:
    """Git servers outside the site."""

    def __init__(self, site: LabSite, options: Options) -> None:
        self._site = site
        self._options = options
        self._records = site.state.sources

    def routes(self) -> list[Route]:
        """The paths of this part of CFS. A source's name may be a URL."""
        base, one = "/v3/sources", "/v3/sources/{name:path}"
        routes = [
            Route(base, self.list_all, methods=["GET"]),
            Route(base, self.create, methods=["POST"]),
            Route(one, self.get, methods=["GET"]),
            Route(one, self.patch, methods=["PATCH"]),
            Route(one, self.delete, methods=["DELETE"]),
        ]
        if self._site.profile.cfs_source_restore:
            routes.append(Route(one, self.restore, methods=["POST"]))
        return routes

    async def list_all(self, request: Request) -> Response:
        """A page of sources."""
        limit, after_id = v3_page_request(request, self._options.page_size)
        in_use = query_boolean(request, "in_use")
        used = self._used()

        def keep(source: JsonObject) -> bool:
            return in_use is None or (source["name"] in used) == in_use

        found, more = page(self._records, limit, after_id, keep)
        parameters = {"in_use": in_use, "limit": limit}
        following = next_page(found, "name", more=more, parameters=parameters)
        return json_answer({"sources": found, "next": following})

    async def get(self, request: Request) -> Response:
        """One source."""
        return json_answer(self._record(request))

    async def create(self, request: Request) -> Response:
        """Create a source."""
        given = await connexion_body(request, source_created())
        given["name"] = given.get("name") or given["clone_url"]
        given["credentials"] = {
            "authentication_method": "password",
            "secret_name": f"cfs-source-credentials-{uuid.uuid4()}",
        }
        return self._create(given)

    async def restore(self, request: Request) -> Response:
        """Create a source whose secret exists already."""
        given = await connexion_body(request, source_restored())
        return self._create(given | {"name": unquote(request.path_params["name"])})

    async def patch(self, request: Request) -> Response:
        """Change a source."""
        record = self._record(request)
        given = await connexion_body(request, source_patched())
        credentials = given.pop("credentials", None)
        if credentials and not (credentials.get("username") and credentials.get("password")):
            raise Problem(
                400,
                "Both username and password must be provided for password authentication "
                "credentials",
                title="Invalid credentials",
            )
        changed = record | given | {"last_updated": cfs_time(self._site.clock())}
        self._records.put(record["name"], changed)
        return json_answer(changed)

    async def delete(self, request: Request) -> Response:
        """Delete a source that no configuration names."""
        name = unquote(request.path_params["name"])
        if name in self._used():
            raise Problem(
                400,
                f"Source {name} is referenced by some configurations",
                title="Source is in use.",
            )
        self._records.delete(self._record(request)["name"])
        return no_content()

    def _create(self, source: JsonObject) -> Response:
        if source["name"] in self._records:
            raise Problem(
                409,
                f"A source with the name {source['name']} already exists",
                title="Conflicting source name",
            )
        source["last_updated"] = cfs_time(self._site.clock())
        self._records.put(source["name"], source)
        return json_answer(source, 201)

    def _record(self, request: Request) -> JsonObject:
        name = unquote(request.path_params["name"])
        record = self._records.get(name)
        if record is None:
            raise Problem(404, f"Source {name} could not be found", title="Source not found")
        return record

    def _used(self) -> set[str]:
        used = {self._options.current().get("additional_inventory_source", "")}
        for configuration in self._site.state.configurations.values():
            inventory = configuration.get("additional_inventory") or {}
            for layer in [*configuration["layers"], inventory]:
                used.add(layer.get("source", ""))
        return used - {""}
