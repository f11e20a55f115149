# SPDX-License-Identifier: Apache-2.0
"""What Gitea's API says again and again."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response


def unauthorised() -> Response:
    """Nobody knows who asks."""
    return JSONResponse({"message": "token is required"}, 401)


def not_found() -> Response:
    """There is no such thing."""
    message = "The target couldn't be found."
    return JSONResponse({"message": message, "errors": [], "url": "/vcs/api/swagger"}, 404)


async def json_of(request: Request) -> dict[str, object]:
    """A request's body; what is no object counts as an empty one."""
    try:
        return as_object(await request.json())
    except ValueError:
        return {}


def as_object(value: object) -> dict[str, object]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}
