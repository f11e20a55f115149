# SPDX-License-Identifier: Apache-2.0
"""A document as a service sent it: the bytes are the truth, the parsed value a view of them.

CSM adds fields with every release. A record that is decoded into a class and encoded again
loses those that the class does not know; so nothing here is ever encoded from a class.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterable
from typing import Any, TypeAlias, cast

from poya.errors import BadAnswer

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
JsonObject: TypeAlias = dict[str, Json]

_MAX_DEPTH = 64


class Document:
    """A JSON object with the exact bytes that it was read from.

    Two documents are equal when their JSON values are equal; spelling does not count. As in JSON,
    and unlike in Python, `true` is not 1.
    """

    __slots__ = ("_value", "raw")

    raw: bytes

    def __init__(self, raw: bytes) -> None:
        """Keep `raw` and check that it is one JSON object.

        Raises:
            BadAnswer: The bytes are not JSON, not an object, nested too deep, name a key twice
                or hold a number or a text that cannot be written back.
        """
        self.raw = raw
        self._value = _parse_object(raw)

    @classmethod
    def of(cls, value: JsonObject) -> Document:
        """Make a document from a value of our own."""
        return cls(encode(value))

    @property
    def value(self) -> JsonObject:
        """The parsed object. Read it, never change it: use `editable` for that."""
        return self._value

    def editable(self) -> JsonObject:
        """A copy of the parsed object that may be changed."""
        return copy.deepcopy(self._value)

    def without(self, keys: Iterable[str]) -> Document:
        """The same document less these top-level keys; itself if it has none of them."""
        unwanted = set(keys) & self._value.keys()
        if not unwanted:
            return self
        return Document.of({k: v for k, v in self._value.items() if k not in unwanted})

    def digest(self) -> str:
        """Sha256 of the canonical form: equal values have equal digests."""
        return hashlib.sha256(canonical(self._value)).hexdigest()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Document):
            return NotImplemented
        return canonical(self._value) == canonical(other._value)

    def __hash__(self) -> int:
        return hash(self.digest())

    def __repr__(self) -> str:
        # Never its text: clone URLs and cloud-init data carry passwords.
        return f"Document({len(self.raw)} bytes)"


def encode(value: Json) -> bytes:
    """Encode a value as compact UTF-8 JSON, keys in their order.

    Raises:
        ValueError: The value holds a number that JSON cannot carry (NaN, infinity), or half of a
            surrogate pair.
    """
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def canonical(value: Json) -> bytes:
    """Encode a value so that equal values give equal bytes: sorted keys, no spaces."""
    return json.dumps(
        value, ensure_ascii=True, separators=(",", ":"), sort_keys=True, allow_nan=False
    ).encode("ascii")


def pretty(value: Json) -> bytes:
    """Encode a value for people: two spaces a level, UTF-8, a final newline."""
    text = json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False)
    return text.encode() + b"\n"


def parse(raw: bytes) -> Json:
    """Parse strict JSON in UTF-8, of bounded depth.

    Raises:
        BadAnswer: Not JSON, too deep, a key named twice, or a number or a text that cannot be
            written back.
    """
    try:
        value = json.loads(
            raw.decode("utf-8-sig"),
            object_pairs_hook=_object_without_twins,
            parse_constant=_refuse_constant,
            parse_float=_finite_float,
        )
    except RecursionError as error:
        raise BadAnswer("The document is nested too deep to be read.") from error
    except ValueError as error:
        raise BadAnswer("The document is not JSON.", why=f"{error}") from error
    _check_depth(value)
    if b"\\u" in raw:
        _check_texts(value)
    return cast("Json", value)


def pointer_key(key: str) -> str:
    """A key as it stands in a JSON pointer (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")


def pointer_keys(pointer: str) -> list[str]:
    """The keys and indices that a JSON pointer (RFC 6901) leads through; none for the whole."""
    return [key.replace("~1", "/").replace("~0", "~") for key in pointer.split("/")[1:]]


def _parse_object(raw: bytes) -> JsonObject:
    value = parse(raw)
    if not isinstance(value, dict):
        raise BadAnswer(f"Expected a JSON object, found {_kind(value)}.")
    return value


def _object_without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name, value in pairs:
        if name in result:
            raise ValueError(f"the key {name[:60]!r} appears twice in one object")
        result[name] = value
    return result


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a JSON number")


def _finite_float(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"the number {text[:40]} is out of range")
    return number


def _check_depth(value: Json) -> None:
    level: list[Json] = [value]
    for _ in range(_MAX_DEPTH):
        level = [child for node in level for child in _children(node)]
        if not level:
            return
    raise BadAnswer(f"The document is nested more than {_MAX_DEPTH} levels deep.")


def _check_texts(value: Json) -> None:
    """Refuse half of a surrogate pair: an escape can spell it, nothing can be written with it."""
    try:
        encode(value)
    except UnicodeEncodeError as error:
        raise BadAnswer("The document holds half of a surrogate pair.", why=f"{error}") from error


def _children(node: Json) -> Iterable[Json]:
    if isinstance(node, dict):
        return node.values()
    if isinstance(node, list):
        return node
    return ()


def _kind(value: Json) -> str:
    names = {list: "a list", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
