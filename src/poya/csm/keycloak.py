# SPDX-License-Identifier: Apache-2.0
"""The site's Keycloak: a bearer token when one is needed, a new one before it expires."""

from __future__ import annotations

import asyncio
import base64
import binascii
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import msgspec

from poya.csm.auth import Authorization, NoCredentials
from poya.csm.config import ClientCredentials, Password, SiteConfig
from poya.csm.http.answers import Answer
from poya.csm.http.calls import Call
from poya.csm.secret import masked
from poya.errors import AuthenticationError, BadAnswer

if TYPE_CHECKING:
    from poya.csm.http.transport import Wire

# A token is renewed this long before it ends, or after nine tenths of a short life.
_MARGIN_S = 30.0
_MARGIN_SHARE = 0.1
_REFUSED = (400, 401, 403)


@dataclass(frozen=True, slots=True)
class _Token:
    authorization: Authorization
    renew_at_s: float


class _Grant(msgspec.Struct, frozen=True):
    access_token: str
    expires_in: float | None = None


@dataclass(slots=True)
class Keycloak:
    """Tokens of one account (`POST …/realms/shasta/protocol/openid-connect/token`).

    Attributes:
        clock: Seconds that only ever go up.
    """

    wire: Wire
    config: SiteConfig
    account: ClientCredentials | Password
    clock: Callable[[], float] = time.monotonic
    _token: _Token | None = field(default=None, repr=False)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)

    async def authorization(self) -> Authorization | None:
        """A token that is still good for a while, fetched if there is none.

        Raises:
            AuthenticationError: Keycloak refuses the account.
            ConfigError: The account's secret is missing.
        """
        async with self._lock:
            if self._token is None or self.clock() >= self._token.renew_at_s:
                self._token = await self._fetch()
            return self._token.authorization

    async def renewed(self, refused: Authorization) -> Authorization | None:
        """A token other than the one refused; many callers refused at once share one."""
        async with self._lock:
            if self._token is None or self._token.authorization == refused:
                self._token = await self._fetch()
            fresh = self._token.authorization
        return None if fresh == refused else fresh

    async def _fetch(self) -> _Token:
        asked_at_s = self.clock()
        form = _form(self.account)
        call = Call(
            site=self.config.name,
            method="POST",
            url=self.config.token_endpoint(self.account),
            body=urlencode(form).encode(),
            content_type="application/x-www-form-urlencoded",
            is_repeatable=True,
            is_confidential=True,
        )
        answer = await self.wire.exchange(call, NoCredentials())
        if answer.status in _REFUSED:
            raise _refusal(answer, self.account)
        answer.raise_for_status()
        grant = answer.decode(_Grant)
        if not grant.access_token or not grant.access_token.isprintable():
            raise answer.bad("The token is empty or no text.")
        return _Token(
            Authorization.bearer(grant.access_token),
            asked_at_s + _useful_life_s(grant),
        )


def lifetime_of(token: str) -> float | None:
    """Seconds from issue to expiry that a JWT says; None if it is none or says nothing.

    A hint only: nothing is verified, and the site's clock does not enter.
    """

    class Claims(msgspec.Struct):
        exp: float
        iat: float

    try:
        payload = token.split(".")[1]
        claims = msgspec.json.decode(
            base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)), type=Claims
        )
    except (IndexError, binascii.Error, msgspec.MsgspecError, ValueError):
        return None
    return max(0.0, claims.exp - claims.iat)


def _useful_life_s(grant: _Grant) -> float:
    life_s = grant.expires_in if grant.expires_in is not None else lifetime_of(grant.access_token)
    if life_s is None:
        return float("inf")  # a refusal with 401 will tell
    return life_s - min(_MARGIN_S, life_s * _MARGIN_SHARE)


def _form(account: ClientCredentials | Password) -> dict[str, str]:
    secret = account.secret.reveal()
    if isinstance(account, ClientCredentials):
        return {
            "grant_type": "client_credentials",
            "client_id": account.client_id,
            "client_secret": secret,
        }
    return {
        "grant_type": "password",
        "client_id": account.client_id,
        "username": account.username,
        "password": secret,
    }


def _refusal(answer: Answer, account: ClientCredentials | Password) -> AuthenticationError:
    name = account.client_id if isinstance(account, ClientCredentials) else account.username
    try:
        said = answer.document().value
    except BadAnswer:
        said = {}
    words = [f"{said[key]}" for key in ("error", "error_description") if said.get(key)]
    return AuthenticationError(
        f"Keycloak of {answer.call.site} gives {name} no token ({answer.status}).",
        why=masked(": ".join(words), [account.secret.reveal()]),
        todo="Check the account's name, secret and realm.",
    )
