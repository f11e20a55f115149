# SPDX-License-Identifier: Apache-2.0
"""Tokens that a login leaves behind, and where they are kept: a private file, or the keyring."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import msgspec

from poya.errors import ConfigError

_PRIVATE = 0o600
_OTHERS = 0o077


class Tokens(msgspec.Struct, frozen=True):
    """What Keycloak gave to somebody who logged in.

    Attributes:
        refresh_token: Gets the next access token; empty where Keycloak gave none.
        expires_at_s: By this machine's clock, seconds since 1970; None if it does not expire.
    """

    access_token: str
    refresh_token: str = ""
    expires_at_s: float | None = None

    def __repr__(self) -> str:
        return "Tokens(***)"


class TokenStore(Protocol):
    """Where the tokens of one login are kept between processes."""

    @property
    def origin(self) -> str:
        """Where that is, for messages."""
        ...

    def load(self) -> Tokens | None:
        """The tokens as they are now; None if nobody is logged in.

        Raises:
            ConfigError: They cannot be read, or others could read them.
        """
        ...

    def save(self, tokens: Tokens) -> None:
        """Keep these in place of what is there.

        Raises:
            ConfigError: They cannot be written.
        """
        ...

    def clear(self) -> None:
        """Forget them; fine if there are none."""
        ...


@dataclass(slots=True)
class MemoryTokens:
    """Tokens that last as long as the process."""

    tokens: Tokens | None = field(default=None, repr=False)
    origin: str = "memory"

    def load(self) -> Tokens | None:
        """The tokens."""
        return self.tokens

    def save(self, tokens: Tokens) -> None:
        """Keep these."""
        self.tokens = tokens

    def clear(self) -> None:
        """Forget them."""
        self.tokens = None


@dataclass(frozen=True, slots=True)
class FileTokens:
    """Tokens in a file that only its owner may read."""

    path: Path

    @property
    def origin(self) -> str:
        """The file."""
        return f"the file {self.path}"

    def load(self) -> Tokens | None:
        """The tokens; a file that others may read is refused, as ssh refuses keys."""
        try:
            with self.path.open("rb") as file:
                if os.fstat(file.fileno()).st_mode & _OTHERS:
                    raise ConfigError(
                        f"Others than you may read the tokens in {self.path}.",
                        todo=f"Type: chmod 600 {self.path}, and log in anew if that was so long.",
                    )
                return _decode(file.read(), self.origin)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ConfigError(f"{self.origin} cannot be read.", why=f"{error}") from error

    def save(self, tokens: Tokens) -> None:
        """Replace the file whole."""
        temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _PRIVATE)
            with os.fdopen(descriptor, "wb") as file:
                file.write(msgspec.json.encode(tokens))
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self.path)
        except OSError as error:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise ConfigError(f"{self.origin} cannot be written.", why=f"{error}") from error

    def clear(self) -> None:
        """Delete the file."""
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            raise ConfigError(f"{self.origin} cannot be deleted.", why=f"{error}") from error


@dataclass(frozen=True, slots=True)
class KeyringTokens:
    """Tokens in the system's keyring, by the library of that name (extra `keyring`)."""

    name: str
    service: str = "poya"

    @property
    def origin(self) -> str:
        """The keyring's entry."""
        return f"the entry {self.service}/{self.name} of the keyring"

    def load(self) -> Tokens | None:
        """The tokens."""
        text = _Keyring(self.origin).get(self.service, self.name)
        return _decode(text.encode(), self.origin) if text else None

    def save(self, tokens: Tokens) -> None:
        """Replace the entry."""
        text = msgspec.json.encode(tokens).decode()
        _Keyring(self.origin).set(self.service, self.name, text)

    def clear(self) -> None:
        """Delete the entry."""
        if self.load() is not None:
            _Keyring(self.origin).delete(self.service, self.name)


class _Keyring:
    """The library, imported late: few have it, and it takes a while."""

    def __init__(self, origin: str) -> None:
        self._origin = origin
        try:
            import keyring  # noqa: PLC0415
            import keyring.errors  # noqa: PLC0415
        except ImportError as error:
            raise ConfigError(
                "The keyring cannot be used: its library is not installed.",
                todo="Install it (pip install 'poya[keyring]'), or keep tokens in a file.",
            ) from error
        self._library, self._failure = keyring, keyring.errors.KeyringError

    def get(self, service: str, name: str) -> str | None:
        try:
            found = self._library.get_password(service, name)
        except self._failure as error:
            raise self._unusable(error) from error
        return None if found is None else f"{found}"

    def set(self, service: str, name: str, text: str) -> None:
        try:
            self._library.set_password(service, name, text)
        except self._failure as error:
            raise self._unusable(error) from error

    def delete(self, service: str, name: str) -> None:
        try:
            self._library.delete_password(service, name)
        except self._failure as error:
            raise self._unusable(error) from error

    def _unusable(self, error: Exception) -> ConfigError:
        return ConfigError(
            f"{self._origin} cannot be used.",
            why=f"{type(error).__name__}: {error}",
            todo="Unlock the keyring, or keep tokens in a file.",
        )


def _decode(raw: bytes, origin: str) -> Tokens:
    try:
        return msgspec.json.decode(raw, type=Tokens)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        # Not the reason: it could quote what it read.
        raise ConfigError(f"What is in {origin} are no tokens.", todo="Log in anew.") from None
