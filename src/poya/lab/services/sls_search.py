# SPDX-License-Identifier: Apache-2.0
"""SLS: conditions on a record's ExtraProperties, as searches pose them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import msgspec
from starlette.requests import Request

from poya.lab.services.answers import Problem, go_body

T = TypeVar("T")

_LISTS = {"node_nics": "NodeNics", "networks": "Networks", "peers": "Peers"}
_WORDS = {"power_connector": "PoweredBy", "object": "Object"}


async def sls_body(request: Request, form: type[T], refusal: str) -> T:
    """A request's JSON, refused with 400 and SLS's own words."""
    try:
        return await go_body(request, form, malformed=400)
    except Problem:
        raise Problem(400, refusal) from None


def extra_conditions(request: Request) -> dict[str, str | list[str]]:
    """The conditions that a query poses: a word is compared, one of a list must be there.

    Raises:
        Problem: 400 for a condition without a field.
    """
    query, wanted = request.query_params, dict[str, str | list[str]]()
    wanted |= {_WORDS[name]: query[name] for name in _WORDS if query.get(name)}
    wanted |= {_LISTS[name]: [query[name]] for name in _LISTS if query.get(name)}
    for key in query:
        head, _, field = key.partition(".")
        if head == "extra_properties":
            if not field:
                raise Problem(
                    400,
                    "ExtraProperties search did not include the field name. The ExtraProperties "
                    "query should be of the form: extra_properties.{fieldname}={value}",
                )
            values = query.getlist(key)
            wanted[field] = values[0] if len(values) == 1 else values
    return wanted


def has_extra(extra: object, wanted: Mapping[str, str | list[str]]) -> bool:
    """Whether a record's ExtraProperties meet all conditions."""
    found = extra if isinstance(extra, dict) else {}
    return all(_matches(found.get(field), value) for field, value in wanted.items())


def _matches(actual: object, wanted: str | list[str]) -> bool:
    if isinstance(wanted, str):
        return actual is not None and (_json(actual), actual).count(wanted) > 0
    return isinstance(actual, (list, dict)) and any(value in actual for value in wanted)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
