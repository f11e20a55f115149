# SPDX-License-Identifier: Apache-2.0
"""Temporary S3 credentials: fetched when needed, renewed before and after they expire."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from poya.errors import Unreachable

_RENEW_BEFORE_S = 300.0
_RENEW_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class Credentials:
    """S3 credentials as cray-sts hands them out (PUT /apis/sts/token).

    Attributes:
        access_key_id: Names the key; not secret by itself, but never shown either.
        secret_access_key: Signs requests; never in a repr.
        session_token: Goes with temporary keys; None for permanent ones. Never in a repr.
        expires_at_s: Unix time after which the server refuses them; None if they do not expire.
    """

    access_key_id: str = field(repr=False)
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)
    expires_at_s: float | None = None

    def secrets(self) -> tuple[str, ...]:
        """The strings that must appear in no message."""
        every = (self.secret_access_key, self.session_token or "", self.access_key_id)
        return tuple(value for value in every if value)


CredentialsProvider: TypeAlias = Callable[[], Credentials]


class CredentialKeeper:
    """Hands out valid credentials to many threads, asking the provider as seldom as possible."""

    def __init__(
        self, provider: CredentialsProvider, clock: Callable[[], float] = time.time
    ) -> None:
        self._provider = provider
        self._clock = clock
        self._lock = threading.Lock()
        self._current: Credentials | None = None
        self._renew_at_s: float | None = None

    def current(self) -> Credentials:
        """Credentials that are valid now, renewed ahead of their end (a quarter of their life).

        Raises:
            PoyaError: What the provider raised and no valid credentials are at hand.
        """
        with self._lock:
            if self._current is None:
                return self._fetch()
            if self._renew_at_s is not None and self._clock() >= self._renew_at_s:
                return self._renew_early(self._current)
            return self._current

    def replace(self, refused: Credentials) -> Credentials:
        """Other credentials than those that the server refused; fetched once for all threads."""
        with self._lock:
            if self._current is not None and self._current is not refused:
                return self._current
            return self._fetch()

    def _renew_early(self, held: Credentials) -> Credentials:
        try:
            return self._fetch()
        except Unreachable:
            if held.expires_at_s is not None and self._clock() < held.expires_at_s:
                return held
            raise

    def _fetch(self) -> Credentials:
        fresh = self._provider()
        self._current = fresh
        self._renew_at_s = _renewal_time_s(fresh.expires_at_s, self._clock())
        return fresh


def _renewal_time_s(expires_at_s: float | None, now_s: float) -> float | None:
    """When to renew; None if never, or if the two clocks disagree too much to tell."""
    if expires_at_s is None or expires_at_s <= now_s:
        return None
    return expires_at_s - min(_RENEW_BEFORE_S, (expires_at_s - now_s) * _RENEW_SHARE)
