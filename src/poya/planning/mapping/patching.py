# SPDX-License-Identifier: Apache-2.0
"""JSON patches (RFC 6902) on a document of ours."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence

from poya.documents import Json, JsonObject, canonical, pointer_keys
from poya.model.mapping import Operation


class PatchFailed(ValueError):
    """A patch does not fit the document: a test fails, or a place is not there."""


def patched(document: JsonObject, operations: Sequence[Operation]) -> JsonObject:
    """The document after all operations; the one given is not changed.

    Raises:
        PatchFailed: An operation does not fit; the text says which and why.
    """
    root: Json = copy.deepcopy(document)
    for operation in operations:
        root = _OPERATIONS[operation.op](root, operation)
    if not isinstance(root, dict):
        raise PatchFailed("the document is not an object any more")
    return root


def _test(root: Json, operation: Operation) -> Json:
    found = _at(root, operation.path)
    if canonical(found) != canonical(operation.value):
        raise PatchFailed(f"test {operation.path}: it is {found!r}, not {operation.value!r}")
    return root


def _add(root: Json, operation: Operation) -> Json:
    return _inserted(root, operation.path, copy.deepcopy(operation.value))


def _remove(root: Json, operation: Operation) -> Json:
    return _taken(root, operation.path)[0]


def _replace(root: Json, operation: Operation) -> Json:
    _at(root, operation.path)
    without, _ = _taken(root, operation.path)
    return _inserted(without, operation.path, copy.deepcopy(operation.value))


def _move(root: Json, operation: Operation) -> Json:
    if f"{operation.path}/".startswith(f"{operation.source}/") and operation.path != (
        operation.source
    ):
        raise PatchFailed(f"move {operation.source}: {operation.path} lies within it")
    without, value = _taken(root, operation.source)
    return _inserted(without, operation.path, value)


def _copy(root: Json, operation: Operation) -> Json:
    value = copy.deepcopy(_at(root, operation.source))
    return _inserted(root, operation.path, value)


def _at(root: Json, pointer: str) -> Json:
    for token in _tokens(pointer):
        root = _child(root, token, pointer)
    return root


def _child(node: Json, token: str, pointer: str) -> Json:
    if isinstance(node, dict) and token in node:
        return node[token]
    if isinstance(node, list):
        return node[_index(token, len(node) - 1, pointer)]
    raise PatchFailed(f"there is no {pointer}")


def _inserted(root: Json, pointer: str, value: Json) -> Json:
    tokens = _tokens(pointer)
    if not tokens:
        return value
    parent = _parent(root, tokens, pointer)
    if isinstance(parent, dict):
        parent[tokens[-1]] = value
    elif isinstance(parent, list):
        last = len(parent)
        parent.insert(last if tokens[-1] == "-" else _index(tokens[-1], last, pointer), value)
    else:
        raise PatchFailed(f"there is no place for {pointer}")
    return root


def _taken(root: Json, pointer: str) -> tuple[Json, Json]:
    tokens = _tokens(pointer)
    if not tokens:
        return None, root
    parent = _parent(root, tokens, pointer)
    if isinstance(parent, dict) and tokens[-1] in parent:
        return root, parent.pop(tokens[-1])
    if isinstance(parent, list):
        return root, parent.pop(_index(tokens[-1], len(parent) - 1, pointer))
    raise PatchFailed(f"there is no {pointer}")


def _parent(root: Json, tokens: Sequence[str], pointer: str) -> Json:
    for token in tokens[:-1]:
        root = _child(root, token, pointer)
    return root


def _tokens(pointer: str) -> list[str]:
    if not pointer:
        return []
    if not pointer.startswith("/"):
        raise PatchFailed(f"'{pointer}' is not a JSON pointer")
    return pointer_keys(pointer)


def _index(token: str, last: int, pointer: str) -> int:
    is_number = token.isascii() and token.isdigit() and (token == "0" or token[0] != "0")
    if not is_number or int(token) > last:
        raise PatchFailed(f"there is no {pointer}")
    return int(token)


_OPERATIONS: Mapping[str, Callable[[Json, Operation], Json]] = {
    "test": _test,
    "add": _add,
    "remove": _remove,
    "replace": _replace,
    "move": _move,
    "copy": _copy,
}
