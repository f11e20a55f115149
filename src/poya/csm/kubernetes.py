# SPDX-License-Identifier: Apache-2.0
"""Tenants as Kubernetes resources: the only place where they can be made, changed and deleted.

TAPMS watches them (namespace `tenants`, group `tapms.hpe.com`) and makes HSM groups, namespaces
and Keycloak groups of what they say.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import msgspec

from poya.csm.http.calls import path_of
from poya.csm.http.channel import Channel
from poya.csm.records import record_of, records_of
from poya.csm.tapms import Tenant
from poya.csm.versions import Once
from poya.documents import Document, Json, JsonObject
from poya.errors import NotFound

GROUP = "tapms.hpe.com"
NAMESPACE = "tenants"
_WRITTEN_BY_KUBERNETES = (
    "uid creationTimestamp generation managedFields selfLink deletionTimestamp finalizers "
    "deletionGracePeriodSeconds resourceVersion"
).split()


class _Version(msgspec.Struct, frozen=True):
    version: str


class _ApiGroup(msgspec.Struct, frozen=True):
    preferred: _Version = msgspec.field(name="preferredVersion")


class _List(msgspec.Struct, frozen=True):
    items: list[msgspec.Raw] | None = None


class TenantResources:
    """Tenants (`/apis/tapms.hpe.com/<version>/namespaces/tenants/tenants`)."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._version = Once(self._ask)

    async def version(self) -> str:
        """The version of the resource that the cluster prefers, as `v1alpha3`; asked once.

        Raises:
            NotFound: The cluster knows no tenants: TAPMS is not installed.
        """
        return await self._version.get()

    async def list(self) -> tuple[Tenant, ...]:
        """All tenants."""
        answer = await self._channel.get(await self._path())
        return records_of(Tenant, answer.decode(_List).items or [], answer)

    async def get(self, name: str) -> Tenant:
        """One tenant.

        Raises:
            NotFound: There is none with that name.
        """
        return record_of(Tenant, await self._channel.get(await self._path(name)))

    async def create(self, body: JsonObject) -> Tenant:
        """Create a tenant, as `tenant_body` makes it. TAPMS then deploys it: watch `spec.state`.

        Raises:
            RequestRefused: With status 409 if the name is taken; TAPMS's webhook says why else.
        """
        return record_of(Tenant, await self._channel.post(await self._path(), body))

    async def patch(self, name: str, changes: JsonObject) -> Tenant:
        """Merge changes into a tenant (JSON merge patch): a list is replaced whole.

        Raises:
            NotFound: There is none with that name.
            RequestRefused: TAPMS's webhook does not accept it.
        """
        call = self._channel.call("PATCH", await self._path(name), body=changes)
        call = replace(call, content_type="application/merge-patch+json")
        return record_of(Tenant, await self._channel.send(call))

    async def delete(self, name: str) -> None:
        """Delete a tenant; TAPMS then deletes its HSM group, namespaces and Keycloak group.

        Raises:
            NotFound: There is none with that name.
        """
        await self._channel.delete(await self._path(name))

    async def _path(self, name: str = "") -> str:
        version = await self._version.get()
        path = f"/apis/{GROUP}{path_of(version)}/namespaces/{NAMESPACE}/tenants"
        return f"{path}{path_of(name)}" if name else path

    async def _ask(self) -> str:
        try:
            answer = await self._channel.get(f"/apis/{GROUP}")
        except NotFound as error:
            raise NotFound(
                f"The Kubernetes of {self._channel.site} knows no tenants.",
                why=error.why,
                todo="TAPMS is not installed there.",
            ) from error
        return answer.decode(_ApiGroup).preferred.version


class Kubernetes:
    """The Kubernetes API of one site, as far as vClusters go."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self.tenants = TenantResources(channel)

    async def config_maps(self, namespace: str, label: str) -> tuple[JsonObject, ...]:
        """The ConfigMaps of a namespace that have a label, as `type=cray-product-catalog`.

        `GET /api/v1/namespaces/<namespace>/configmaps?labelSelector=<label>`
        """
        path = f"/api/v1/namespaces{path_of(namespace)}/configmaps"
        answer = await self._channel.get(path, (("labelSelector", label),))
        items = answer.decode(_List).items or []
        return tuple(Document(bytes(item)).editable() for item in items)

    async def server_version(self) -> str:
        """The cluster's version, as `v1.24.17` (`GET /version`)."""
        return f"{(await self._channel.get('/version')).document().value.get('gitVersion', '')}"


def tenant_body(
    tenant: Document, *, version: str, drop_resource_fields: Iterable[str] = ()
) -> JsonObject:
    """What another cluster accepts of a tenant that one served.

    Args:
        tenant: As TAPMS or Kubernetes served it.
        version: Of the resource at the target, as `v1alpha3`.
        drop_resource_fields: Fields of each `tenantresources` that the target does not have
            (`forcepoweroff` after CSM 1.5).
    """
    value, unwanted = tenant.editable(), set(drop_resource_fields)
    spec = {key: item for key, item in _map(value.get("spec")).items() if key != "state"}
    resources = spec.get("tenantresources")
    if isinstance(resources, list):
        spec["tenantresources"] = [
            {key: item for key, item in _map(one).items() if key not in unwanted}
            for one in resources
        ]
    kept = {
        key: item
        for key, item in _map(value.get("metadata")).items()
        if key not in _WRITTEN_BY_KUBERNETES
    }
    return {
        "apiVersion": f"{GROUP}/{version}",
        "kind": "Tenant",
        "metadata": {**kept, "name": spec.get("tenantname"), "namespace": NAMESPACE},
        "spec": spec,
    }


def _map(value: Json) -> JsonObject:
    return value if isinstance(value, dict) else {}
