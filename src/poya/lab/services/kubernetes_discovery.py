# SPDX-License-Identifier: Apache-2.0
"""What tells a Kubernetes client which resources there are."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from poya.lab.services.answers import json_answer
from poya.lab.services.kubernetes_core import RESOURCES
from poya.lab.services.tenants import GROUP, KIND, PLURAL
from poya.lab.site import LabSite
from poya.lab.state import JsonObject

_VERSIONS = {"1.3": "1.21.12", "1.4": "1.21.12", "1.5": "1.22.13", "1.6": "1.24.17"}


def discovery_routes(site: LabSite) -> list[Route]:
    """The paths that clients read before anything else."""
    found: dict[str, JsonObject] = {
        "/version": _version(site),
        "/api": {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []},
        "/api/v1": {"kind": "APIResourceList", "groupVersion": "v1", "resources": _core()},
        "/apis": {
            "kind": "APIGroupList",
            "apiVersion": "v1",
            "groups": [_group(site)] if site.profile.tenant_versions else [],
        },
    }
    if site.profile.tenant_versions:
        found[f"/apis/{GROUP}"] = {"kind": "APIGroup", "apiVersion": "v1", **_group(site)}
    for version in site.profile.tenant_versions:
        found[f"/apis/{GROUP}/{version}"] = _resources(version)
    return [_route(path, body) for path, body in found.items()]


def _route(path: str, body: JsonObject) -> Route:
    async def show(_request: Request) -> Response:
        return json_answer(body)

    return Route(path, show, methods=["GET"])


def _version(site: LabSite) -> JsonObject:
    number = _VERSIONS.get(site.profile.release, "1.32.5")
    major, minor, _ = number.split(".")
    return {"major": major, "minor": minor, "gitVersion": f"v{number}", "platform": "linux/amd64"}


def _group(site: LabSite) -> JsonObject:
    versions = [
        {"groupVersion": f"{GROUP}/{version}", "version": version}
        for version in reversed(site.profile.tenant_versions)
    ]
    return {"name": GROUP, "versions": versions, "preferredVersion": versions[0]}


def _core() -> list[JsonObject]:
    verbs = ["delete", "get", "list", "patch", "create", "update"]
    return [
        {**resource, "singularName": "", "namespaced": True, "verbs": verbs}
        for resource in RESOURCES
    ]


def _resources(version: str) -> JsonObject:
    verbs = ["delete", "get", "list", "patch", "create", "update"]
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": f"{GROUP}/{version}",
        "resources": [
            {
                "name": PLURAL,
                "singularName": "tenant",
                "namespaced": True,
                "kind": KIND,
                "verbs": verbs,
            }
        ],
    }
