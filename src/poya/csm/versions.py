# SPDX-License-Identifier: Apache-2.0
"""Versions of services, and facts about a site that are asked for once."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Generic, NamedTuple, TypeVar

import msgspec

T = TypeVar("T")

_NUMBERS = re.compile(r"v?(\d+)\.(\d+)(?:\.(\d+))?")


class Version(NamedTuple):
    """A semantic version; compares by its numbers."""

    major: int
    minor: int
    patch: int = 0

    @classmethod
    def parse(cls, text: str) -> Version | None:
        """Read `3.20.0`, also with a `v` before or words after; None if it is no version."""
        match = _NUMBERS.match(text.strip())
        return cls(*(int(number or 0) for number in match.groups())) if match else None

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


class VersionParts(msgspec.Struct, frozen=True):
    """A version as BOS and CFS tell it: three words."""

    major: str
    minor: str
    patch: str = "0"

    def version(self) -> Version | None:
        """The version; None if the words are no numbers."""
        return Version.parse(f"{self.major}.{self.minor}.{self.patch}")


class Once(Generic[T]):
    """A question that is asked at most once, however many ask; a failure is not remembered."""

    __slots__ = ("_answer", "_ask", "_lock")

    def __init__(self, ask: Callable[[], Awaitable[T]]) -> None:
        self._ask = ask
        self._answer: list[T] = []
        self._lock = asyncio.Lock()

    async def get(self) -> T:
        """The answer."""
        async with self._lock:
            if not self._answer:
                self._answer.append(await self._ask())
            return self._answer[0]
