# SPDX-License-Identifier: Apache-2.0
"""Who may use the git server: the user `crayvcs`, others that it makes, and their tokens."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

USER = "crayvcs"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and whether they gave a password (tokens cannot make tokens)."""

    name: str
    by_password: bool


class GitAccounts:
    """Users, their tokens and organisations, kept in one file; secrets as digests only."""

    def __init__(self, path: Path, password: str) -> None:
        self._path = path
        self._password = password

    def caller(self, authorization: str) -> Caller | None:
        """Who an `Authorization` header speaks for: basic, or `token`, or `bearer`."""
        scheme, _, given = authorization.partition(" ")
        if scheme.lower() in ("token", "bearer"):
            return self._by_token(given.strip())
        if scheme.lower() != "basic":
            return None
        try:
            name, _, secret = base64.b64decode(given, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        if self._is_password(name, secret):
            return Caller(name, by_password=True)
        # a token may stand for the password, or for the name
        return self._by_token(secret) or self._by_token(name)

    def add_user(self, name: str, password: str) -> bool:
        """Make a user; False if there is one of that name."""
        known = self._read()
        if name == USER or name in known["users"]:
            return False
        known["users"][name] = _digest(password)
        self._write(known)
        return True

    def add_token(self, user: str, name: str) -> dict[str, Any] | None:
        """Make a token, which is told this once; None if the user has one of that name."""
        known = self._read()
        if any(t["user"] == user and t["name"] == name for t in known["tokens"]):
            return None
        token = secrets.token_hex(20)
        number = 1 + max((t["id"] for t in known["tokens"]), default=0)
        kept = {"id": number, "user": user, "name": name, "last": token[-8:]}
        known["tokens"].append(kept | {"digest": _digest(token)})
        self._write(known)
        return _shown(kept, token)

    def tokens(self, user: str) -> list[dict[str, Any]]:
        """A user's tokens, without their text."""
        return [_shown(token, "") for token in self._read()["tokens"] if token["user"] == user]

    def drop_token(self, user: str, name: str) -> bool:
        """Delete a token by its name or number; False if there is none."""
        known = self._read()
        kept = [
            t
            for t in known["tokens"]
            if t["user"] != user or name not in (t["name"], str(t["id"]))
        ]
        dropped = len(kept) < len(known["tokens"])
        known["tokens"] = kept
        self._write(known)
        return dropped

    def _by_token(self, given: str) -> Caller | None:
        digest = _digest(given)
        for token in self._read()["tokens"]:
            if hmac.compare_digest(token["digest"], digest):
                return Caller(token["user"], by_password=False)
        return None

    def _is_password(self, name: str, secret: str) -> bool:
        if name == USER:
            return hmac.compare_digest(secret.encode(), self._password.encode())
        known = self._read()["users"].get(name)
        return known is not None and hmac.compare_digest(known, _digest(secret))

    def _read(self) -> dict[str, Any]:
        if not self._path.exists():
            return {"users": {}, "tokens": []}
        known: dict[str, Any] = json.loads(self._path.read_text())
        return known

    def _write(self, known: Mapping[str, Any]) -> None:
        partial = self._path.with_suffix(".part")
        with os.fdopen(
            os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w"
        ) as file:
            json.dump(known, file)
        partial.replace(self._path)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _shown(token: Mapping[str, Any], sha1: str) -> dict[str, Any]:
    return {
        "id": token["id"],
        "name": token["name"],
        "sha1": sha1,
        "token_last_eight": token["last"],
        "scopes": ["all"],
    }
