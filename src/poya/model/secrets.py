# SPDX-License-Identifier: Apache-2.0
"""Find what looks like a secret in a document, and say where without saying what. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from poya.documents import Json

# What stands in a text → what it is called. Each is bounded: documents may be hostile.
_PATTERNS: dict[str, str] = {
    "password in a URL": r"\b[a-z][a-z0-9+.-]{1,20}://[^/\s:@]{0,200}:[^/\s@]{1,500}@",
    "token in a URL": r"\bhttps?://[A-Za-z0-9_-]{20,255}@",
    "private key": r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----",
    "age identity": r"\bAGE-SECRET-KEY-1",
    "JSON web token": r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.",
    "S3 access key": r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    "access token": r"\b(?:ghp|glpat|gho|ghs)[_-][A-Za-z0-9_-]{16,}",
    # cloud-init's user-data
    "password": r"(?m)^[ \t-]*(?:passwd|hashed_passwd|password|plain_text_passwd)[ \t]*:[ \t]*\S",
    "password hash": r"\$(?:1|5|6|y|2[aby])\$[^\s:$]{1,40}\$[^\s:]{10,}",
    # ${SPIRE_JOIN_TOKEN} is filled in by BOS for each boot, and is no secret itself.
    "secret parameter": (
        r"(?i)\b[a-z0-9_.-]{0,40}(?:password|passwd|secret|token)=(?!\$\{)[^\s\"'&]{4,}"
    ),
}
_IN_TEXTS = tuple((re.compile(pattern), kind) for kind, pattern in _PATTERNS.items())
_MEMBER = re.compile(r"(?i)(?:^|[_-])(?:password|passwd|secret|secret_key|private_key|token)$")
_LONGEST_TEXT = 1_000_000


@dataclass(frozen=True, slots=True)
class Suspicion:
    """Where something that looks like a secret is.

    Attributes:
        path: As in `layers/1/clone_url`.
        kind: What it looks like.
    """

    path: str
    kind: str

    def __str__(self) -> str:
        return f"{self.path}: {self.kind}"


def find_secrets(value: Json, path: str = "") -> Iterator[Suspicion]:
    """Every place of a document whose text looks like a secret; the text itself is not told."""
    if isinstance(value, dict):
        for key, item in value.items():
            below = f"{path}/{key[:60]}".lstrip("/")
            if isinstance(item, str) and item and _MEMBER.search(key):
                yield Suspicion(below, "secret by its name")
            else:
                yield from find_secrets(item, below)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from find_secrets(item, f"{path}/{number}".lstrip("/"))
    elif isinstance(value, str):
        text = value[:_LONGEST_TEXT]
        yield from (Suspicion(path, kind) for pattern, kind in _IN_TEXTS if pattern.search(text))
