# SPDX-License-Identifier: Apache-2.0
"""The Simple Token Service (`/apis/sts`): credentials for the site's S3, good for an hour."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from urllib.parse import urlsplit

import msgspec

from poya.csm.config import SiteConfig
from poya.csm.http.answers import Answer
from poya.csm.http.channel import Channel
from poya.csm.secret import Secret
from poya.errors import BadAnswer


@dataclass(frozen=True, slots=True)
class S3Credentials:
    """What signs requests to the site's S3.

    Attributes:
        endpoint_url: Where its S3 is: as configured, else as STS says.
    """

    access_key_id: str
    secret_access_key: Secret = field(repr=False)
    session_token: Secret = field(repr=False)
    expires_at: datetime
    endpoint_url: str


class _Credentials(msgspec.Struct, frozen=True, rename="pascal"):
    access_key_id: str
    secret_access_key: str
    session_token: str
    expiration: str
    endpoint_url: str = msgspec.field(name="EndpointURL")


class _Token(msgspec.Struct, frozen=True, rename="pascal"):
    credentials: _Credentials


class Sts:
    """The Simple Token Service of one site."""

    def __init__(self, channel: Channel, config: SiteConfig) -> None:
        self._channel = channel
        self._config = config

    async def credentials(self) -> S3Credentials:
        """New credentials (`PUT /token`, which changes nothing at the site).

        Raises:
            ServiceFailure: STS could not make any; it says 500 for every reason.
            BadAnswer: The answer is incomplete, or names an S3 host that is not allowed.
        """
        call = self._channel.call("PUT", "/token", is_repeatable=True)
        answer = await self._channel.send(replace(call, is_confidential=True))
        given = answer.decode(_Token).credentials
        return S3Credentials(
            access_key_id=given.access_key_id,
            secret_access_key=Secret.of(given.secret_access_key),
            session_token=Secret.of(given.session_token),
            expires_at=_moment(given.expiration, answer),
            endpoint_url=self._endpoint(given.endpoint_url),
        )

    def _endpoint(self, told: str) -> str:
        if self._config.s3_endpoint is not None:
            return self._config.s3_endpoint
        try:
            parts = urlsplit(told)
        except ValueError:
            parts = urlsplit("")
        allowed = self._config.allowed_s3_hosts
        is_usable = parts.scheme in ("http", "https") and parts.hostname and not parts.username
        if not is_usable or (allowed and parts.hostname not in allowed):
            raise BadAnswer(
                f"STS of {self._config.name} names an S3 endpoint that is not to be used.",
                why=f"Its host is {parts.hostname}; allowed: {', '.join(allowed) or 'any'}.",
                todo=f"Set s3_endpoint or allowed_s3_hosts of site {self._config.name}.",
            )
        return told


def _moment(text: str, answer: Answer) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise answer.bad("Its Expiration is no time.") from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
