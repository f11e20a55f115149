# SPDX-License-Identifier: Apache-2.0
"""What IMS takes in requests, in marshmallow's words: unknown fields are refused by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from poya.lab.profiles import MetadataForm, ReleaseProfile
from poya.lab.services.answers import Problem, json_answer
from poya.lab.state import JsonObject

Errors: TypeAlias = "list[str] | dict[str, Errors]"
Field: TypeAlias = Callable[[object], "Errors | None"]

_MISSING = "Missing data for required field."
_NULL = "Field may not be null."
_INPUT = (
    "No input provided. Determine the specific information that is missing or invalid and then "
    "re-run the request with valid information."
)
_INVALID = (
    "Input data was understood, but failed validation. Re-run request with valid input values "
    "for the fields indicated in the response."
)


class FlaskRefusal(Problem):
    """A refusal of the framework's: `{"message": ...}`, no problem document."""

    def answer(self) -> Response:
        """The response that says so."""
        return json_answer({"message": self.detail}, self.status)


async def ims_body(request: Request) -> JsonObject:
    """A request's JSON as IMS reads it.

    Raises:
        Problem: 415 for another content type, 400 for what is not JSON or empty.
    """
    if "json" not in request.headers.get("content-type", ""):
        raise FlaskRefusal(
            415,
            "Did not attempt to load JSON data because the request Content-Type was not "
            "'application/json'.",
        )
    try:
        body = msgspec.json.decode(await request.body())
    except msgspec.DecodeError:
        raise FlaskRefusal(
            400, "The browser (or proxy) sent a request that this server could not understand."
        ) from None
    if not body:
        raise Problem(400, _INPUT)
    if not isinstance(body, dict):
        raise invalid({"_schema": ["Invalid input type."]})
    return body


def invalid(errors: Errors) -> Problem:
    """422 with the complaints by field."""
    return Problem(422, _INVALID, title="Unprocessable Entity", errors=errors)


def require(body: JsonObject, fields: Mapping[str, Field], *required: str) -> None:
    """Check a request's fields.

    Raises:
        Problem: 422, naming every field that is unknown, missing or wrong.
    """
    errors = _errors(body, fields, required)
    if errors:
        raise invalid(errors)


def created_image(profile: ReleaseProfile) -> dict[str, Field]:
    """POST /v3/images."""
    fields: dict[str, Field] = {"name": not_blank, "link": _or_null(link)}
    if profile.ims_arch:
        fields["arch"] = arch
    if profile.ims_metadata is not MetadataForm.NONE:
        fields["metadata"] = _or_null(string_map)
    return fields


def patched_image(profile: ReleaseProfile) -> dict[str, Field]:
    """PATCH /v3/images/{id}."""
    fields: dict[str, Field] = {"link": link}
    if profile.ims_arch:
        fields["arch"] = arch
    if profile.ims_metadata is not MetadataForm.NONE:
        fields["metadata"] = _metadata_change
    return fields


def undelete() -> dict[str, Field]:
    """PATCH of a deleted record."""
    return {"operation": choice("undelete")}


def string(value: object) -> Errors | None:
    """Any string."""
    if value is None:
        return [_NULL]
    return None if isinstance(value, str) else ["Not a valid string."]


def not_blank(value: object) -> Errors | None:
    """A string with something in it."""
    return ["name field must not be blank"] if value == "" else string(value)


def boolean(value: object) -> Errors | None:
    """True or false."""
    return None if isinstance(value, bool) else ["Not a valid boolean."]


def choice(*choices: str) -> Field:
    """One of a few strings."""

    def check(value: object) -> Errors | None:
        problem = string(value)
        if problem is None and value not in choices:
            return [f"Must be one of: {', '.join(choices)}."]
        return problem

    return check


def anything(_value: object) -> Errors | None:
    """Whatever it is."""
    return None


def string_map(value: object) -> Errors | None:
    """A map of strings."""
    if not isinstance(value, dict):
        return ["Not a valid mapping type."]
    wrong: dict[str, Errors] = {
        key: {"value": ["Not a valid string."]}
        for key, v in value.items()
        if not isinstance(v, str)
    }
    return wrong or None


def link(value: object) -> Errors | None:
    """Where an artifact is: `path` and `type` must be there, `etag` may."""
    if value is None:
        return [_NULL]
    fields: dict[str, Field] = {"path": not_blank, "etag": string, "type": choice("s3")}
    return _nested(value, fields, "path", "type")


arch = choice("aarch64", "x86_64")


def _metadata_change(value: object) -> Errors | None:
    fields: dict[str, Field] = {
        "operation": choice("set", "remove"),
        "key": string,
        "value": string,
    }
    return _nested(value, fields, "operation", "key")


def _or_null(field: Field) -> Field:
    return lambda value: None if value is None else field(value)


def _nested(value: object, fields: Mapping[str, Field], *required: str) -> Errors | None:
    if not isinstance(value, dict):
        return {"_schema": ["Invalid input type."]}
    return _errors(value, fields, required) or None


def _errors(
    body: JsonObject, fields: Mapping[str, Field], required: tuple[str, ...]
) -> dict[str, Errors]:
    errors: dict[str, Errors] = {name: [_MISSING] for name in required if name not in body}
    for name, value in body.items():
        problem: Errors | None = fields[name](value) if name in fields else ["Unknown field."]
        if problem is not None:
            errors[name] = problem
    return errors
