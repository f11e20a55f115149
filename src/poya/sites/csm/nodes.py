# SPDX-License-Identifier: Apache-2.0
"""HSM components as nodes, and what the names of nodes mean."""

from __future__ import annotations

from collections.abc import Iterable

from poya.concurrency import both
from poya.csm import Component, Site
from poya.model.names import normalise_xname
from poya.model.node_expressions import Directory
from poya.model.records import Node


def nodes_of(components: Iterable[Component]) -> dict[str, Node]:
    """The nodes among these components, by xname."""
    return {
        node.xname: node
        for node in (_node(component) for component in components if component.type == "Node")
    }


def _node(component: Component) -> Node:
    return Node(
        xname=normalise_xname(component.id),
        nid=component.nid,
        arch=component.arch,
        role=component.role,
        subrole=component.sub_role,
        state=component.state,
        is_enabled=component.enabled,
        is_locked=component.locked,
    )


async def directory_of(site: Site) -> Directory:
    """What the names in a node expression mean at a site, in three requests."""
    components, (groups, partitions) = await both(
        site.hsm.components.list(type="Node"),
        both(site.hsm.groups.list(), site.hsm.partitions.list()),
    )
    return Directory(
        site=site.config.name,
        nodes=tuple(nodes_of(components).values()),
        groups={group.label.lower(): group.xnames for group in groups},
        partitions={partition.name.lower(): partition.xnames for partition in partitions},
    )
