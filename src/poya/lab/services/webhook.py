# SPDX-License-Identifier: Apache-2.0
"""TAPMS's admission webhooks: what becomes of a tenant's state, and which tenants are denied."""

from __future__ import annotations

from poya.lab.services.tenants import is_updated
from poya.lab.state import JsonObject, SiteState

EXCLUSIVE_GROUP = "tapms-exclusive-group-label"

_ROLES = {"compute": "Compute", "application": "Application"}


class Denied(Exception):
    """The webhook's refusal, in its words."""


def judge(state: SiteState, tenant: JsonObject, old: JsonObject | None) -> None:
    """Set the state of a tenant that is written, then check it.

    Raises:
        Denied: Nodes of another role or in another tenant's group; or a change of what cannot be.
    """
    default_state(tenant)
    for resource in tenant["spec"]["tenantresources"]:
        _require_role(state, resource)
        if resource["enforceexclusivehsmgroups"]:
            _require_free(state, resource)
        _require_unchanged(resource, old)


def default_state(tenant: JsonObject) -> None:
    """New, then Deploying while the status lags behind, then Deployed; or Deleting."""
    if tenant["metadata"].get("deletionTimestamp"):
        tenant["spec"]["state"] = "Deleting"
    elif not tenant["spec"].get("state"):
        tenant["spec"]["state"] = "New"
    else:
        tenant["spec"]["state"] = "Deploying" if is_updated(tenant) else "Deployed"


def _require_role(state: SiteState, resource: JsonObject) -> None:
    role = _ROLES.get(resource["type"])
    if role is None:
        return
    # names are compared as they are spelled: X1000... is not x1000...
    wrong = [x for x in resource["xnames"] if not _is_node_with(state.components.get(x), role)]
    if wrong:
        listed = " ".join(wrong)
        raise Denied(f"the following xname(s) do not have type Node and role {role}: [{listed}]")


def _is_node_with(component: JsonObject | None, role: str) -> bool:
    return bool(component and component.get("Type") == "Node" and component.get("Role") == role)


def _require_free(state: SiteState, resource: JsonObject) -> None:
    taken = {
        xname
        for group in state.groups.values()
        if group.get("exclusiveGroup") == EXCLUSIVE_GROUP
        and group["label"] != resource.get("hsmgrouplabel")
        for xname in group["members"]["ids"]
    }
    found = [xname for xname in resource["xnames"] if xname in taken]
    if found:
        listed = " ".join(found)
        raise Denied(
            f"the following xname(s): '[{listed}]' already exist in an exclusive hsm group"
        )


def _require_unchanged(resource: JsonObject, old: JsonObject | None) -> None:
    before = ((old or {}).get("status") or {}).get("tenantresources") or []
    key = "enforceexclusivehsmgroups"
    if any(r["type"] == resource["type"] and r[key] != resource[key] for r in before):
        raise Denied("EnforceExclusiveHsmGroups field is immutable")
