# SPDX-License-Identifier: Apache-2.0
"""Which nodes a boot session is for. Unknown groups and roles are nobody, without a word."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from poya.lab.services.tapms import owned_xnames
from poya.lab.site import LabSite
from poya.lab.state import JsonObject


class NodeChoice:
    """The nodes of a site as one session sees them."""

    def __init__(self, site: LabSite) -> None:
        self._site = site
        components = site.state.components.values()
        self._nodes = {c["ID"]: c for c in components if c.get("Type") == "Node"}
        self._groups = {g["label"]: set(g["members"]["ids"]) for g in site.state.groups.values()}
        self._groups |= {
            p["name"]: set(p["members"]["ids"]) for p in site.state.partitions.values()
        }
        self._roles: dict[str, set[str]] = {}
        for xname, node in self._nodes.items():
            role, sub_role = node.get("Role") or "", node.get("SubRole") or ""
            self._roles.setdefault(role, set()).add(xname)
            self._roles.setdefault(f"{role}_{sub_role}", set()).add(xname)

    def of(self, boot_set: Mapping[str, Any], session: JsonObject) -> set[str]:
        """The nodes of a boot set after all filters of a session."""
        named = set(boot_set.get("node_list") or ())
        for label in boot_set.get("node_groups") or ():
            named |= self._groups.get(label, set())
        for role in boot_set.get("node_roles_groups") or ():
            named |= self._roles.get(role, set())
        found = self._limited(named & set(self._nodes), session.get("limit") or "")
        found = {x for x in found if self._is_fit(self._nodes[x], boot_set, session)}
        tenant = session.get("tenant")
        return found & self._owned(tenant) if tenant else found

    def _limited(self, nodes: set[str], limit: str) -> set[str]:
        if not limit:
            return nodes
        allowed: set[str] = set()
        for item in limit.split(","):
            operation, name = (item[0], item[1:]) if item[:1] in ("&", "!") else ("", item)
            named = self._named(name, nodes)
            if operation == "&":
                allowed &= named
            elif operation == "!":
                allowed -= named
            else:
                allowed |= named
        return nodes & allowed

    def _named(self, name: str, everything: set[str]) -> set[str]:
        if name in ("all", "*"):
            return everything
        return self._groups.get(name) or self._roles.get(name) or {name}

    def _is_fit(self, node: JsonObject, boot_set: Mapping[str, Any], session: JsonObject) -> bool:
        profile = self._site.profile
        if not node.get("Enabled", True) and not session.get("include_disabled"):
            return False
        if profile.bos_drops_locked and node.get("Locked"):
            return False
        return not profile.bos_arch or _arch(node) == boot_set.get("arch", "X86")

    def _owned(self, tenant: str) -> set[str]:
        return owned_xnames(self._site.state.tenants.get(tenant) or {})


def _arch(node: JsonObject) -> str:
    arch = str(node.get("Arch") or "UNKNOWN")
    return "X86" if arch.upper() == "UNKNOWN" else arch


def joined(xnames: Iterable[str]) -> str:
    """Names as a session lists them."""
    return ",".join(sorted(xnames))
