# SPDX-License-Identifier: Apache-2.0
"""Which fields differ between two JSON values; what looks like a secret is not shown."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile

from poya.documents import Json, canonical, encode, pointer_key
from poya.model.plan import Change
from poya.model.secrets import masked_member

_SHORT = 120
# How much of what is equal is shown before the first difference of two long texts.
_LEAD = 40


def changes(before: Json, after: Json) -> tuple[Change, ...]:
    """List the leaves that differ, in the order of their pointers."""
    return tuple(_walk("", before, after))


def _walk(pointer: str, before: Json, after: Json) -> Iterator[Change]:
    # Compared as JSON: to Python true is 1.
    if canonical(before) == canonical(after):
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            yield from _member(f"{pointer}/{pointer_key(key)}", before, after, key)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _walk(f"{pointer}/{index}", old, new)
    else:
        key = pointer.rpartition("/")[2]
        pair = masked_member(key, before), masked_member(key, after)
        yield Change(pointer or "/", *_short_pair(*pair))


def _member(
    pointer: str, before: dict[str, Json], after: dict[str, Json], key: str
) -> Iterator[Change]:
    if key not in before:
        yield Change(pointer, "", _short(masked_member(key, after[key])))
    elif key not in after:
        yield Change(pointer, _short(masked_member(key, before[key])), "")
    else:
        yield from _walk(pointer, before[key], after[key])


def _short_pair(before: Json, after: Json) -> tuple[str, str]:
    """Both shortened to the part that differs."""
    texts = encode(before).decode(), encode(after).decode()
    if max(map(len, texts)) <= _SHORT:
        return texts
    equal = takewhile(lambda pair: pair[0] == pair[1], zip(*texts, strict=False))
    start = max(0, sum(1 for _ in equal) - _LEAD)
    lead = "…" if start else ""
    one, other = (lead + _clip(text[start:]) for text in texts)
    return one, other


def _short(value: Json) -> str:
    return _clip(encode(value).decode())


def _clip(text: str) -> str:
    return text if len(text) <= _SHORT else f"{text[:_SHORT]}…"
