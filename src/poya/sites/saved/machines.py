# SPDX-License-Identifier: Apache-2.0
"""A machine in a survey's file; nodes of one shape share it, so that thousands stay small."""

from __future__ import annotations

from dataclasses import fields

import msgspec

from poya.errors import BadAnswer
from poya.placement.facts import Machine, NodeFacts, Shape
from poya.placement.naming import Unrecognised


class SavedNode(msgspec.Struct, frozen=True, omit_defaults=True):
    """A node's facts, its shape as an index."""

    xname: str
    shape: int
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


class SavedMachine(msgspec.Struct, frozen=True):
    """A site's nodes at one time."""

    nodes: tuple[SavedNode, ...]
    shapes: tuple[Shape, ...]
    switch_groups: dict[str, str]
    exclusive: dict[str, str]
    booted_by: dict[str, tuple[str, ...]]
    unrecognised: tuple[Unrecognised, ...] = ()


_COPIED = tuple(field.name for field in fields(NodeFacts) if field.name != "shape")


def save_machine(machine: Machine) -> SavedMachine:
    """The machine as a file keeps it."""
    index: dict[Shape, int] = {}
    nodes = tuple(
        SavedNode(
            shape=index.setdefault(node.shape, len(index)),
            **{name: getattr(node, name) for name in _COPIED},
        )
        for node in machine.nodes
    )
    return SavedMachine(
        nodes=nodes,
        shapes=tuple(index),
        switch_groups=dict(machine.switch_groups),
        exclusive=dict(machine.exclusive),
        booted_by=dict(machine.booted_by),
        unrecognised=machine.unrecognised,
    )


def load_machine(site: str, saved: SavedMachine) -> Machine:
    """The machine that a file keeps.

    Raises:
        BadAnswer: A node has a shape that is not there.
    """
    if any(not 0 <= node.shape < len(saved.shapes) for node in saved.nodes):
        raise BadAnswer("A node's shape is missing in the survey.")
    return Machine.of(
        site,
        (
            NodeFacts(
                shape=saved.shapes[node.shape], **{name: getattr(node, name) for name in _COPIED}
            )
            for node in saved.nodes
        ),
        switch_groups=saved.switch_groups,
        exclusive=saved.exclusive,
        booted_by=saved.booted_by,
        unrecognised=saved.unrecognised,
    )
