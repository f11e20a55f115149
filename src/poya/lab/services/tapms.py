# SPDX-License-Identifier: Apache-2.0
"""TAPMS's REST API (cray-tapms-operator): a read-only look at tenants.

It was rebuilt with every release: other paths, and the old ones vanish. A list is the
Kubernetes object TenantList, whatever the specification says, and a 404 is a bare JSON string.
"""

from __future__ import annotations

from http import HTTPStatus

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from poya.lab.services.answers import json_answer, plain_app
from poya.lab.services.orders import by_key
from poya.lab.services.tenants import LIST_KIND, NAMESPACE, as_version
from poya.lab.site import LabSite
from poya.lab.state import JsonObject


def app(site: LabSite) -> Starlette:
    """The service, to be mounted at /apis/tapms."""
    service = _Tapms(site)
    return plain_app(service.routes(), _no_route)


class _Tapms:
    def __init__(self, site: LabSite) -> None:
        self._site = site
        self._records = site.state.tenants

    def routes(self) -> list[BaseRoute]:
        path = self._site.profile.tapms_path
        if not path:
            return []
        one = f"/{path}/tenant/{{id}}" if path == "v1" else f"/{path}/tenants/{{id}}"
        routes: list[BaseRoute] = [
            Route(f"/{path}/tenants", self.list_all, methods=["GET"]),
            Route(one, self.get, methods=["GET"]),
        ]
        if self._site.profile.tapms_finds_owners:
            routes.append(Route(f"/{path}/tenants", self.find_owners, methods=["POST"]))
        return routes

    async def list_all(self, _request: Request) -> Response:
        """All tenants."""
        return self._list(self._shown())

    async def get(self, request: Request) -> Response:
        """One tenant, by name or UUID."""
        wanted = request.path_params["id"]
        for tenant in self._shown():
            if wanted in (tenant["metadata"]["name"], tenant.get("status", {}).get("uuid")):
                return json_answer(tenant)
        return json_answer(f"Tenant with name/uuid '{wanted}' not found.", 404)

    async def find_owners(self, request: Request) -> Response:
        """The tenants that own any of the xnames in the body."""
        try:
            wanted = set(msgspec.json.decode(await request.body(), type=list[str]))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return json_answer({"message": f"Unable to parse xnames: {error}"}, 400)
        return self._list([t for t in self._shown() if wanted & owned_xnames(t)])

    def _shown(self) -> list[JsonObject]:
        version = self._site.profile.tenant_versions[-1]
        found = [as_version(record, version) for record in by_key(self._records)]
        return [t for t in found if t["metadata"].get("namespace", NAMESPACE) == NAMESPACE]

    def _list(self, tenants: list[JsonObject]) -> Response:
        version = self._site.profile.tenant_versions[-1]
        return json_answer(
            {
                "kind": LIST_KIND,
                "apiVersion": f"tapms.hpe.com/{version}",
                "metadata": {},
                "items": tenants,
            }
        )


def owned_xnames(tenant: JsonObject) -> set[str]:
    """The xnames that a reconciled tenant has, by its status."""
    resources = tenant.get("status", {}).get("tenantresources") or []
    return {xname for resource in resources for xname in resource.get("xnames") or []}


def _no_route(status: int) -> Response:
    if status < HTTPStatus.INTERNAL_SERVER_ERROR:  # gin's answer to other methods, too
        return json_answer({"message": "Page not found"}, 404)
    return json_answer({"message": "Internal error"}, status)
