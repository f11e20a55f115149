# SPDX-License-Identifier: Apache-2.0
"""How CSM's services answer: JSON, problems (RFC 7807), and the habits of their frameworks.

BOS and CFS are written with connexion, IMS with Flask-RESTful, SMD and BSS in Go. Each refuses
unknown paths, methods and bodies in its own way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, TypeVar, cast

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute

from poya.lab.services.schema import Complaint, Shape, check
from poya.lab.state import JsonObject

T = TypeVar("T")

_NOT_FOUND = (
    "The requested URL was not found on the server. If you entered the URL manually please "
    "check your spelling and try again."
)
_BAD_METHOD = "The method is not allowed for the requested URL."
_SERVER_ERROR = (
    "The server encountered an internal error and was unable to complete your request. Either "
    "the server is overloaded or there is an error in the application."
)


class Problem(Exception):
    """A service's refusal, as RFC 7807 shapes it."""

    def __init__(self, status: int, detail: str, *, title: str = "", **extra: object) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.title = title or HTTPStatus(status).phrase
        self.extra = extra

    def answer(self) -> Response:
        """The response that says so."""
        body = {
            "type": "about:blank",
            "title": self.title,
            "detail": self.detail,
            "status": self.status,
            **self.extra,
        }
        return Response(
            msgspec.json.encode(body), self.status, media_type="application/problem+json"
        )


class Crash(Problem):
    """An exception that the real service does not catch."""

    def __init__(self) -> None:
        super().__init__(500, _SERVER_ERROR)


def json_answer(value: object, status: int = 200) -> Response:
    """A value as JSON."""
    return encoded_answer(msgspec.json.encode(value), status)


def encoded_answer(body: bytes, status: int = 200) -> Response:
    """JSON that is encoded already."""
    return Response(body, status, media_type="application/json")


def no_content() -> Response:
    """204."""
    return Response(status_code=204)


def connexion_app(routes: Sequence[BaseRoute]) -> Starlette:
    """A service written with connexion (BOS, CFS): every refusal is a problem."""
    return _app(routes, lambda status: Problem(status, _words(status)).answer())


def ims_app(routes: Sequence[BaseRoute]) -> Starlette:
    """IMS: unknown paths are problems, other refusals of Flask-RESTful are `{"message": ...}`."""

    def refuse(status: int) -> Response:
        if status == HTTPStatus.NOT_FOUND:
            return Problem(status, _NOT_FOUND).answer()
        return json_answer({"message": _words(status)}, status)

    return _app(routes, refuse)


def go_app(routes: Sequence[BaseRoute]) -> Starlette:
    """A service written in Go (SMD, BSS): an unknown path or method is a plain 404."""

    def refuse(status: int) -> Response:
        if status < HTTPStatus.INTERNAL_SERVER_ERROR:
            return PlainTextResponse("404 page not found\n", 404)
        return PlainTextResponse("", status)

    return _app(routes, refuse)


def plain_app(
    routes: Sequence[BaseRoute],
    refuse: Callable[[int], Response],
    handlers: Mapping[type[Exception], Any] | None = None,
) -> Starlette:
    """A service with refusals of its own: `refuse` makes one of a status.

    Args:
        routes: What it serves.
        refuse: For unknown paths and methods, and for what the service does not catch.
        handlers: For exceptions of its own.
    """
    return _app(routes, refuse, handlers or {})


def _app(
    routes: Sequence[BaseRoute],
    refuse: Callable[[int], Response],
    more: Mapping[type[Exception], Any] | None = None,
) -> Starlette:
    async def problem(_request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)
        return error.answer()

    async def refused(_request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return refuse(error.status_code)

    async def crashed(_request: Request, _error: Exception) -> Response:
        return refuse(500)

    handlers: dict[Any, Any] = {Problem: problem, HTTPException: refused, Exception: crashed}
    handlers |= more or {}
    app = Starlette(routes=routes, exception_handlers=handlers)
    app.router.redirect_slashes = False
    return app


def _words(status: int) -> str:
    words = {404: _NOT_FOUND, 405: _BAD_METHOD, 500: _SERVER_ERROR}
    return words.get(status, HTTPStatus(status).description)


async def connexion_body(request: Request, shape: Shape) -> JsonObject:
    """A request's JSON object, checked as connexion 2.14 checks it.

    Raises:
        Problem: 400 for anything but JSON of that shape, 415 for another content type.
    """
    value = await connexion_json(request)
    complain(value, shape)
    return cast("JsonObject", value)


async def connexion_json(request: Request) -> object:
    """A request's JSON, whatever it is.

    Raises:
        Problem: 400 for anything but JSON, 415 for another content type.
    """
    raw = await request.body()
    if not raw:
        raise Problem(400, "RequestBody is required")
    content_type = request.headers.get("content-type", "")
    if "json" not in content_type:
        raise Problem(415, f"Invalid Content-type ({content_type}), expected JSON data")
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Problem(400, "Request body is not valid JSON") from None


def complain(value: object, shape: Shape) -> None:
    """Refuse a value that does not have the shape, in jsonschema's words.

    Raises:
        Problem: 400.
    """
    try:
        check(value, shape)
    except Complaint as complaint:
        raise Problem(400, str(complaint)) from None


async def connexion_patches(
    request: Request, listed: Shape, alike: Shape
) -> list[JsonObject] | JsonObject:
    """A request's JSON that may be a list of patches or one patch with filters.

    Raises:
        Problem: As `connexion_body`.
    """
    value = await connexion_json(request)
    complain(value, listed if isinstance(value, list) else alike)
    return cast("list[JsonObject] | JsonObject", value)


def query_boolean(request: Request, name: str) -> bool | None:
    """A boolean query parameter as connexion reads it; None if it is not given."""
    text = request.query_params.get(name)
    if text is None:
        return None
    if text.lower() not in ("true", "false"):
        raise Problem(400, f"Wrong type, expected 'boolean' for query parameter '{name}'")
    return text.lower() == "true"


def query_integer(request: Request, name: str, default: int, *, minimum: int) -> int:
    """An integer query parameter as connexion reads it."""
    text = request.query_params.get(name)
    if text is None:
        return default
    try:
        number = int(text)
    except ValueError:
        raise Problem(
            400, f"Wrong type, expected 'integer' for query parameter '{name}'"
        ) from None
    if number < minimum:
        raise Problem(400, f"{number} is less than the minimum of {minimum}")
    return number


async def go_body(request: Request, form: type[T], *, malformed: int = 500) -> T:
    """A request's JSON as Go's decoder takes it: unknown fields are ignored.

    Raises:
        Problem: `malformed` (500 from SMD) for what is not JSON or has values of wrong types.
    """
    try:
        return msgspec.json.decode(await request.body(), type=form)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Problem(malformed, f"error decoding JSON {error}") from None
