# SPDX-License-Identifier: Apache-2.0
"""What a service answered: judged by its status, then read as what its API promises."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from poya.csm.http.calls import Call
from poya.csm.secret import masked
from poya.documents import Document, Json, parse
from poya.errors import (
    AuthenticationError,
    BadAnswer,
    NotFound,
    PoyaError,
    RequestRefused,
    ServiceFailure,
)

T = TypeVar("T")

_LONGEST_DETAIL = 2000
_LONGEST_GLIMPSE = 80
_TITLE = re.compile(rb"<title[^>]*>\s*(.{0,200}?)\s*</title>", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Answer:
    """A service's answer, read to its end.

    Attributes:
        request_id: The correlation id under which the gateway and the service logged it.
        location: Where a redirect points, without its query.
        retry_after: The header of that name.
        total: How many elements the whole list has, where Gitea says it (`X-Total-Count`).
        secrets: What the request carried; no message shows it.
    """

    call: Call
    status: int
    body: bytes = field(repr=False)
    request_id: str = ""
    location: str = ""
    retry_after: str = ""
    total: int | None = None
    secrets: tuple[str, ...] = field(default=(), repr=False)

    def raise_for_status(self) -> None:
        """Return if the status is 2xx.

        Raises:
            AuthenticationError: 401 or 403.
            NotFound: 404 from the service itself (its body is JSON).
            BadAnswer: 404 from whatever stands in its place, a redirect, or no HTTP status.
            RequestRefused: Any other 4xx.
            ServiceFailure: 5xx.
        """
        if 200 <= self.status < 300:  # noqa: PLR2004
            return
        raise self._failure()

    def document(self) -> Document:
        """The body as one JSON object.

        Raises:
            BadAnswer: It is anything else.
        """
        try:
            return Document(self.body)
        except BadAnswer as error:
            raise self.bad(error.why or error.what) from error

    def json(self) -> Json:
        """The body as JSON of any kind.

        Raises:
            BadAnswer: It is not JSON.
        """
        try:
            return parse(self.body)
        except BadAnswer as error:
            raise self.bad(error.why or error.what) from error

    def decode(self, shape: type[T]) -> T:
        """The body in a shape that msgspec knows.

        Raises:
            BadAnswer: It is not JSON, or not of that shape.
        """
        try:
            return msgspec.json.decode(self.body, type=shape)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise self.bad(f"{error}") from error

    def rows(self) -> list[msgspec.Raw]:
        """The elements of the JSON list in the body, not yet looked into.

        Raises:
            BadAnswer: It is anything but a list; null is no empty list.
        """
        return self.decode(list[msgspec.Raw])

    def bad(self, why: str) -> BadAnswer:
        """The error for an answer that is not what the API promises."""
        look = "" if self.call.is_confidential else f" It looks like {look_of(self.body)}."
        return BadAnswer(
            f"The answer to {self.call} is not what its API promises.",
            why=masked(why, self.secrets) + masked(look, self.secrets),
        )

    def detail(self) -> str:
        """The service's own words on a failure, at most 2000 characters.

        Read from RFC 7807 problems (`detail`, `title`, and IMS's `errors`), TAPMS's and Gitea's
        `message`, Keycloak's `error_description`, a bare JSON string, or plain text.
        """
        if self.call.is_confidential:
            return ""
        return masked(words_of(self.body), self.secrets)[:_LONGEST_DETAIL]

    def _failure(self) -> PoyaError:
        status, what = self.status, f"{self.call} was answered with {self.status}."
        if status >= 500:  # noqa: PLR2004
            why = " ".join(filter(None, (self.detail(), f"Request id {self.request_id}.")))
            return ServiceFailure(what, status=status, why=why)
        if status in (401, 403):
            return self._unauthorised(what)
        if status == 404:  # noqa: PLR2004
            return self._absent(what)
        if 400 <= status < 500:  # noqa: PLR2004
            return RequestRefused(what, status=status, detail=self.detail())
        return BadAnswer(
            what,
            why=f"It points to {self.location}." if self.location else "",
            todo="Redirects are not followed: check the site's url.",
        )

    def _unauthorised(self, what: str) -> PoyaError:
        if self.status == 401:  # noqa: PLR2004
            todo = f"Log in to {self.call.site} again: the token is missing, expired or unknown."
        else:
            todo = f"The account at {self.call.site} lacks the right; ask for it or use another."
        return AuthenticationError(what, why=self.detail(), todo=todo)

    def _absent(self, what: str) -> PoyaError:
        """CSM's services say 404 in JSON; a gateway without that route does not.

        Were both taken for absence, a wrong URL would read as an empty site.
        """
        if _is_json(self.body):
            return NotFound(what, why=self.detail())
        return BadAnswer(
            what,
            why=f"No such service answers there: the body is {look_of(self.body)}.",
            todo="Check the site's url and services.",
        )


def words_of(body: bytes) -> str:
    """What a failure's body says to people."""
    try:
        value = parse(body)
    except BadAnswer:
        return look_of(body) if _is_html(body) else body.decode("utf-8", "replace").strip()
    if isinstance(value, str):
        return value
    if not isinstance(value, dict):
        return body.decode("utf-8", "replace")
    keys = ("detail", "error_description", "message", "title", "error")
    said = next((f"{value[key]}" for key in keys if value.get(key)), "")
    errors = value.get("errors")
    return f"{said} {msgspec.json.encode(errors).decode()}".strip() if errors else said


def look_of(body: bytes) -> str:
    """What a body looks like, in a few words, for a message."""
    if not body.strip():
        return "an empty body"
    if _is_html(body):
        title = _TITLE.search(body)
        return f"an HTML page titled {_glimpse(title[1])}" if title else "an HTML page"
    return _glimpse(body)


def _glimpse(body: bytes) -> str:
    text = " ".join(body[: 4 * _LONGEST_GLIMPSE].decode("utf-8", "replace").split())
    return repr(text if len(text) <= _LONGEST_GLIMPSE else f"{text[:_LONGEST_GLIMPSE]}…")


def _is_html(body: bytes) -> bool:
    start = body[:200].lstrip().lower()
    return start.startswith((b"<!doctype html", b"<html"))


def _is_json(body: bytes) -> bool:
    try:
        parse(body)
    except BadAnswer:
        return False
    return True
