# SPDX-License-Identifier: Apache-2.0
"""Words and numbers as people read them."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Iterable, Sequence

_WIDTH = 79
# What JSON lets stand in a text as it is: C1 controls, and what reverses the direction of writing.
_STEERING = re.compile("[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
_STEP = 1024
_MINUTE_S = 60
_HOUR_S = 3600


def printable(text: str, longest: int = 2000) -> str:
    """The text with control characters made visible: a name must not steer the terminal."""
    if len(text) <= longest and text.isprintable():
        return text
    shown = text if len(text) <= longest else f"{text[:longest]}…"
    return "".join(c if not _is_control(c) else f"\\x{ord(c):02x}" for c in shown)


def json_text(raw: bytes) -> str:
    """JSON as text in which no character can steer the terminal; it means the same."""
    text = raw.decode()
    return text if text.isascii() and "\x7f" not in text else _STEERING.sub(_escaped, text)


def yaml_text(value: object) -> str:
    """The value as YAML, keys in their order, in which no character can steer the terminal."""
    import yaml

    text = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=10_000)
    if _STEERING.search(text):
        text = yaml.safe_dump(value, sort_keys=False, width=10_000)
    return f"{text}"


def _escaped(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


def _is_control(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")


def size(count: float) -> str:
    """Bytes in binary units: `336.5 MiB`."""
    for unit in _UNITS[:-1]:
        if abs(count) < _STEP:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= _STEP
    return f"{count:.1f} {_UNITS[-1]}"


def duration(seconds: float) -> str:
    """Time as `8 s`, `1 min 20 s`, `2 h 5 min`."""
    whole = round(seconds)
    if whole < _MINUTE_S:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"  # noqa: PLR2004
    if whole < _HOUR_S:
        return f"{whole // _MINUTE_S} min {whole % _MINUTE_S} s"
    return f"{whole // _HOUR_S} h {whole % _HOUR_S // _MINUTE_S} min"


def minute(time: str | None) -> str:
    """A moment in ISO 8601 to the minute, as tables show it."""
    return (time or "")[:16].replace("T", " ")


def count(number: int, noun: str) -> str:
    """`1 layer`, `3 layers`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def wrapped(text: str, indent: str = "", hanging: str | None = None) -> str:
    """The text in lines of at most 79 columns, broken at spaces only, each with the indent.

    Args:
        hanging: The indent of all lines but the first; None is the same.
    """
    return textwrap.fill(
        text,
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=indent if hanging is None else hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Columns as wide as their widest cell; the last one is not padded."""
    cells = [tuple(printable(cell, 200) for cell in row) for row in rows]
    every = [tuple(header), *cells]
    widths = [max(len(row[i]) for row in every) for i in range(len(header) - 1)]
    pattern = "  ".join([*(f"%-{width}s" for width in widths), "%s"])
    return "\n".join((pattern % row).rstrip() for row in every)
