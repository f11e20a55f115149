# SPDX-License-Identifier: Apache-2.0
"""Which fields differ between two JSON values."""

from __future__ import annotations

from collections.abc import Iterator

from poya.documents import Json, encode
from poya.model.plan import Change

_SHORT = 120


def changes(before: Json, after: Json) -> tuple[Change, ...]:
    """List the leaves that differ, in the order of their pointers."""
    return tuple(_walk("", before, after))


def _walk(pointer: str, before: Json, after: Json) -> Iterator[Change]:
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            yield from _member(f"{pointer}/{_escape(key)}", before, after, key)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _walk(f"{pointer}/{index}", old, new)
    else:
        yield Change(pointer or "/", _short(before), _short(after))


def _member(
    pointer: str, before: dict[str, Json], after: dict[str, Json], key: str
) -> Iterator[Change]:
    if key not in before:
        yield Change(pointer, "", _short(after[key]))
    elif key not in after:
        yield Change(pointer, _short(before[key]), "")
    else:
        yield from _walk(pointer, before[key], after[key])


def _short(value: Json) -> str:
    text = encode(value).decode("utf-8", "replace")
    return text if len(text) <= _SHORT else f"{text[:_SHORT]}…"


def _escape(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
