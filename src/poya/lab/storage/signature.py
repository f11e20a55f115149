# SPDX-License-Identifier: Apache-2.0
"""Checks AWS Signature Version 4, in the Authorization header or in the query (presigned)."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote, unquote

from poya.lab.storage.credentials import Account, CredentialMint
from poya.lab.storage.refusals import Refused

UNSIGNED = "UNSIGNED-PAYLOAD"
_ALGORITHM = "AWS4-HMAC-SHA256"
_MAX_SKEW_S = 15 * 60
_MAX_PRESIGNED_S = 7 * 24 * 3600
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256\s+Credential=(?P<credential>[^,]+),\s*"
    r"SignedHeaders=(?P<headers>[^,\s]+),\s*Signature=(?P<signature>[0-9a-f]{64})\s*"
)


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """The parts of a request that a signature covers; header names in lower case."""

    method: str
    path: str
    query: str
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Claim:
    access_key: str
    scope: tuple[str, str, str, str]
    signed_headers: tuple[str, ...]
    signature: str
    timestamp: str
    payload: str
    session_token: str
    lifetime_s: int | None


class SignatureCheck:
    """Refuses what Ceph RGW 16 refuses: it knows the site's credentials, and the time."""

    def __init__(self, mint: CredentialMint) -> None:
        self._mint = mint

    def check(self, request: SignedRequest) -> str:
        """Return the payload hash that was signed for (hex, or a word such as UNSIGNED-PAYLOAD).

        Raises:
            Refused: 403, with the code that S3 gives.
        """
        claim = _claim(request)
        account = self._mint.account(claim.access_key)
        if account is None:
            raise Refused(403, "InvalidAccessKeyId")
        self._check_time(claim)
        if not hmac.compare_digest(claim.session_token, account.session_token):
            raise Refused(403, "InvalidAccessKeyId" if claim.session_token else "AccessDenied")
        if self._mint.now_s() >= account.expires_s:
            raise Refused(403, "ExpiredToken", "The provided token has expired.")
        if not hmac.compare_digest(_signature(request, claim, account), claim.signature):
            raise Refused(403, "SignatureDoesNotMatch")
        return claim.payload

    def _check_time(self, claim: _Claim) -> None:
        try:
            signed = datetime.strptime(claim.timestamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        except ValueError:
            raise Refused(403, "AccessDenied", "The date of the request is malformed.") from None
        age_s = self._mint.now_s() - signed.timestamp()
        if claim.lifetime_s is None and abs(age_s) > _MAX_SKEW_S:
            raise Refused(403, "RequestTimeTooSkewed")
        if claim.lifetime_s is not None and not -_MAX_SKEW_S <= age_s <= claim.lifetime_s:
            raise Refused(403, "AccessDenied", "Request has expired")
        if claim.scope[0] != claim.timestamp[:8]:
            raise Refused(403, "SignatureDoesNotMatch")


def _claim(request: SignedRequest) -> _Claim:
    if "authorization" in request.headers:
        return _claim_in_header(request)
    query = dict(parse_qsl(request.query, keep_blank_values=True))
    if "X-Amz-Signature" in query:
        return _claim_in_query(query)
    raise Refused(403, "AccessDenied")


def _claim_in_header(request: SignedRequest) -> _Claim:
    found = _AUTHORIZATION.fullmatch(request.headers["authorization"])
    if not found:
        raise Refused(400, "InvalidArgument", "Only AWS Signature Version 4 is understood.")
    headers = request.headers
    payload = headers.get("x-amz-content-sha256")
    if payload is None:
        raise Refused(400, "InvalidRequest", "Missing header x-amz-content-sha256.")
    access_key, scope = _scope(found["credential"])
    return _Claim(
        access_key=access_key,
        scope=scope,
        signed_headers=_signed_headers(found["headers"]),
        signature=found["signature"],
        timestamp=headers.get("x-amz-date", ""),
        payload=payload,
        session_token=headers.get("x-amz-security-token", ""),
        lifetime_s=None,
    )


def _claim_in_query(query: dict[str, str]) -> _Claim:
    lifetime = query.get("X-Amz-Expires", "")
    if query.get("X-Amz-Algorithm") != _ALGORITHM or not lifetime.isdecimal():
        raise Refused(403, "AccessDenied")
    if int(lifetime) > _MAX_PRESIGNED_S:
        raise Refused(403, "AccessDenied", "X-Amz-Expires must be less than a week.")
    access_key, scope = _scope(query.get("X-Amz-Credential", ""))
    return _Claim(
        access_key=access_key,
        scope=scope,
        signed_headers=_signed_headers(query.get("X-Amz-SignedHeaders", "")),
        signature=query["X-Amz-Signature"],
        timestamp=query.get("X-Amz-Date", ""),
        payload=query.get("X-Amz-Content-SHA256", UNSIGNED),
        session_token=query.get("X-Amz-Security-Token", ""),
        lifetime_s=int(lifetime),
    )


def _scope(credential: str) -> tuple[str, tuple[str, str, str, str]]:
    access_key, *scope = credential.rsplit("/", 4)
    match scope:
        case [date, region, "s3", "aws4_request"]:
            return access_key, (date, region, "s3", "aws4_request")
    raise Refused(403, "AccessDenied", "The credential scope is malformed.")


def _signed_headers(names: str) -> tuple[str, ...]:
    listed = tuple(names.split(";"))
    if "host" not in listed:
        raise Refused(403, "AccessDenied", "The host header must be signed.")
    return listed


def _signature(request: SignedRequest, claim: _Claim, account: Account) -> str:
    scope = "/".join(claim.scope)
    digest = hashlib.sha256(_canonical_request(request, claim).encode()).hexdigest()
    text = "\n".join([_ALGORITHM, claim.timestamp, scope, digest])
    key = f"AWS4{account.secret_access_key}".encode()
    for step in claim.scope:
        key = _hmac(key, step)
    return _hmac(key, text).hex()


def _canonical_request(request: SignedRequest, claim: _Claim) -> str:
    headers = "".join(
        f"{name}:{' '.join(request.headers.get(name, '').split())}\n"
        for name in claim.signed_headers
    )
    return "\n".join(
        [
            request.method,
            _encoded(unquote(request.path, errors="surrogateescape"), safe="/~"),
            _canonical_query(request.query),
            headers,
            ";".join(claim.signed_headers),
            claim.payload,
        ]
    )


def _canonical_query(query: str) -> str:
    # not parse_qsl: it takes a plus for a space, which a signer never writes
    pairs = [part.partition("=")[::2] for part in query.split("&") if part]
    decode: Callable[[str], str] = lambda text: _encoded(  # noqa: E731
        unquote(text, errors="surrogateescape"), safe="~"
    )
    encoded = sorted(
        (decode(name), decode(value)) for name, value in pairs if name != "X-Amz-Signature"
    )
    return "&".join(f"{name}={value}" for name, value in encoded)


def _encoded(text: str, *, safe: str) -> str:
    return quote(text, safe=safe, errors="surrogateescape")


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
