# SPDX-License-Identifier: Apache-2.0
"""A vCluster whose nodes are called otherwise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from poya.documents import Document, Json, JsonObject
from poya.model.names import normalise_xname
from poya.model.records import Group, SessionTemplate
from poya.model.vcluster import VCluster


def with_nodes(vcluster: VCluster, names: Mapping[str, str]) -> VCluster:
    """The vCluster with these nodes under their new names, in groups and in node lists."""
    if not names:
        return vcluster

    def called(xname: str) -> str:
        return names.get(normalise_xname(xname), xname)

    return replace(
        vcluster,
        groups=tuple(_group(group, called) for group in vcluster.groups),
        templates=tuple(_template(template, called) for template in vcluster.templates),
        nodes={called(x): replace(n, xname=called(x)) for x, n in vcluster.nodes.items()},
    )


def _group(group: Group, called: Callable[[str], str]) -> Group:
    value = group.document.editable()
    members = value.get("members")
    if isinstance(members, dict):
        _rename(members, "ids", called)
    return Group.of(Document.of(value))


def _template(template: SessionTemplate, called: Callable[[str], str]) -> SessionTemplate:
    value = template.document.editable()
    boot_sets = value.get("boot_sets")
    for boot_set in boot_sets.values() if isinstance(boot_sets, dict) else ():
        if isinstance(boot_set, dict):
            _rename(boot_set, "node_list", called)
    return SessionTemplate.of(Document.of(value))


def _rename(holder: JsonObject, key: str, called: Callable[[str], str]) -> None:
    xnames = holder.get(key)
    if isinstance(xnames, list):
        renamed: list[Json] = [called(f"{xname}") for xname in xnames]
        holder[key] = renamed
