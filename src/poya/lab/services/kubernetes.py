# SPDX-License-Identifier: Apache-2.0
"""The part of a site's Kubernetes API that CSM's tools use: tenants, and the core of `v1`.

Served below /k8s (a real one has a port of its own); `kubeconfig` in the site's directory names
it. Tenants are checked by TAPMS's webhooks when they come, and reconciled by the site's agenda.
"""

from __future__ import annotations

import hmac
import re
import uuid

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from poya.lab.life.tenants import FINALIZER, Tenancy
from poya.lab.services.answers import json_answer, plain_app
from poya.lab.services.kubernetes_core import Core
from poya.lab.services.kubernetes_discovery import discovery_routes
from poya.lab.services.kubernetes_objects import Versions, json_body, merged
from poya.lab.services.kubernetes_status import Failure, failed, invalid, refusal
from poya.lab.services.orders import by_key
from poya.lab.services.tenants import (
    GROUP,
    KIND,
    LIST_KIND,
    NAMESPACE,
    PLURAL,
    as_version,
    complaints,
    defaulted,
)
from poya.lab.services.times import bos_time
from poya.lab.services.webhook import Denied, judge
from poya.lab.site import LabSite
from poya.lab.state import JsonObject

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_MERGE = ("application/merge-patch+json", "application/json")


def app(site: LabSite) -> Starlette:
    """The API, to be mounted at /k8s."""
    tenants = _Tenants(site)
    base = f"/apis/{GROUP}/{{version}}/namespaces/{{namespace}}/{PLURAL}"
    routes = [
        *discovery_routes(site),
        *Core(site).routes(),
        Route(f"/apis/{GROUP}/{{version}}/{PLURAL}", tenants.list_all, methods=["GET"]),
        Route(base, tenants.list_all, methods=["GET"]),
        Route(base, tenants.create, methods=["POST"]),
        Route(f"{base}/{{name}}", tenants.get, methods=["GET"]),
        Route(f"{base}/{{name}}", tenants.put, methods=["PUT"]),
        Route(f"{base}/{{name}}", tenants.patch, methods=["PATCH"]),
        Route(f"{base}/{{name}}", tenants.delete, methods=["DELETE"]),
    ]
    return plain_app(routes, refusal, {Failure: failed})


def stranger(site: LabSite, headers: Headers) -> Response | None:
    """The refusal of a request that brings no token of this cluster, or None."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    known = site.accounts.cluster_token
    if scheme.lower() == "bearer" and known and hmac.compare_digest(token.strip(), known):
        return None
    return Failure(401, "Unauthorized", "Unauthorized").answer()


class _Tenants:
    def __init__(self, site: LabSite) -> None:
        self._site = site
        self._records = site.state.tenants
        self._versions = Versions(site)
        self._tenancy = Tenancy(site)

    async def list_all(self, request: Request) -> Response:
        """All tenants, as one object of kind TenantList."""
        version = self._version(request)
        namespace = request.path_params.get("namespace", NAMESPACE)
        found = by_key(self._records) if namespace == NAMESPACE else []
        return json_answer(
            {
                "apiVersion": f"{GROUP}/{version}",
                "kind": LIST_KIND,
                "metadata": {"continue": "", "resourceVersion": str(self._versions.last())},
                "items": [as_version(record, version) for record in found],
            }
        )

    async def get(self, request: Request) -> Response:
        """One tenant."""
        return json_answer(as_version(self._record(request), self._version(request)))

    async def create(self, request: Request) -> Response:
        """Create a tenant: TAPMS's webhooks look at it first, its controller afterwards."""
        version = self._version(request)
        given = await self._given(request, version)
        name = _name_of(given)
        if name in self._records:
            raise Failure(409, "AlreadyExists", f'{PLURAL}.{GROUP} "{name}" already exists')
        record = self._new(name, given, version)
        self._admit(record, None)
        self._keep(record)
        self._tenancy.reconcile_soon(name)
        return json_answer(as_version(record, version), 201)

    async def put(self, request: Request) -> Response:
        """Replace the spec of a tenant, which must be as the client last saw it."""
        version, old = self._version(request), self._record(request)
        given = await self._given(request, version)
        seen = (given.get("metadata") or {}).get("resourceVersion")
        name = old["metadata"]["name"]
        if seen is None:
            words = "metadata.resourceVersion: Invalid value: 0x0: must be specified for an update"
            raise invalid(name, words)
        if seen != old["metadata"]["resourceVersion"]:
            raise Failure(
                409,
                "Conflict",
                f'Operation cannot be fulfilled on {PLURAL}.{GROUP} "{name}": the object has been '
                "modified; please apply your changes to the latest version and try again",
            )
        return self._change(old, given.get("spec"), version)

    async def patch(self, request: Request) -> Response:
        """Merge into the spec of a tenant (RFC 7396)."""
        version, old = self._version(request), self._record(request)
        kind = request.headers.get("content-type", "").partition(";")[0]
        if kind not in _MERGE:
            words = (
                "the body of the request was in an unknown format - accepted media types include:"
            )
            raise Failure(415, "UnsupportedMediaType", f"{words} {_MERGE[0]}")
        given = await json_body(request)
        return self._change(old, merged(old["spec"], given.get("spec") or {}), version)

    async def delete(self, request: Request) -> Response:
        """Begin to delete a tenant; its controller finishes it when its group is gone."""
        version, record = self._version(request), self._record(request)
        if FINALIZER not in record["metadata"].get("finalizers", ()):
            self._records.delete(record["metadata"]["name"])
            return json_answer(as_version(record, version))
        record["metadata"].setdefault("deletionTimestamp", self._now())
        record["spec"]["state"] = "Deleting"
        self._keep(record)
        self._tenancy.finalise_soon(record["metadata"]["name"])
        return json_answer(as_version(record, version))

    def _change(self, old: JsonObject, spec: object, version: str) -> Response:
        name = old["metadata"]["name"]
        _check(name, spec)
        assert isinstance(spec, dict)
        kept = defaulted(spec, version)
        kept.setdefault("state", old["spec"].get("state", ""))
        record = old | {"spec": kept, "metadata": dict(old["metadata"])}
        self._admit(record, old)
        if {k: v for k, v in record["spec"].items() if k != "state"} != {
            k: v for k, v in old["spec"].items() if k != "state"
        }:
            record["metadata"]["generation"] += 1
        self._keep(record)
        self._tenancy.reconcile_soon(name)
        return json_answer(as_version(record, version))

    def _admit(self, record: JsonObject, old: JsonObject | None) -> None:
        try:
            judge(self._site.state, record, old)
        except Denied as denied:
            words = f'admission webhook "vtenant.kb.io" denied the request: {denied}'
            raise Failure(403, str(denied), words) from denied

    def _new(self, name: str, given: JsonObject, version: str) -> JsonObject:
        _check(name, given.get("spec"))
        metadata = {
            k: v
            for k, v in given["metadata"].items()
            if k in ("name", "labels", "annotations", "finalizers")
        }
        return {
            "apiVersion": f"{GROUP}/{self._site.profile.tenant_versions[-1]}",
            "kind": KIND,
            "metadata": metadata
            | {
                "namespace": NAMESPACE,
                "uid": str(uuid.uuid4()),
                "generation": 1,
                "creationTimestamp": self._now(),
            },
            "spec": defaulted(given["spec"], version),
        }

    def _keep(self, record: JsonObject) -> None:
        record["metadata"]["resourceVersion"] = str(self._versions.take())
        self._records.put(record["metadata"]["name"], record)

    def _now(self) -> str:
        return bos_time(self._site.clock()) + "Z"

    def _version(self, request: Request) -> str:
        version: str = request.path_params["version"]
        if version not in self._site.profile.tenant_versions:
            raise Failure(404, "NotFound", "the server could not find the requested resource")
        return version

    def _record(self, request: Request) -> JsonObject:
        name, namespace = request.path_params["name"], request.path_params["namespace"]
        record = self._records.get(name) if namespace == NAMESPACE else None
        if record is None:
            raise Failure(404, "NotFound", f'{PLURAL}.{GROUP} "{name}" not found')
        return record

    async def _given(self, request: Request, version: str) -> JsonObject:
        if request.path_params["namespace"] != NAMESPACE:
            where = request.path_params["namespace"]
            raise Failure(404, "NotFound", f'namespaces "{where}" not found')
        given = await json_body(request)
        wanted = {"apiVersion": f"{GROUP}/{version}", "kind": KIND}
        if any(given.get(field) != value for field, value in wanted.items()):
            raise Failure(
                400,
                "BadRequest",
                f"the API version in the data ({given.get('apiVersion')}) does not match the "
                f"expected API version ({wanted['apiVersion']})",
            )
        return given


def _name_of(given: JsonObject) -> str:
    name = (given.get("metadata") or {}).get("name")
    if not isinstance(name, str) or not name:
        raise invalid("", "metadata.name: Required value: name or generateName is required")
    if not _NAME.fullmatch(name):
        words = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters"
        raise invalid(name, f'metadata.name: Invalid value: "{name}": {words}')
    return name


def _check(name: str, spec: object) -> None:
    found = ["spec: Required value"] if spec is None else list(complaints(spec))
    if found:
        raise invalid(name, found[0] if len(found) == 1 else f"[{', '.join(found)}]")
