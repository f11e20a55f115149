# SPDX-License-Identifier: Apache-2.0
"""What all objects of a Kubernetes API have in common: versions, bodies, patches."""

from __future__ import annotations

import msgspec
from starlette.requests import Request

from poya.lab.services.kubernetes_status import Failure
from poya.lab.site import LabSite
from poya.lab.state import JsonObject

_FIRST = 1000


class Versions:
    """The resource versions of a cluster: one counter for all objects."""

    def __init__(self, site: LabSite) -> None:
        self._counter = site.state.kind("kubernetes")

    def last(self) -> int:
        """The version of the last change."""
        found = self._counter.get("resource-version")
        return _FIRST if found is None else int(found["number"])

    def take(self) -> int:
        """The version of the change that is being made."""
        number = self.last() + 1
        self._counter.put("resource-version", {"number": number})
        return number


async def json_body(request: Request) -> JsonObject:
    """A request's object.

    Raises:
        Failure: 400, it is none.
    """
    try:
        return msgspec.json.decode(await request.body(), type=JsonObject)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Failure(400, "BadRequest", f"error decoding JSON: {error}") from error


def merged(old: JsonObject, patch: JsonObject) -> JsonObject:
    """An object with a merge patch applied (RFC 7396)."""
    both = dict(old)
    for key, value in patch.items():
        if value is None:
            both.pop(key, None)
        elif isinstance(value, dict) and isinstance(both.get(key), dict):
            both[key] = merged(both[key], value)
        else:
            both[key] = value
    return both
