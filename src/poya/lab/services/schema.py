# SPDX-License-Identifier: Apache-2.0
"""Checks of JSON values in jsonschema's words, as connexion applies OpenAPI specifications.

Only what the specifications of BOS and CFS use. The first complaint ends the check; within an
object the order is: types, properties in the specification's order, unknown ones, missing ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["object", "array", "string", "boolean", "integer"]
_Found: TypeAlias = tuple[str, tuple[str, ...]]

_TYPES: dict[str, type] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
}


class Complaint(Exception):
    """What is wrong with a value, and where in it."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a value must look like; the names are JSON Schema's.

    Attributes:
        kind: The type.
        properties: Of an object.
        required: Properties that must be there.
        closed: No other properties may be there.
        values: The shape of properties that are not in `properties`.
        items: The shape of an array's items.
        low, high: Bounds of a string's length, an array's or object's size, or an integer.
        pattern: A string must contain a match.
        choices: A string must be one of these.
        read_only: Must not be in a request at all.
        nullable: May be null.
    """

    kind: Kind
    properties: Mapping[str, Shape] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    closed: bool = False
    values: Shape | None = None
    items: Shape | None = None
    low: int | None = None
    high: int | None = None
    pattern: str = ""
    choices: tuple[str, ...] = ()
    read_only: bool = False
    nullable: bool = False


BOOLEAN = Shape("boolean")
INTEGER = Shape("integer")
TEXT = Shape("string")
READ_ONLY = Shape("string", read_only=True)


def text(low: int | None = None, high: int | None = None, *, pattern: str = "") -> Shape:
    """A string of bounded length."""
    return Shape("string", low=low, high=high, pattern=pattern)


def one_of(*choices: str) -> Shape:
    """A string that is one of a few."""
    return Shape("string", choices=choices)


def array(items: Shape, low: int | None = None, high: int | None = None) -> Shape:
    """An array of bounded size."""
    return Shape("array", items=items, low=low, high=high)


def closed(properties: Mapping[str, Shape], *required: str) -> Shape:
    """An object with no other properties than these."""
    return Shape("object", properties=properties, required=required, closed=True)


def patches(one: Shape, filters: Mapping[str, Shape]) -> tuple[Shape, Shape]:
    """A PATCH of many records: as a list of patches with ids, or as one patch with filters."""
    each = Shape("object", {**one.properties, "id": TEXT}, required=("id",), closed=one.closed)
    alike = {"patch": one, "filters": Shape("object", filters)}
    return array(each), Shape("object", alike, required=("patch", "filters"))


def check(value: object, shape: Shape) -> None:
    """Compare a value with a shape.

    Raises:
        Complaint: The first thing that is wrong, such as
            `'path' is a required property - 'boot_sets.compute'`.
    """
    for message, path in _complaints(value, shape, ()):
        raise Complaint(f"{message} - '{'.'.join(path)}'" if path else message)


def _complaints(value: object, shape: Shape, path: tuple[str, ...]) -> Iterator[_Found]:
    if shape.read_only:
        yield "Property is read-only", path
    if value is None and shape.nullable:
        return
    if not _is_a(value, shape.kind):
        yield f"{value!r} is not of type '{shape.kind}'", path
    elif isinstance(value, dict):
        yield from _object_complaints(value, shape, path)
    elif isinstance(value, list):
        yield from _array_complaints(value, shape, path)
    elif isinstance(value, str):
        yield from ((message, path) for message in _text_complaints(value, shape))
    elif isinstance(value, int):
        yield from ((message, path) for message in _number_complaints(value, shape))


def _is_a(value: object, kind: Kind) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, _TYPES[kind])


def _object_complaints(
    value: dict[str, object], shape: Shape, path: tuple[str, ...]
) -> Iterator[_Found]:
    for name, inner in shape.properties.items():
        if name in value:
            yield from _complaints(value[name], inner, (*path, name))
    others = [name for name in value if name not in shape.properties]
    if shape.values is not None:
        for name in others:
            yield from _complaints(value[name], shape.values, (*path, name))
    elif shape.closed and others:
        names = ", ".join(repr(name) for name in others)
        verb = "was" if len(others) == 1 else "were"
        yield f"Additional properties are not allowed ({names} {verb} unexpected)", path
    for name in shape.required:
        if name not in value:
            yield f"{name!r} is a required property", path
    if shape.low is not None and len(value) < shape.low:
        yield f"{value!r} does not have enough properties", path


def _array_complaints(
    value: list[object], shape: Shape, path: tuple[str, ...]
) -> Iterator[_Found]:
    if shape.low is not None and len(value) < shape.low:
        yield f"{value!r} is too short", path
    if shape.high is not None and len(value) > shape.high:
        yield f"{value!r} is too long", path
    if shape.items is not None:
        for index, item in enumerate(value):
            yield from _complaints(item, shape.items, (*path, str(index)))


def _text_complaints(value: str, shape: Shape) -> Iterator[str]:
    if shape.low is not None and len(value) < shape.low:
        yield f"{value!r} is too short"
    if shape.high is not None and len(value) > shape.high:
        yield f"{value!r} is too long"
    if shape.pattern and not re.search(shape.pattern, value):
        yield f"{value!r} does not match {shape.pattern!r}"
    if shape.choices and value not in shape.choices:
        yield f"{value!r} is not one of {list(shape.choices)!r}"


def _number_complaints(value: int, shape: Shape) -> Iterator[str]:
    if shape.low is not None and value < shape.low:
        yield f"{value} is less than the minimum of {shape.low}"
    if shape.high is not None and value > shape.high:
        yield f"{value} is greater than the maximum of {shape.high}"
