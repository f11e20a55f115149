# SPDX-License-Identifier: Apache-2.0
"""The site's Keycloak: tokens for accounts, and logins of people."""

from __future__ import annotations

import asyncio
import base64
import binascii
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import msgspec

from poya.csm.auth import NoCredentials
from poya.csm.config import AccountConfig, SiteConfig
from poya.csm.http.answers import Answer
from poya.csm.http.calls import Call
from poya.csm.secret import masked
from poya.csm.tokens import Tokens
from poya.errors import AuthenticationError, BadAnswer

if TYPE_CHECKING:
    from poya.csm.http.transport import Wire

# A token is renewed this long before it ends, or after nine tenths of a short life.
_MARGIN_S = 30.0
_MARGIN_SHARE = 0.1
_REFUSED = (400, 401, 403)
_DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_SLOWER_S = 5.0
_SECRET_FIELDS = ("client_secret", "password", "refresh_token", "device_code")


class Grant(msgspec.Struct, frozen=True):
    """What Keycloak gives.

    Attributes:
        expires_in: Seconds that the access token lives.
    """

    access_token: str
    expires_in: float | None = None
    refresh_token: str | None = None

    @property
    def life_s(self) -> float | None:
        """How long the access token lives; None if nothing says so."""
        return self.expires_in if self.expires_in is not None else lifetime_of(self.access_token)

    @property
    def useful_life_s(self) -> float:
        """How long to use it before getting another; a refusal with 401 tells if that is late."""
        life_s = self.life_s
        return float("inf") if life_s is None else life_s - min(_MARGIN_S, life_s * _MARGIN_SHARE)


class DeviceCode(msgspec.Struct, frozen=True):
    """What somebody types into a browser, on any device, to log in here (RFC 8628)."""

    device_code: str
    user_code: str
    verification_uri: str
    verification_uri_complete: str | None = None
    expires_in: float = 600
    interval: float = 5

    def __repr__(self) -> str:
        return f"DeviceCode({self.user_code!r}, {self.verification_uri!r})"


class Refused(AuthenticationError):
    """Keycloak gives no token.

    Attributes:
        code: Its word for why, as `invalid_grant` or `authorization_pending`.
    """

    def __init__(self, what: str, *, code: str, why: str = "", todo: str = "") -> None:
        super().__init__(what, why=why, todo=todo)
        self.code = code


@dataclass(slots=True)
class Realm:
    """A realm of the site's Keycloak, as one account sees it."""

    wire: Wire
    config: SiteConfig
    account: AccountConfig
    sleep: Callable[[float], Awaitable[None]] = field(default=asyncio.sleep, repr=False)

    async def grant(self, form: Mapping[str, str], who: str) -> Grant:
        """Ask for a token (`POST …/protocol/openid-connect/token`).

        Raises:
            Refused: Keycloak refuses.
        """
        answer = await self._ask(self.config.token_endpoint(self.account), form)
        if answer.status in _REFUSED:
            raise _refusal(answer, who, form)
        answer.raise_for_status()
        grant = answer.decode(Grant)
        if not grant.access_token or not grant.access_token.isprintable():
            raise answer.bad("The token is empty or no text.")
        return grant

    async def log_in_with_password(self, username: str, password: str) -> Tokens:
        """Log somebody in by name and password.

        Raises:
            Refused: Keycloak refuses.
        """
        form = {
            "grant_type": "password",
            "client_id": self.account.client_id,
            "username": username,
            "password": password,
        }
        return _tokens(await self.grant(form, username))

    async def begin_device_login(self) -> DeviceCode:
        """Begin to log somebody in by a browser (`POST …/auth/device`).

        Raises:
            Refused: The client may not; the realm has to allow it the device flow.
        """
        form = {"client_id": self.account.client_id, "scope": "openid"}
        answer = await self._ask(self.config.realm_endpoint(self.account, "auth/device"), form)
        if answer.status in _REFUSED:
            raise _refusal(answer, self.account.client_id, form)
        answer.raise_for_status()
        return answer.decode(DeviceCode)

    async def end_device_login(self, code: DeviceCode) -> Tokens:
        """Wait until somebody has typed the code, or let it pass.

        Raises:
            Refused: They declined, or the code has expired.
        """
        form = {
            "grant_type": _DEVICE_GRANT,
            "client_id": self.account.client_id,
            "device_code": code.device_code,
        }
        interval_s = max(1.0, code.interval)
        while True:
            await self.sleep(interval_s)
            try:
                return _tokens(await self.grant(form, "the device"))
            except Refused as refused:
                if refused.code == "slow_down":
                    interval_s += _SLOWER_S
                elif refused.code != "authorization_pending":
                    raise

    async def refresh(self, tokens: Tokens) -> Tokens:
        """Get the next access token for a login; its refresh token may be another, too.

        Raises:
            Refused: The login has ended.
        """
        form = {
            "grant_type": "refresh_token",
            "client_id": self.account.client_id,
            "refresh_token": tokens.refresh_token,
        }
        fresh = _tokens(await self.grant(form, "the login"))
        return fresh if fresh.refresh_token else _with_refresh(fresh, tokens.refresh_token)

    async def log_out(self, tokens: Tokens) -> None:
        """End a login at Keycloak (`POST …/logout`), so that its refresh token is worth nothing.

        Raises:
            PoyaError: Keycloak does not answer; a login that has ended already is fine.
        """
        form = {"client_id": self.account.client_id, "refresh_token": tokens.refresh_token}
        answer = await self._ask(self.config.realm_endpoint(self.account, "logout"), form)
        if answer.status not in _REFUSED:
            answer.raise_for_status()

    async def _ask(self, url: str, form: Mapping[str, str]) -> Answer:
        call = Call(
            site=self.config.name,
            method="POST",
            url=url,
            body=urlencode(form).encode(),
            content_type="application/x-www-form-urlencoded",
            # A refresh token may be good for once only.
            is_repeatable="refresh_token" not in form,
            is_confidential=True,
        )
        secrets = tuple(form[key] for key in _SECRET_FIELDS if form.get(key))
        return await self.wire.exchange(replace(call, secrets=secrets), NoCredentials())


def lifetime_of(token: str) -> float | None:
    """Seconds from issue to expiry that a JWT says; None if it is none or says nothing.

    A hint only: nothing is verified, and the site's clock does not enter.
    """
    claims = claims_of(token)
    issued, ends = claims.get("iat"), claims.get("exp")
    if not isinstance(issued, int | float) or not isinstance(ends, int | float):
        return None
    return max(0.0, ends - issued)


def claims_of(token: str) -> Mapping[str, object]:
    """What a JWT says of its bearer, not verified; empty if it is no JWT."""
    try:
        payload = token.split(".")[1]
        raw = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
        return msgspec.json.decode(raw, type=dict[str, object])
    except (IndexError, binascii.Error, msgspec.MsgspecError, ValueError, RecursionError):
        return {}


def _tokens(grant: Grant) -> Tokens:
    life_s = grant.life_s
    return Tokens(
        access_token=grant.access_token,
        refresh_token=grant.refresh_token or "",
        expires_at_s=None if life_s is None else time.time() + life_s,
    )


def _with_refresh(tokens: Tokens, refresh_token: str) -> Tokens:
    return Tokens(tokens.access_token, refresh_token, tokens.expires_at_s)


def _refusal(answer: Answer, who: str, form: Mapping[str, str]) -> Refused:
    try:
        said = answer.document().value
    except BadAnswer:
        said = {}
    words = [f"{said[key]}" for key in ("error", "error_description") if said.get(key)]
    return Refused(
        f"Keycloak of {answer.call.site} gives {who} no token ({answer.status}).",
        code=f"{said.get('error') or ''}",
        why=masked(": ".join(words), [form[key] for key in _SECRET_FIELDS if form.get(key)]),
        todo="Check the account's name, secret and realm.",
    )
