# SPDX-License-Identifier: Apache-2.0
"""A secret that never shows itself: not in a repr, not in a log line, not in an error."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from poya.errors import ConfigError

_MASK = "***"
_SHORTEST_TO_MASK = 4


class Secret:
    """A password or token, read from where it lives each time that it is needed.

    Reading late means that a token file renewed by another process is seen, and that nothing
    secret lies in a configuration object.
    """

    __slots__ = ("_origin", "_read", "_where")

    def __init__(self, read: Callable[[], str], *, origin: str, where: str = "") -> None:
        self._read = read
        self._origin = origin
        self._where = where

    @classmethod
    def of(cls, text: str) -> Secret:
        """Make a secret from a text at hand."""
        return cls(lambda: text, origin="the configuration")

    @classmethod
    def from_env(cls, name: str, *, where: str = "") -> Secret:
        """Make a secret that is read from the environment variable `name`.

        Args:
            where: Which part of the configuration names it, for messages.
        """
        origin = f"the environment variable {name}"
        return cls(lambda: os.environ.get(name, ""), origin=origin, where=where)

    @classmethod
    def from_file(cls, path: str, *, where: str = "") -> Secret:
        """Make a secret that is read from a file; white space around it does not count.

        Args:
            where: Which part of the configuration names it, for messages.
        """
        return cls(lambda: _read_file(path, where), origin=f"the file {path}", where=where)

    def reveal(self) -> str:
        """The secret itself. Hand it on at once; keep it nowhere.

        Raises:
            ConfigError: It is missing or empty, or holds characters that no header can carry.
        """
        text = self._read().strip()
        if not text:
            raise ConfigError(
                f"There is no secret in {self._origin}.",
                why=f"{self._where} names it." if self._where else "",
                todo="Put the secret there, or name another place.",
            )
        if not text.isprintable():
            raise ConfigError(
                f"The secret in {self._origin} holds control characters.",
                todo="Write it anew, as one line of plain text.",
            )
        return text

    @property
    def origin(self) -> str:
        """Where it lives, for messages."""
        return self._origin

    def __repr__(self) -> str:
        return _MASK


def masked(text: str, secrets: Iterable[str]) -> str:
    """`text` with every secret in it replaced by `***`; services may quote what they were sent."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST_TO_MASK:
            text = text.replace(secret, _MASK)
    return text


def _read_file(path: str, where: str) -> str:
    try:
        return Path(path).expanduser().read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"The secret file {path} cannot be read.",
            why=f"{where + ' names it: ' if where else ''}{_reason(error)}.",
            todo="Correct the name, or give yourself the right to read the file.",
        ) from None


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return (error.strerror or "unreadable") if isinstance(error, OSError) else "not UTF-8"
