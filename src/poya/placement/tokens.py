# SPDX-License-Identifier: Apache-2.0
"""The words of a demand's text, each with its place."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

from poya.errors import UsageError

Sort: TypeAlias = Literal["word", "number", "text", "sign", "end"]

LONGEST_DEMAND = 100_000
_TOKEN = re.compile(
    r"""
      (?P<skip>\s+|\#[^\n]*)
    | (?P<word>[A-Za-z][A-Za-z0-9_.-]*)
    | (?P<number>[0-9]+)
    | (?P<text>"(?:[^"\\\n]|\\["\\])*")
    | (?P<sign>>=|<=|!=|[<>=(),:;])
    """,
    re.VERBOSE | re.ASCII,
)
_WINDOW = 60


@dataclass(frozen=True, slots=True)
class Token:
    """One word, number, quoted text or sign."""

    sort: Sort
    text: str
    at: int

    @property
    def end(self) -> int:
        """The offset behind it."""
        return self.at + len(self.text)

    def shown(self) -> str:
        """As a message names it."""
        return "the end" if self.sort == "end" else f"'{self.text[:40]}'"


class DemandError(UsageError):
    """A demand that cannot be read, with the place that is at fault.

    Attributes:
        at: Offset of that place in the text.
    """

    def __init__(self, what: str, text: str, at: int, *, todo: str = "") -> None:
        super().__init__(f"The demand cannot be read: {what}.", why=pointed(text, at), todo=todo)
        self.at = at


def pointed(text: str, at: int) -> str:
    """The line with the place, and a caret below the place; long lines are cut around it."""
    start = text.rfind("\n", 0, at) + 1
    end = text.find("\n", at)
    line = text[start : end if end >= 0 else len(text)]
    column = at - start
    cut = max(0, column - _WINDOW + 15)
    shown = "".join(c if c.isprintable() else "?" for c in line[cut : cut + _WINDOW])
    lead = "…" if cut else ""
    tail = "…" if len(line) > cut + _WINDOW else ""
    return f"{lead}{shown}{tail}\n{' ' * (len(lead) + column - cut)}^"


def tokens_of(text: str) -> list[Token]:
    """Split a demand's text; the last token is the end.

    Raises:
        DemandError: A character that no token begins with, or the text is far too long.
    """
    if len(text) > LONGEST_DEMAND:
        raise DemandError(f"it is longer than {LONGEST_DEMAND} characters", text[:1], 0)
    found: list[Token] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise DemandError(_odd(text[at]), text, at)
        sort = match.lastgroup or ""
        if sort != "skip":
            found.append(Token(sort, match[0], at))  # type: ignore[arg-type]  # the groups' names
        at = match.end()
    return [*found, Token("end", "", len(text))]


def _odd(character: str) -> str:
    if character == '"':
        return "this quotation mark is never closed"
    shown = character if character.isprintable() else f"\\x{ord(character):02x}"
    return f"'{shown}' has no meaning here"
