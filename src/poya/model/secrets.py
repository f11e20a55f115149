# SPDX-License-Identifier: Apache-2.0
"""What looks like a secret in a document: where it is, and the document without it. Pure.

Whatever is shown, or kept where others may read it, goes through `masked`. What a run must put
back exactly as it was does not: that is kept in its journal.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from poya.documents import Json

# What a name and password, or a token, in a URL look like. Up to the last `@` before the path; a
# password that holds a `/` is none to a parser of URLs, but is to whoever reads it. What begins as
# a port does is a password too, if it follows no host's name or comes before one.
_LOGIN_IN_URL = re.compile(
    r"""\b(?P<scheme>[a-z][a-z0-9+.-]{0,20}://)
    (?: (?!localhost:)[^/\s:@.]* : [^\s"']{0,500}@              # no name of a host before it
    |   [^/\s:@]* : (?: [^/\s]*@ | (?!\d{1,5}/)[^\s"']{0,500}@  # what is no port
        | [^\s"']{0,500}@                                       # a name of a host behind it
          (?=[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?!git(?:[:/]|$))[a-z]{2,20}(?:[:/]|$)) )
    |   (?P<alone>[^/\s@]+)@ )""",
    re.IGNORECASE | re.VERBOSE,
)
# Names that stand alone before an `@` and open nothing: users of git over ssh, and of CSM's VCS.
_PLAIN_USERS = frozenset({"git", "crayvcs", "vcs", "root", "oauth2", "x-access-token"})
_TOKEN_SCHEMES = ("http://", "https://")

# What stands in a text → what it is called. Each is bounded: documents may be hostile. Where a
# part named `hidden` is not the whole, the rest is no secret.
_PATTERNS: dict[str, str] = {
    "private key": (
        r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----"
        r"(?:(?s:.){0,20000}?-----END [A-Z ]{0,40}PRIVATE KEY-----|(?s:.){0,20000})?"
    ),
    "age identity": r"\bAGE-SECRET-KEY-1[A-Z0-9]{0,200}",
    "JSON web token": r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]*",
    "S3 access key": r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    "access token": r"\b(?:ghp|glpat|gho|ghs)[_-][A-Za-z0-9_-]{16,}",
    # cloud-init's user-data
    "password": (
        r"(?m)^[ \t-]*(?:passwd|hashed_passwd|password|plain_text_passwd)[ \t]*:[ \t]*"
        r"(?P<hidden>\S[^\n]*)"
    ),
    "password hash": r"\$(?:1|5|6|y|2[aby])\$[^\s:$]{1,40}\$[^\s:]{10,}",
    # ${SPIRE_JOIN_TOKEN} is filled in by BOS for each boot, and is no secret itself.
    "secret parameter": (
        r"(?i)(?<![\w.-])[\w.-]{0,40}(?:passw(?:or)?d|secret|token)[\w.-]{0,40}=(?!\$\{)"
        r"(?P<hidden>\"[^\"]+\"|'[^']+'|[^\s\"'&]{4,})"
    ),
}
_IN_TEXTS = tuple((re.compile(pattern), kind) for kind, pattern in _PATTERNS.items())
# A text without any of these holds nothing of the above.
_HINT = re.compile(
    r"://|=|-----BEGIN|AGE-|eyJ|AKIA|ASIA|gh[pos][_-]|glpat|passw|\$", re.IGNORECASE
)
_MEMBER = re.compile(r"(?i)(?:^|[_-])(?:password|passwd|secret|secret_key|private_key|token)$")
_LONGEST_TEXT = 1_000_000

MASK = "***"


def has_login(url: str) -> bool:
    """Say whether a URL holds a password or a token, or a mask in its place."""
    return MASK in url or masked_text(url) != url


def without_login(url: str) -> str:
    """The URL less the passwords and tokens in it; what it names stays the same."""
    if not has_login(url):
        return url
    bare = _LOGIN_IN_URL.sub(lambda found: found["scheme"] if _is_secret(found) else found[0], url)
    return masked_text(bare.partition("?")[0] if has_login(bare) else bare)


def masked_text(text: str) -> str:
    """The text with `***` in the place of whatever looks like a secret."""
    if not _HINT.search(text):
        return text
    text = _LOGIN_IN_URL.sub(_masked_login, text)
    for pattern, _ in _IN_TEXTS:
        text = pattern.sub(_masked_match, text)
    return text


def masked(value: Json) -> Json:
    """The document with `***` in the place of whatever looks like a secret, keys included."""
    if isinstance(value, dict):
        return {masked_text(key): masked_member(key, item) for key, item in value.items()}
    if isinstance(value, list):
        return [masked(item) for item in value]
    return masked_text(value) if isinstance(value, str) else value


def masked_member(key: str, value: Json) -> Json:
    """One member of a document, masked; its key may say that it is a secret."""
    is_secret = isinstance(value, str) and value and _MEMBER.search(key)
    return MASK if is_secret else masked(value)


def _is_secret(found: re.Match[str]) -> bool:
    alone = found["alone"]
    if alone is None:
        return True
    return found["scheme"].lower() in _TOKEN_SCHEMES and alone not in _PLAIN_USERS


def _masked_login(found: re.Match[str]) -> str:
    return f"{found['scheme']}{MASK}@" if _is_secret(found) else found[0]


def _masked_match(found: re.Match[str]) -> str:
    if "hidden" not in found.re.groupindex:
        return MASK
    start, end = (place - found.start() for place in found.span("hidden"))
    return f"{found[0][:start]}{MASK}{found[0][end:]}"


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
        yield from (Suspicion(path, kind) for kind in _kinds_in(value[:_LONGEST_TEXT]))


def _kinds_in(text: str) -> Iterator[str]:
    logins = [found for found in _LOGIN_IN_URL.finditer(text) if _is_secret(found)]
    yield from dict.fromkeys(
        "token in a URL" if found["alone"] else "password in a URL" for found in logins
    )
    yield from (kind for pattern, kind in _IN_TEXTS if pattern.search(text))
