# SPDX-License-Identifier: Apache-2.0
"""Who we say that we are: the `Authorization` header, and what to do when it is refused."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Protocol

from poya.csm.config import BasicLogin, StaticToken
from poya.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Authorization:
    """The header's value, and the secrets within it that no message may show."""

    header: str = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)

    @classmethod
    def bearer(cls, token: str) -> Authorization:
        """The header for a bearer token."""
        return cls(f"Bearer {token}", (token,))


class Credentials(Protocol):
    """Where a service's `Authorization` comes from."""

    async def authorization(self) -> Authorization | None:
        """What to send; None to send no such header."""
        ...

    async def renewed(self, refused: Authorization) -> Authorization | None:
        """What to send in place of what was refused with 401; None if there is nothing else."""
        ...


class NoCredentials:
    """Sends no `Authorization`."""

    async def authorization(self) -> Authorization | None:
        """Nothing."""
        return None

    async def renewed(self, refused: Authorization) -> Authorization | None:  # noqa: ARG002
        """Nothing."""
        return None


class StaticBearer:
    """A token made elsewhere, read anew each time: another process may have renewed it."""

    def __init__(self, config: StaticToken) -> None:
        self._token = config.token

    async def authorization(self) -> Authorization | None:
        """The token as it is now.

        Raises:
            ConfigError: Its file or variable is missing or empty.
        """
        return Authorization.bearer(self._reveal())

    async def renewed(self, refused: Authorization) -> Authorization | None:
        """The token as it is now, if it is another."""
        now = Authorization.bearer(self._reveal())
        return None if now == refused else now

    def _reveal(self) -> str:
        token = self._token.reveal()
        if not token.isascii():
            raise ConfigError(
                f"The token in {self._token.origin} holds characters that no request can carry.",
                why="Tokens are made of letters, digits, dots, dashes and underscores.",
                todo="Log in anew, and keep the token as it is.",
            )
        return token


class Basic:
    """A name and a password with every request, as Gitea takes them; no login is no header."""

    def __init__(self, login: BasicLogin | None) -> None:
        self._login = login

    async def authorization(self) -> Authorization | None:
        """The header.

        Raises:
            ConfigError: The password is missing.
        """
        if self._login is None:
            return None
        password = self._login.secret.reveal()
        pair = base64.b64encode(f"{self._login.username}:{password}".encode()).decode()
        return Authorization(f"Basic {pair}", (pair, password))

    async def renewed(self, refused: Authorization) -> Authorization | None:  # noqa: ARG002
        """Nothing: a refused password stays refused."""
        return None
