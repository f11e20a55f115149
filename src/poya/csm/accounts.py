# SPDX-License-Identifier: Apache-2.0
"""Bearer tokens of an account or a login: one when it is needed, a new one before it expires."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from poya.csm.auth import Authorization
from poya.csm.config import ClientCredentials, Login, Password
from poya.csm.keycloak import Realm, Refused
from poya.csm.tokens import Tokens
from poya.errors import AuthenticationError

_MARGIN_S = 30.0


@dataclass(frozen=True, slots=True)
class _Token:
    authorization: Authorization
    renew_at_s: float


@dataclass(slots=True)
class AccountTokens:
    """Tokens of an account whose secret is at hand.

    Attributes:
        clock: Seconds that only ever go up.
    """

    realm: Realm
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
        grant = await self.realm.grant(_form(self.account), _name(self.account))
        authorization = Authorization.bearer(grant.access_token)
        return _Token(authorization, asked_at_s + grant.useful_life_s)


@dataclass(slots=True)
class LoginTokens:
    """Tokens that a login left behind, refreshed and put back when they run out.

    Attributes:
        clock: Seconds since 1970.
    """

    realm: Realm
    login: Login
    clock: Callable[[], float] = time.time
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)

    async def authorization(self) -> Authorization | None:
        """The token of the login, refreshed if it is about to end.

        Raises:
            AuthenticationError: Nobody is logged in, or the login has ended.
            ConfigError: The tokens cannot be read.
        """
        async with self._lock:
            tokens = self._load()
            if tokens.expires_at_s is not None and self.clock() >= tokens.expires_at_s - _MARGIN_S:
                tokens = await self._refresh(tokens)
            return Authorization.bearer(tokens.access_token)

    async def renewed(self, refused: Authorization) -> Authorization | None:
        """A token other than the one refused; None if there is no way to one."""
        async with self._lock:
            tokens = self._load()
            if Authorization.bearer(tokens.access_token) == refused:
                if not tokens.refresh_token:
                    return None
                tokens = await self._refresh(tokens)
            fresh = Authorization.bearer(tokens.access_token)
        return None if fresh == refused else fresh

    async def _refresh(self, tokens: Tokens) -> Tokens:
        if not tokens.refresh_token:
            raise self._ended("The token has expired, and there is none to refresh it with.")
        try:
            fresh = await self.realm.refresh(tokens)
        except Refused as refused:
            # Another process may have been faster: its tokens are as good as ours.
            other = self._load()
            if other.refresh_token != tokens.refresh_token:
                return other
            raise self._ended(refused.why) from refused
        self.login.tokens.save(fresh)
        return fresh

    def _load(self) -> Tokens:
        tokens = self.login.tokens.load()
        if tokens is None:
            raise self._ended(f"There are no tokens in {self.login.tokens.origin}.")
        return tokens

    def _ended(self, why: str) -> AuthenticationError:
        site = self.realm.config.name
        return AuthenticationError(
            f"Nobody is logged in to {site}.", why=why, todo=self.login.advice
        )


def _name(account: ClientCredentials | Password) -> str:
    return account.client_id if isinstance(account, ClientCredentials) else account.username


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
