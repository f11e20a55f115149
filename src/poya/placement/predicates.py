# SPDX-License-Identifier: Apache-2.0
"""Reading predicates: `a100 >= 4 and memory >= 512GiB and (arch = X86 or not hsn < 2)`."""

from __future__ import annotations

from typing import NamedTuple

from poya.placement.syntax import (
    ACCELERATORS,
    HSN,
    MEMORY,
    PROCESSORS,
    TEXT_FIELDS,
    And,
    Count,
    Not,
    Operator,
    Or,
    Predicate,
    Text,
)
from poya.placement.tokens import DemandError, Token

UNITS_MIB = {"mib": 1, "gib": 1024, "tib": 1024 * 1024}
_ALIASES = {
    "accelerator": ACCELERATORS,
    "gpu": ACCELERATORS,
    "gpus": ACCELERATORS,
    "cpu": PROCESSORS,
    "cpus": PROCESSORS,
    "processor": PROCESSORS,
    "nic": HSN,
    "nics": HSN,
}
RESERVED = frozenset(
    "and or not in where prefer nodes node total keep members together at most within whole "
    "blades blade spares spare same per switch groups group cabinets".split()
)
_NUMERIC: tuple[Operator, ...] = (">=", ">", "<=", "<", "=", "!=")
_MOST = 1_000_000_000
_MOST_DIGITS = 10
_DEEPEST = 50


class Amount(NamedTuple):
    """A number; a size is in MiB."""

    value: int
    is_size: bool


class PredicateParser:
    """Looks at one token after the other; errors point at the one in hand."""

    def __init__(self, text: str, tokens: list[Token]) -> None:
        self.text = text
        self._tokens = tokens
        self._index = 0
        self._depth = 0

    # Tokens

    @property
    def token(self) -> Token:
        """The token in hand."""
        return self._tokens[self._index]

    def peek(self) -> Token:
        """The one after it."""
        return self._tokens[min(self._index + 1, len(self._tokens) - 1)]

    def advance(self) -> Token:
        """Take the token in hand."""
        token = self.token
        self._index = min(self._index + 1, len(self._tokens) - 1)
        return token

    def take_word(self, word: str) -> bool:
        """Take this word if it is in hand; case does not count."""
        if self.token.sort == "word" and self.token.text.lower() == word:
            self.advance()
            return True
        return False

    def take_sign(self, sign: str) -> bool:
        """Take this sign if it is in hand."""
        if self.token.sort == "sign" and self.token.text == sign:
            self.advance()
            return True
        return False

    def need_word(self, *words: str, alternatives: str = "") -> None:
        """Take one of these words."""
        if not any(self.take_word(word) for word in words):
            raise self.error(
                f"{alternatives or repr(words[0])} is expected, not {self.token.shown()}"
            )

    def error(self, what: str, at: Token | None = None, *, todo: str = "") -> DemandError:
        """An error that points at a token, by default the one in hand."""
        return DemandError(what, self.text, (at or self.token).at, todo=todo)

    # Numbers and names

    def number(self, what: str, expected: str = "") -> int:
        """A whole number of something, at least 1."""
        token = self.token
        if token.sort != "number":
            raise self.error(f"{expected or f'a number of {what}'} is expected")
        self.advance()
        return self._value(token, least=1)

    def amount(self) -> Amount:
        """A number, or a size with its unit."""
        token = self.token
        if token.sort != "number":
            raise self.error("a number is expected")
        self.advance()
        unit = UNITS_MIB.get(self.token.text.lower()) if self.token.sort == "word" else None
        if unit is None:
            return Amount(self._value(token, least=0), is_size=False)
        self.advance()
        return Amount(self._value(token, least=0) * unit, is_size=True)

    def _value(self, token: Token, *, least: int) -> int:
        value = int(token.text) if len(token.text) <= _MOST_DIGITS else _MOST + 1
        if not least <= value <= _MOST:
            raise self.error(f"{token.text[:20]} is not between {least} and {_MOST}", token)
        return value

    def component(self) -> str:
        """The name of a kind of part, folded."""
        token = self.token
        name = token.text.lower()
        if token.sort != "word" or name in RESERVED or name in TEXT_FIELDS:
            raise self.error(f"a component is expected, not {token.shown()}")
        self.advance()
        return _ALIASES.get(name, name)

    # Predicates

    def predicate(self) -> Predicate:
        """`or` binds weaker than `and`, and `and` weaker than `not`."""
        operands = [self._conjunction()]
        while self.take_word("or"):
            operands.append(self._conjunction())
        if len(operands) == 1:
            return operands[0]
        flat = [o for x in operands for o in (x.operands if isinstance(x, Or) else (x,))]
        return Or(tuple(flat))

    def _conjunction(self) -> Predicate:
        operands = [self._factor()]
        while self.take_word("and"):
            operands.append(self._factor())
        if len(operands) == 1:
            return operands[0]
        flat = [o for x in operands for o in (x.operands if isinstance(x, And) else (x,))]
        return And(tuple(flat))

    def _factor(self) -> Predicate:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self.error("this is nested too deep")
        try:
            if self.take_word("not"):
                return Not(self._factor())
            opening = self.token
            if self.take_sign("("):
                inner = self.predicate()
                if not self.take_sign(")"):
                    raise self.error("the parenthesis is never closed", opening)
                return inner
            return self._comparison()
        finally:
            self._depth -= 1

    def _comparison(self) -> Predicate:
        at = self.token
        if at.sort == "word" and at.text.lower() in TEXT_FIELDS:
            self.advance()
            return self._text(at)
        name = self.component()
        operator = self._operator()
        if operator is None:
            return Count(name, ">=", 1, at.at)
        value_at = self.token
        amount = self.amount()
        if name == MEMORY and not amount.is_size:
            raise self.error(
                "memory is given with its unit", value_at, todo=f"{amount.value}GiB, or MiB, TiB."
            )
        if name != MEMORY and amount.is_size:
            raise self.error(f"{name} is a number of parts, without a unit", value_at)
        return Count(name, operator, amount.value, at.at)

    def _operator(self) -> Operator | None:
        for operator in _NUMERIC:
            if self.take_sign(operator):
                return operator
        return None

    def _text(self, at: Token) -> Predicate:
        name = at.text.lower()
        if self.take_word("in"):
            return Text(name, self._list(), at.at)
        if self.take_sign("!="):
            return Not(Text(name, (self._pattern(),), at.at))
        if self.take_sign("="):
            return Text(name, (self._pattern(),), at.at)
        raise self.error(f"'=', '!=' or 'in' is expected after '{name}'")

    def _list(self) -> tuple[str, ...]:
        opening = self.token
        if not self.take_sign("("):
            raise self.error("a list in parentheses is expected: in (x1000, x1001)")
        patterns = [self._pattern()]
        while self.take_sign(","):
            patterns.append(self._pattern())
        if not self.take_sign(")"):
            raise self.error("the list is never closed", opening)
        return tuple(patterns)

    def _pattern(self) -> str:
        token = self.token
        if token.sort == "text":
            self.advance()
            return token.text[1:-1].replace('\\"', '"').replace("\\\\", "\\")
        if token.sort in ("word", "number"):
            return self.advance().text
        raise self.error(f"a word is expected, not {token.shown()}")
