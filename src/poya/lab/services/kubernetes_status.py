# SPDX-License-Identifier: Apache-2.0
"""How Kubernetes refuses: objects of kind Status."""

from __future__ import annotations

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from poya.lab.services.answers import json_answer
from poya.lab.services.tenants import GROUP, KIND


class Failure(Exception):
    """A refusal, as Kubernetes says it: an object of kind Status."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code, self.reason, self.message = code, reason, message

    def answer(self) -> Response:
        """The response that says so."""
        return json_answer(
            {
                "kind": "Status",
                "apiVersion": "v1",
                "metadata": {},
                "status": "Failure",
                "message": self.message,
                "reason": self.reason,
                "code": self.code,
            },
            self.code,
        )


async def failed(_request: Request, error: Exception) -> Response:
    """The answer to a failure that was raised."""
    assert isinstance(error, Failure)
    return error.answer()


def refusal(status: int) -> Response:
    """The answer where there is no route."""
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        words = "the server does not allow this method on the requested resource"
        return Failure(status, "MethodNotAllowed", words).answer()
    if status == HTTPStatus.NOT_FOUND:
        words = "the server could not find the requested resource"
        return Failure(status, "NotFound", words).answer()
    return Failure(status, "InternalError", "Internal error occurred").answer()


def invalid(name: str, words: str) -> Failure:
    """What the schema or the API has against an object."""
    return Failure(422, "Invalid", f'{KIND}.{GROUP} "{name}" is invalid: {words}')
