# SPDX-License-Identifier: Apache-2.0
"""CFS records in the two spellings of their fields, and pages of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from starlette.requests import Request

from poya.lab.profiles import ReleaseProfile
from poya.lab.services.answers import Problem, query_integer
from poya.lab.services.orders import scattered_records
from poya.lab.state import JsonObject, Records

# In v2 this one field is spelt as in v3; the values of tags belong to the user.
_SAME_IN_V2 = frozenset({"additional_inventory"})
_OPAQUE = frozenset({"tags"})
_UNKNOWN_TO_V2 = frozenset({"source", "tenant_name", "logs", "debug_on_failure"})
_ODD_NAMES = {"session_ttl": "sessionTTL"}


def to_v2(record: JsonObject) -> JsonObject:
    """A v3 record as v2 shows it: what v2 does not know is left out."""
    return {
        _camel(name): value if name in _OPAQUE else _to_v2_value(value)
        for name, value in record.items()
        if name not in _UNKNOWN_TO_V2
    }


def to_v3(record: JsonObject) -> JsonObject:
    """A v2 record as it is stored."""
    return {
        _snake(name): value if name in _OPAQUE else _to_v3_value(value)
        for name, value in record.items()
    }


def _to_v2_value(value: object) -> object:
    if isinstance(value, dict):
        return to_v2(value)
    return [_to_v2_value(item) for item in value] if isinstance(value, list) else value


def _to_v3_value(value: object) -> object:
    if isinstance(value, dict):
        return to_v3(value)
    return [_to_v3_value(item) for item in value] if isinstance(value, list) else value


def _camel(name: str) -> str:
    if name in _SAME_IN_V2:
        return name
    return _ODD_NAMES.get(name) or re.sub(r"_(\w)", lambda m: m[1].upper(), name)


def _snake(name: str) -> str:
    if name == "sessionTTL":
        return "session_ttl"
    return re.sub(r"[A-Z]", lambda m: f"_{m[0].lower()}", name)


def page(
    records: Records, limit: int, after_id: str, keep: Callable[[JsonObject], bool] | None = None
) -> tuple[list[JsonObject], bool]:
    """At most `limit` records by name, after a name; and whether there are more."""
    found: list[JsonObject] = []
    for key in sorted(records.keys()):
        if key <= after_id:
            continue
        record = records.get(key)
        if record is None or (keep is not None and not keep(record)):
            continue
        if len(found) == limit:
            return found, True
        found.append(record)
    return found, False


def whole(
    profile: ReleaseProfile,
    records: Records,
    limit: int,
    keep: Callable[[JsonObject], bool] | None = None,
) -> tuple[list[JsonObject], bool]:
    """What a v2 list is of: a page by name, or before CFS 1.17 everything as it lies."""
    if profile.cfs_v3:
        return page(records, limit, "", keep)
    return [r for r in scattered_records(records) if keep is None or keep(r)], False


def v3_page_request(request: Request, default_limit: int) -> tuple[int, str]:
    """The `limit` and `after_id` of a request.

    Raises:
        Problem: 400 for a limit below 1.
    """
    limit = query_integer(request, "limit", default_limit, minimum=1)
    return limit, request.query_params.get("after_id", "")


def next_page(
    items: list[JsonObject], key: str, *, more: bool, parameters: JsonObject
) -> JsonObject | None:
    """What to ask for next: all parameters of this request, the unset ones as null."""
    return {**parameters, "after_id": items[-1][key]} if more and items else None


def v2_page(records: Iterable[JsonObject], *, more: bool) -> list[JsonObject]:
    """A whole v2 list.

    Raises:
        Problem: 400 if it is longer than CFS's default page.
    """
    if more:
        raise Problem(
            400,
            "The response size exceeds the default_page_size.  Use the v3 API to page through "
            "the results.",
            title="The response size is too large",
        )
    return [to_v2(record) for record in records]


def tags_of(given: str) -> list[tuple[str, str]]:
    """The pairs of a query such as `a=1,b=2`.

    Raises:
        Problem: 400 for anything else.
    """
    pairs = [tuple(tag.split("=")) for tag in given.split(",")] if given else []
    if not all(len(pair) == 2 for pair in pairs):  # noqa: PLR2004 - key and value
        raise Problem(400, "", title="Error parsing the tags provided.")
    return [(pair[0], pair[1]) for pair in pairs]
