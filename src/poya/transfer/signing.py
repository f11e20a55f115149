# SPDX-License-Identifier: Apache-2.0
"""AWS signature version 4, by botocore, which is imported when the first request is signed."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TypeAlias

from poya.transfer.credentials import Credentials

_Sign: TypeAlias = "Callable[[Unsigned, Credentials, str], dict[str, str]]"


@dataclass(frozen=True, slots=True)
class Unsigned:
    """A request before it is signed.

    Attributes:
        method: In capitals.
        url: Complete, encoded.
        headers: All headers that count, `Host` included.
        body: Signed bodies only: sha256 goes into the signature.
        signs_body: False for bulk bytes; their integrity rests on Content-MD5 and TLS.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes = b""
    signs_body: bool = True


def sign(request: Unsigned, credentials: Credentials, region: str) -> dict[str, str]:
    """The request's headers with date, token and signature added."""
    return _signer()(request, credentials, region)


@functools.cache
def _signer() -> _Sign:
    import botocore.auth  # noqa: PLC0415 -- 100 ms that commands without S3 do without
    import botocore.awsrequest  # noqa: PLC0415
    import botocore.credentials  # noqa: PLC0415

    # At level DEBUG this logger writes session tokens and signatures.
    # A filter, not `disabled`: logging.config enables existing loggers again.
    logging.getLogger("botocore.auth").addFilter(_never)

    def with_botocore(request: Unsigned, credentials: Credentials, region: str) -> dict[str, str]:
        outgoing = botocore.awsrequest.AWSRequest(
            method=request.method,
            url=request.url,
            headers=dict(request.headers),
            data=request.body,
        )
        settings = {"payload_signing_enabled": request.signs_body}
        outgoing.context["client_config"] = SimpleNamespace(s3=settings)
        keys = botocore.credentials.Credentials(
            credentials.access_key_id, credentials.secret_access_key, credentials.session_token
        )
        botocore.auth.S3SigV4Auth(keys, "s3", region).add_auth(outgoing)
        return {name: str(value) for name, value in outgoing.headers.items()}

    return with_botocore


def _never(_: logging.LogRecord) -> bool:
    return False
