# SPDX-License-Identifier: Apache-2.0
"""ConfigMaps and Secrets of a site's Kubernetes: the product catalog, what tools log in with."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from poya.lab.services.answers import json_answer
from poya.lab.services.kubernetes_objects import Versions, json_body, merged
from poya.lab.services.kubernetes_status import Failure
from poya.lab.services.orders import by_key
from poya.lab.services.times import bos_time
from poya.lab.site import LabSite
from poya.lab.state import JsonObject

CONFIG_MAPS = "configmaps"
NAMESPACES = ("default", "services", "nexus", "tenants", "argo", "kube-system")
RESOURCES = ({"name": "configmaps", "kind": "ConfigMap"}, {"name": "secrets", "kind": "Secret"})


class Core:
    """The part of `v1` that tools of CSM read, and the ConfigMaps that they write."""

    def __init__(self, site: LabSite) -> None:
        self._site = site
        self._maps = site.state.kind("config_maps")
        self._versions = Versions(site)

    def routes(self) -> list[Route]:
        """Their paths."""
        base = "/api/v1/namespaces/{namespace}"
        maps, secrets = f"{base}/configmaps", f"{base}/secrets"
        return [
            Route("/api/v1/configmaps", self.list_maps, methods=["GET"]),
            Route(maps, self.list_maps, methods=["GET"]),
            Route(maps, self.create_map, methods=["POST"]),
            Route(f"{maps}/{{name}}", self.get_map, methods=["GET"]),
            Route(f"{maps}/{{name}}", self.put_map, methods=["PUT"]),
            Route(f"{maps}/{{name}}", self.patch_map, methods=["PATCH"]),
            Route(f"{maps}/{{name}}", self.delete_map, methods=["DELETE"]),
            Route(secrets, self.list_secrets, methods=["GET"]),
            Route(f"{secrets}/{{name}}", self.get_secret, methods=["GET"]),
        ]

    async def list_maps(self, request: Request) -> Response:
        """All ConfigMaps, or those of a namespace and with the labels asked for."""
        namespace = request.path_params.get("namespace")
        wanted = _selector(request.query_params.get("labelSelector", ""))
        found = [
            record
            for record in by_key(self._maps)
            if namespace in (None, record["metadata"]["namespace"])
            and wanted.items() <= record["metadata"].get("labels", {}).items()
        ]
        return json_answer(self._listed("ConfigMapList", found))

    async def get_map(self, request: Request) -> Response:
        """One ConfigMap."""
        return json_answer(self._record(request))

    async def create_map(self, request: Request) -> Response:
        """Make a ConfigMap."""
        given, namespace = await json_body(request), self._namespace(request)
        name = (given.get("metadata") or {}).get("name") or ""
        if f"{namespace}/{name}" in self._maps:
            raise Failure(409, "AlreadyExists", f'configmaps "{name}" already exists')
        record = new_config_map(namespace, name, given.get("data") or {})
        record["metadata"] |= {
            "uid": str(uuid.uuid4()),
            "creationTimestamp": bos_time(self._site.clock()) + "Z",
            **{k: v for k, v in given["metadata"].items() if k in ("labels", "annotations")},
        }
        return json_answer(self._kept(record), 201)

    async def put_map(self, request: Request) -> Response:
        """Replace what a ConfigMap holds; an old resourceVersion is a conflict."""
        old, given = self._record(request), await json_body(request)
        seen = (given.get("metadata") or {}).get("resourceVersion")
        name = old["metadata"]["name"]
        if seen not in (None, old["metadata"]["resourceVersion"]):
            raise Failure(
                409,
                "Conflict",
                f'Operation cannot be fulfilled on configmaps "{name}": the object has been '
                "modified; please apply your changes to the latest version and try again",
            )
        return json_answer(self._kept(old | {"data": given.get("data") or {}}))

    async def patch_map(self, request: Request) -> Response:
        """Merge into a ConfigMap (RFC 7396)."""
        old, given = self._record(request), await json_body(request)
        data = merged(old.get("data") or {}, given.get("data") or {})
        labels = (given.get("metadata") or {}).get("labels") or {}
        metadata = old["metadata"] | {"labels": merged(old["metadata"].get("labels", {}), labels)}
        return json_answer(self._kept(old | {"data": data, "metadata": metadata}))

    async def delete_map(self, request: Request) -> Response:
        """Delete a ConfigMap."""
        record = self._record(request)
        self._maps.delete(_key(record))
        details = {"name": record["metadata"]["name"], "kind": CONFIG_MAPS}
        return json_answer({"kind": "Status", "status": "Success", "details": details})

    async def list_secrets(self, request: Request) -> Response:
        """The Secrets of a namespace."""
        namespace = self._namespace(request)
        found = [s for s in self._secrets() if s["metadata"]["namespace"] == namespace]
        return json_answer(self._listed("SecretList", found))

    async def get_secret(self, request: Request) -> Response:
        """One Secret."""
        name, namespace = request.path_params["name"], self._namespace(request)
        for secret in self._secrets():
            if _key(secret) == f"{namespace}/{name}":
                return json_answer(secret)
        raise Failure(404, "NotFound", f'secrets "{name}" not found')

    def _secrets(self) -> list[JsonObject]:
        accounts = self._site.accounts
        endpoint = f"{self._site.api_url}/keycloak/realms/shasta/protocol/openid-connect/token"
        admin = {
            "client-id": "admin-client",
            "client-secret": accounts.clients.get("admin-client", ""),
            "endpoint": endpoint,
        }
        vcs = {"vcs_username": "crayvcs", "vcs_password": accounts.vcs_password}
        nexus = {"username": "admin", "password": accounts.nexus_password}
        return [
            _secret("default", "admin-client-auth", admin),
            _secret("services", "vcs-user-credentials", vcs),
            _secret("services", "cray-powerdns-credentials", {"pdns_api_key": accounts.dns_key}),
            _secret("nexus", "nexus-admin-credential", nexus),
        ]

    def _listed(self, kind: str, items: list[JsonObject]) -> JsonObject:
        metadata = {"resourceVersion": str(self._versions.last())}
        return {"kind": kind, "apiVersion": "v1", "metadata": metadata, "items": items}

    def _kept(self, record: JsonObject) -> JsonObject:
        record["metadata"]["resourceVersion"] = str(self._versions.take())
        self._maps.put(_key(record), record)
        return record

    def _record(self, request: Request) -> JsonObject:
        name = request.path_params["name"]
        record = self._maps.get(f"{request.path_params['namespace']}/{name}")
        if record is None:
            raise Failure(404, "NotFound", f'configmaps "{name}" not found')
        return record

    def _namespace(self, request: Request) -> str:
        namespace: str = request.path_params["namespace"]
        if namespace not in NAMESPACES:
            raise Failure(404, "NotFound", f'namespaces "{namespace}" not found')
        return namespace


def new_config_map(namespace: str, name: str, data: Mapping[str, str]) -> JsonObject:
    """A ConfigMap that nobody has changed yet."""
    metadata = {"name": name, "namespace": namespace, "resourceVersion": "1000"}
    return {"kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata, "data": dict(data)}


def _secret(namespace: str, name: str, texts: Mapping[str, str]) -> JsonObject:
    data = {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}
    metadata = {"name": name, "namespace": namespace, "resourceVersion": "1000"}
    return {
        "kind": "Secret",
        "apiVersion": "v1",
        "metadata": metadata,
        "data": data,
        "type": "Opaque",
    }


def _key(record: JsonObject) -> str:
    return f"{record['metadata']['namespace']}/{record['metadata']['name']}"


def _selector(text: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in text.split(",") if part)
    return {name.strip(): value.strip("= ") for name, _, value in pairs}
