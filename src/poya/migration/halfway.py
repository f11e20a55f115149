# SPDX-License-Identifier: Apache-2.0
"""Is a record on its way from what it was to what it shall be? Pure.

SMD changes a group one member at a time, so a run that dies leaves it part-way. What lies between
the two ends is ours to complete or to take back; anything else is somebody else's doing.
"""

from __future__ import annotations

from poya.documents import JsonObject
from poya.model.records import Kind
from poya.planning.canonical import canonical_form


def is_between(kind: Kind, present: JsonObject, one: JsonObject, other: JsonObject) -> bool:
    """Say whether a write that goes from one to the other can have left `present` behind.

    Only groups are written in more than one request; all else is one of the two or neither.
    """
    if kind != "group":
        return False
    here, before, after = (canonical_form(kind, value) for value in (present, one, other))
    old, new, now = (_members(form) for form in (before, after, here))
    if not (old & new <= now <= old | new):
        return False
    return all(here[key] in (before[key], after[key]) for key in here if key != "members")


def _members(form: JsonObject) -> set[str]:
    members = form["members"]
    return {str(member) for member in members} if isinstance(members, list) else set()
