# SPDX-License-Identifier: Apache-2.0
"""How BOS changes records: objects are merged, whatever their depth, all else is replaced."""

from __future__ import annotations

from poya.lab.state import JsonObject


def merge(old: JsonObject, new: JsonObject) -> JsonObject:
    """The old record with the new one's fields in it."""
    both = {k: merge(old[k], v) for k, v in new.items() if _are_objects(old.get(k), v)}
    return old | new | both


def _are_objects(one: object, other: object) -> bool:
    return isinstance(one, dict) and isinstance(other, dict)
