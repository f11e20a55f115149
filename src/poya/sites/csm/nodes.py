# SPDX-License-Identifier: Apache-2.0
"""HSM components as nodes."""

from __future__ import annotations

from collections.abc import Iterable

from poya.csm import Component
from poya.model.names import normalise_xname
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
