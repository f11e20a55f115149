# SPDX-License-Identifier: Apache-2.0
"""The Kubernetes resource Tenant (group tapms.hpe.com): its shape in each API version.

It is stored in the newest version that the release knows. What a version does not know is pruned
on its way in and out, as Kubernetes does with a structural schema.
"""

from __future__ import annotations

from collections.abc import Iterator

from poya.lab.state import JsonObject

GROUP = "tapms.hpe.com"
NAMESPACE = "tenants"
KIND, LIST_KIND, PLURAL = "Tenant", "TenantList", "tenants"

_RESOURCE = ("type", "xnames", "hsmgrouplabel", "hsmpartitionname", "enforceexclusivehsmgroups")
_KMS = ("enablekms", "keyname", "keytype")
_KMS_DEFAULTS = {"enablekms": False, "keyname": "key1", "keytype": "rsa-3072"}
_HOOK = ("name", "url", "blockingcall", "eventtypes", "hookcredentials")


def as_version(record: JsonObject, version: str) -> JsonObject:
    """A tenant as one API version shows it."""
    shown = record | {"apiVersion": f"{GROUP}/{version}", "kind": KIND}
    for part in ("spec", "status"):
        if isinstance(record.get(part), dict):
            shown[part] = _pruned(record[part], version)
    return shown


def defaulted(spec: JsonObject, version: str) -> JsonObject:
    """A spec with the defaults of its version filled in, and without what it does not know."""
    kept = _pruned(spec, version)
    if isinstance(kept.get("tenantkms"), dict):
        kept["tenantkms"] = _KMS_DEFAULTS | kept["tenantkms"]
    for hook in kept.get("tenanthooks") or []:
        hook.setdefault("blockingcall", False)
    return kept


def complaints(spec: object) -> Iterator[str]:
    """What the schema has against a spec, in the words of Kubernetes."""
    if not isinstance(spec, dict):
        yield 'spec: Invalid value: "": spec in body must be of type object'
        return
    for field in ("childnamespaces", "tenantname", "tenantresources"):
        if field not in spec:
            yield f"spec.{field}: Required value"
    yield from _wrong_type("spec.tenantname", spec.get("tenantname", ""), str)
    yield from _wrong_type("spec.childnamespaces", spec.get("childnamespaces", []), list)
    yield from _wrong_type("spec.tenantresources", spec.get("tenantresources", []), list)
    resources = spec.get("tenantresources")
    for number, resource in enumerate(resources if isinstance(resources, list) else []):
        where = f"spec.tenantresources[{number}]"
        if not isinstance(resource, dict):
            yield from _wrong_type(where, resource, dict)
            continue
        for field in ("enforceexclusivehsmgroups", "type", "xnames"):
            if field not in resource:
                yield f"{where}.{field}: Required value"
        yield from _wrong_type(f"{where}.xnames", resource.get("xnames", []), list)


def is_updated(tenant: JsonObject) -> bool:
    """Whether a tenant's spec asks for anything that its status does not show yet."""
    spec, status = tenant["spec"], tenant.get("status") or {}
    namespaces = [child_namespace(spec["tenantname"], n) for n in spec["childnamespaces"]]
    return (status.get("tenantresources") or []) != spec["tenantresources"] or (
        status.get("childnamespaces") or []
    ) != namespaces


def child_namespace(tenant: str, name: str) -> str:
    """The namespace that a child of a tenant gets."""
    return f"{tenant}-{name}"


_TYPE_NAMES: dict[type[object], str] = {str: "string", list: "array", dict: "object"}


def _wrong_type(where: str, value: object, wanted: type[object]) -> Iterator[str]:
    if not isinstance(value, wanted):
        name = _TYPE_NAMES[wanted]
        given = type(value).__name__
        yield f'{where}: Invalid value: "{given}": {where} in body must be of type {name}'


def _pruned(part: JsonObject, version: str) -> JsonObject:
    resource_fields = (*_RESOURCE, "forcepoweroff") if version == "v1alpha2" else _RESOURCE
    kept = {
        k: v for k, v in part.items() if k in ("childnamespaces", "tenantname", "state", "uuid")
    }
    if isinstance(part.get("tenantresources"), list):
        kept["tenantresources"] = [
            {k: v for k, v in r.items() if k in resource_fields} if isinstance(r, dict) else r
            for r in part["tenantresources"]
        ]
    if version != "v1alpha1" and isinstance(part.get("tenantkms"), dict):
        extra = ("transitname", "publickey")
        kept["tenantkms"] = {k: v for k, v in part["tenantkms"].items() if k in (*_KMS, *extra)}
    if version == "v1alpha3" and isinstance(part.get("tenanthooks"), list):
        kept["tenanthooks"] = [
            {k: v for k, v in hook.items() if k in _HOOK} for hook in part["tenanthooks"]
        ]
    return kept
