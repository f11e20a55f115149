# SPDX-License-Identifier: Apache-2.0
"""What placement knows of a machine: its nodes, their parts, who holds them, where they sit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from poya.model.names import sorted_xnames, xname_order
from poya.placement.naming import Unrecognised


@dataclass(frozen=True, slots=True)
class Shape:
    """What a node is made of; nodes of one shape are as good as each other.

    Attributes:
        parts: How many of each name; a part counts under every name it has.
        narrowest: How many of each part, each under its narrowest name only.
        accelerator_names: The names that its accelerators have.
        nic_names: The names that its interfaces have.
        memory_mib: 0 where HSM's inventory does not say.
        model: The node's own model, as reported.
        firmware: Its BIOS version; empty where not reported.
        is_inventoried: HSM knows parts of it.
    """

    parts: tuple[tuple[str, int], ...] = ()
    narrowest: tuple[tuple[str, int], ...] = ()
    accelerator_names: tuple[str, ...] = ()
    nic_names: tuple[str, ...] = ()
    accelerators: int = 0
    processors: int = 0
    hsn: int = 0
    cores: int = 0
    memory_mib: int = 0
    model: str = ""
    firmware: str = ""
    is_inventoried: bool = True


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """One node.

    Attributes:
        groups: The labels of the HSM groups it is in.
        templates: Session templates that name it in a node list.
        selected_by: Session templates that boot its role, or a group that it is in.
        running: The session templates whose work it does now; an image or configuration where
            no template says whose that is.
        tenant: The tenant that it belongs to; empty for none.
    """

    xname: str
    shape: Shape
    nid: int | None = None
    arch: str = ""
    role: str = ""
    subrole: str = ""
    state: str = ""
    hardware_class: str = ""
    is_enabled: bool = True
    is_locked: bool = False
    is_reserved: bool = False
    groups: tuple[str, ...] = ()
    templates: tuple[str, ...] = ()
    selected_by: tuple[str, ...] = ()
    running: tuple[str, ...] = ()
    tenant: str = ""

    @property
    def cabinet(self) -> str:
        """`x1000`."""
        return cabinet_of(self.xname)

    @property
    def blade(self) -> str:
        """`x1000c0s0`: the blade of a Mountain cabinet, the chassis of a River one."""
        slot, found, _ = self.xname.partition("b")
        return slot if found else self.xname


def cabinet_of(xname: str) -> str:
    """`x1000` of `x1000c0s0b0n0`."""
    return xname.partition("c")[0]


@dataclass(frozen=True)
class Machine:
    """A site's nodes at one time.

    Attributes:
        nodes: In the order of the machine.
        switch_groups: Cabinet → name of its Slingshot group; a cabinet that is not named is a
            group of its own.
        exclusive: Group label → the word that excludes; only groups that have one.
        booted_by: Group label → the session templates that boot it.
        unrecognised: Models that the normalisation table does not know.
    """

    label: str
    nodes: tuple[NodeFacts, ...]
    switch_groups: Mapping[str, str] = field(default_factory=dict)
    exclusive: Mapping[str, str] = field(default_factory=dict)
    booted_by: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unrecognised: tuple[Unrecognised, ...] = ()

    @classmethod
    def of(cls, label: str, nodes: Iterable[NodeFacts], **more: object) -> Machine:
        """A machine with its nodes put in order."""
        ordered = sorted(nodes, key=lambda node: xname_order(node.xname))
        return cls(label, tuple(ordered), **more)  # type: ignore[arg-type]

    @cached_property
    def by_xname(self) -> Mapping[str, NodeFacts]:
        """The nodes by name."""
        return {node.xname: node for node in self.nodes}

    @cached_property
    def names(self) -> frozenset[str]:
        """Every name that some part of the machine has."""
        return frozenset(name for node in self.nodes for name, _ in node.shape.parts)

    def switch_group(self, cabinet: str) -> str:
        """The Slingshot group of a cabinet."""
        return self.switch_groups.get(cabinet, cabinet)

    def members(self, label: str) -> tuple[str, ...]:
        """The nodes in a group."""
        return sorted_xnames(node.xname for node in self.nodes if label in node.groups)
