# SPDX-License-Identifier: Apache-2.0
"""TAPMS's controller: makes HSM groups and partitions what a tenant asks for, after a while.

It sees members only. A group that was there before keeps its description, its tags and its
exclusive group, whatever the tenant says. What HSM refuses is tried again, and the tenant stays
`Deploying` until then.
"""

from __future__ import annotations

from collections.abc import Callable

from poya.lab.services.answers import Problem
from poya.lab.services.smd_groups import Groups
from poya.lab.services.smd_partitions import Partitions
from poya.lab.services.tenants import child_namespace, is_updated
from poya.lab.services.webhook import EXCLUSIVE_GROUP, default_state
from poya.lab.site import LabSite
from poya.lab.state import JsonObject

FINALIZER = "tapms.hpe.com/finalizer"

_TOLERATED = frozenset((404, 409))
_RETRY_S = 30.0


class Tenancy:
    """The controller of one site's tenants."""

    def __init__(self, site: LabSite) -> None:
        self._site = site
        self._records = site.state.tenants
        self._groups = Groups(site)
        self._partitions = Partitions(site)

    def attend(self) -> None:
        """Reconcile what is asked for, by the site's agenda; once a site."""
        self._site.agenda.on("tenant-seen", self._see)
        self._site.agenda.on("tenant-deployed", self._deploy)
        self._site.agenda.on("tenant-deleted", self._finalise)

    def reconcile_soon(self, name: str) -> None:
        """A tenant was written: the controller will look at it."""
        self._schedule("tenant-seen", name, self._site.clock(), self._step_s)

    def finalise_soon(self, name: str) -> None:
        """A tenant shall go: the controller will clear up after it."""
        self._schedule("tenant-deleted", name, self._site.clock(), self._step_s)

    @property
    def _step_s(self) -> float:
        return self._site.pace.durations.tenant_reconcile_s

    def _schedule(self, kind: str, name: str, now_s: float, real_s: float) -> None:
        self._site.agenda.schedule(now_s + self._site.pace.of(real_s), kind, tenant=name)

    def _going_on(self, event: JsonObject) -> JsonObject | None:
        record = self._records.get(event["tenant"])
        gone = record is None or record["metadata"].get("deletionTimestamp")
        return None if gone else record

    async def _see(self, event: JsonObject, now_s: float) -> None:
        record = self._going_on(event)
        if record is None:
            return
        status = dict(record.get("status") or {})
        record["status"] = status | {"uuid": record["metadata"]["uid"]}
        if is_updated(record):
            default_state(record)
            self._schedule("tenant-deployed", event["tenant"], now_s, self._step_s)
        self._records.put(event["tenant"], record)

    async def _deploy(self, event: JsonObject, now_s: float) -> None:
        record = self._going_on(event)
        if record is None:
            return
        name = record["metadata"]["name"]
        try:
            for resource in record["spec"]["tenantresources"]:
                self._fit(name, resource, record)
            self._empty_dropped(record)
        except Problem:
            self._schedule("tenant-deployed", name, now_s, _RETRY_S)
            return
        self._records.put(name, self._deployed(record))

    def _deployed(self, record: JsonObject) -> JsonObject:
        spec = record["spec"]
        namespaces = [child_namespace(spec["tenantname"], n) for n in spec["childnamespaces"]]
        record["status"] |= {
            "tenantresources": spec["tenantresources"],
            "childnamespaces": namespaces,
        }
        if (spec.get("tenantkms") or {}).get("enablekms"):
            record["status"]["tenantkms"] = {
                "transitname": f"cray-tenant-{record['metadata']['uid']}",
                "keyname": spec["tenantkms"]["keyname"],
                "keytype": spec["tenantkms"]["keytype"],
                "publickey": "{}",
            }
        record["metadata"]["finalizers"] = [FINALIZER]
        default_state(record)
        return record

    def _fit(self, tenant: str, resource: JsonObject, record: JsonObject) -> None:
        before = _status_of(record, resource["type"])
        label, partition = resource.get("hsmgrouplabel"), resource.get("hsmpartitionname")
        xnames: list[str] = resource["xnames"]
        if label:
            if self._groups.exists(label):
                self._change_members(self._groups, label, before, xnames)
            else:
                exclusive = EXCLUSIVE_GROUP if resource["enforceexclusivehsmgroups"] else ""
                self._groups.insert(label, xnames, exclusive=exclusive, tags=[tenant])
        if partition:
            if self._partitions.exists(partition):
                self._change_members(self._partitions, partition, before, xnames)
            else:
                self._partitions.insert(partition, xnames, tags=[tenant])

    def _change_members(
        self, sets: Groups | Partitions, name: str, before: list[str], after: list[str]
    ) -> None:
        for xname in [x for x in before if x not in after]:
            _tolerate(sets.drop, name, xname)
        for xname in [x for x in after if x not in before]:
            _tolerate(sets.add, name, xname)

    def _empty_dropped(self, record: JsonObject) -> None:
        """Take the members of a resource that the tenant does not ask for any more."""
        wanted = {resource["type"] for resource in record["spec"]["tenantresources"]}
        for resource in record["status"].get("tenantresources") or []:
            label = resource.get("hsmgrouplabel")
            if resource["type"] not in wanted and label and self._groups.exists(label):
                self._change_members(self._groups, label, resource["xnames"], [])

    async def _finalise(self, event: JsonObject, _now_s: float) -> None:
        record = self._records.get(event["tenant"])
        if record is None or not record["metadata"].get("deletionTimestamp"):
            return
        for resource in record["spec"]["tenantresources"]:
            if resource.get("hsmpartitionname"):
                self._site.state.partitions.delete(resource["hsmpartitionname"])
            if resource.get("hsmgrouplabel"):
                self._site.state.groups.delete(resource["hsmgrouplabel"])
        self._records.delete(event["tenant"])


def _tolerate(change: Callable[[str, str], object], name: str, xname: str) -> None:
    """Change a member; that it is so already, or cannot be, is only logged by TAPMS."""
    try:
        change(name, xname)
    except Problem as problem:
        if problem.status not in _TOLERATED:
            raise


def _status_of(record: JsonObject, kind: str) -> list[str]:
    resources = record["status"].get("tenantresources") or []
    return [x for resource in resources if resource["type"] == kind for x in resource["xnames"]]
