# SPDX-License-Identifier: Apache-2.0
"""One request as a service's client wants it made, before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import quote, urlsplit

from poya.errors import UsageError

MEBIBYTE = 1024 * 1024
Params: TypeAlias = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Call:
    """A request to one service of one site.

    Attributes:
        url: Absolute, path quoted, without a query.
        is_repeatable: Sending it twice leaves what sending it once leaves.
        is_confidential: The answer holds secrets: no error may quote it.
        timeout_s: The longest wait without a byte, where the site's own would be too short.
        secrets: What the request carries and no message may show.
        limit_bytes: The longest answer that is read.
    """

    site: str
    method: str
    url: str
    params: Params = field(default=(), repr=False)
    body: bytes | None = field(default=None, repr=False)
    content_type: str = "application/json"
    tenant: str | None = None
    is_repeatable: bool = False
    is_confidential: bool = False
    timeout_s: float | None = None
    secrets: tuple[str, ...] = field(default=(), repr=False)
    limit_bytes: int = 512 * MEBIBYTE

    @property
    def path(self) -> str:
        """The path as it is sent."""
        return urlsplit(self.url).path or "/"

    @property
    def place(self) -> str:
        """Host and port that the request goes to."""
        return urlsplit(self.url).netloc

    def __str__(self) -> str:
        return f"{self.method} {self.path} at {self.site}"


def path_of(*segments: str) -> str:
    """Join path segments, each quoted whole: a name may hold slashes, spaces, anything.

    Raises:
        UsageError: A segment is empty or dots only; the path would mean another resource.
    """
    for segment in segments:
        if segment in ("", ".", ".."):
            raise UsageError(f"{segment!r} cannot be the name of anything at a site.")
    return "".join(f"/{quote(segment, safe='')}" for segment in segments)


def params_of(values: Mapping[str, str | int | bool | Iterable[str] | None]) -> Params:
    """Query parameters: None is left out, a list repeats its key, a boolean is true or false."""
    pairs: list[tuple[str, str]] = []
    for key, value in values.items():
        if isinstance(value, str | int):
            pairs.append((key, _word(value)))
        elif value is not None:
            pairs.extend((key, item) for item in value)
    return tuple(pairs)


def _word(value: str | int) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
