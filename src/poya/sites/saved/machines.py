# SPDX-License-Identifier: Apache-2.0
"""A machine in a survey's file; nodes of one shape share it, so that thousands stay small."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import msgspec

from poya.errors import BadAnswer
from poya.placement.facts import Machine, NodeFacts, Shape
from poya.placement.naming import Unrecognised

_FIELDS = tuple(field for field in fields(NodeFacts) if field.name != "shape")


class SavedMachine(msgspec.Struct, frozen=True):
    """A site's nodes at one time.

    Attributes:
        nodes: What each `NodeFacts` says that is not its default; its shape is an index.
    """

    nodes: tuple[dict[str, Any], ...]
    shapes: tuple[Shape, ...]
    switch_groups: dict[str, str]
    exclusive: dict[str, str]
    booted_by: dict[str, tuple[str, ...]]
    unrecognised: tuple[Unrecognised, ...] = ()


def save_machine(machine: Machine) -> SavedMachine:
    """The machine as a file keeps it."""
    index: dict[Shape, int] = {}
    nodes = [
        {"shape": index.setdefault(node.shape, len(index)), **_said(node)}
        for node in machine.nodes
    ]
    return SavedMachine(
        nodes=tuple(nodes),
        shapes=tuple(index),
        switch_groups=dict(machine.switch_groups),
        exclusive=dict(machine.exclusive),
        booted_by=dict(machine.booted_by),
        unrecognised=machine.unrecognised,
    )


def load_machine(site: str, saved: SavedMachine) -> Machine:
    """The machine that a file keeps.

    Raises:
        BadAnswer: A node has no shape that is there.
        msgspec.ValidationError: A node is not one.
    """
    shapes = dict(enumerate(saved.shapes))
    return Machine.of(
        site,
        (_node(node, shapes) for node in saved.nodes),
        switch_groups=saved.switch_groups,
        exclusive=saved.exclusive,
        booted_by=saved.booted_by,
        unrecognised=saved.unrecognised,
    )


def _said(node: NodeFacts) -> dict[str, Any]:
    said = ((field, getattr(node, field.name)) for field in _FIELDS)
    return {field.name: value for field, value in said if value != field.default}


def _node(saved: dict[str, Any], shapes: dict[int, Shape]) -> NodeFacts:
    shape = saved.get("shape")
    if not isinstance(shape, int) or shape not in shapes:
        raise BadAnswer("A node's shape is missing in the survey.")
    return replace(msgspec.convert({**saved, "shape": {}}, NodeFacts), shape=shapes[shape])
