# SPDX-License-Identifier: Apache-2.0
"""What an S3 service's refusals mean: whether to try again, and what to tell the operator."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from poya.errors import (
    AuthenticationError,
    BadAnswer,
    DataDamaged,
    NotFound,
    PoyaError,
    RequestRefused,
    ServiceFailure,
)
from poya.transfer.s3xml import name_of, parse_xml, text_of

_STALE_KEYS = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidAccessKeyId",
        "InvalidToken",
        "TokenRefreshRequired",
    }
)
_PASSING = frozenset(
    {
        "SlowDown",
        "InternalError",
        "ServiceUnavailable",
        "RequestTimeout",
        "IncompleteBody",
        "BadDigest",
        "Throttling",
        "ThrottlingException",
        "RequestLimitExceeded",
        "OperationAborted",
    }
)
_TOO_MUCH = frozenset({"SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded"})
_PASSING_STATUS = frozenset({408, 429, 500, 502, 503, 504})
_MAX_MESSAGE = 300


class NoSuchUpload(NotFound):
    """The multipart upload was completed, aborted or never existed."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error answer of an S3 service.

    Attributes:
        status: The HTTP status; 200 for an error in the body of a successful answer.
        code: S3's code (`NoSuchKey`); empty where the answer has no body, as to HEAD.
        message: The service's words, bounded, without our secrets.
        retry_after_s: What the service asks us to wait; None if it does not say.
    """

    status: int
    code: str = ""
    message: str = ""
    retry_after_s: float | None = None

    @property
    def is_stale_key(self) -> bool:
        """Whether fresh credentials may help."""
        # An answer to HEAD has no body: any 403 there may be an expired token.
        return self.code in _STALE_KEYS or (self.status == 403 and not self.code)  # noqa: PLR2004

    @property
    def is_passing(self) -> bool:
        """Whether the same request may succeed later."""
        return self.code in _PASSING or (self.status in _PASSING_STATUS)

    @property
    def asks_for_less(self) -> bool:
        """Whether the service has too much to do."""
        return self.code in _TOO_MUCH or self.status in (429, 503)

    def __str__(self) -> str:
        words = f"{self.code}: {self.message}" if self.message else self.code
        return f"The object store answered {self.status} {words}".rstrip() + "."


def read_refusal(
    status: int, headers: Mapping[str, str], body: bytes, secrets: Iterable[str]
) -> Refusal:
    """Read an error answer, whatever its body is."""
    code, message = _code_and_message(body)
    for secret in secrets:
        message = message.replace(secret, "***")
    printable = "".join(char for char in message if char.isprintable())
    return Refusal(status, code, printable[:_MAX_MESSAGE], _retry_after_s(headers))


def error_in_success(body: bytes) -> bool:
    """Whether a 200 answer holds an error: long requests may fail after the status was sent."""
    return bool(body) and _code_and_message(body)[0] != ""


def as_error(refusal: Refusal, doing: str) -> PoyaError:
    """The error to raise for a refusal that no retry mends.

    Args:
        refusal: The last answer.
        doing: What was asked, as in `GET s3://boot-images/<id>/rootfs at alps`.
    """
    what, why = f"{doing} failed.", str(refusal)
    if refusal.code == "BadDigest":
        return DataDamaged(
            f"{doing}: the bytes that arrived are not those that were sent.",
            why=why,
            todo="Something on the way alters data: look for a proxy or a bad link, then resume.",
        )
    if refusal.code == "NoSuchUpload":
        return NoSuchUpload(what, why=why)
    if refusal.status == 404 or refusal.code in ("NoSuchKey", "NoSuchBucket"):  # noqa: PLR2004
        return NotFound(what, why=why)
    if refusal.status in (401, 403):
        return AuthenticationError(what, why=why, todo=_access_todo(refusal.code))
    if refusal.is_passing:
        return ServiceFailure(what, status=refusal.status, why=why, todo="Run it again later.")
    return RequestRefused(what, status=refusal.status, detail=refusal.code, why=why)


def _access_todo(code: str) -> str:
    if code == "RequestTimeTooSkewed":
        return "Set this machine's clock: it differs from the site's by more than 15 minutes."
    if code == "SignatureDoesNotMatch":
        return "Check the S3 credentials, and `region` and `s3_endpoint` of the site."
    return "Log in again, and check that your role may use the site's S3 buckets."


def _code_and_message(body: bytes) -> tuple[str, str]:
    try:
        root = parse_xml(body) if body else None
    except BadAnswer:
        root = None
    if root is None or name_of(root) != "Error":
        return "", ""
    code = text_of(root, "Code")
    return (code if code.isalnum() else "")[:64], text_of(root, "Message")


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    value = headers.get("retry-after", "")
    return float(value) if value.isdecimal() else None
