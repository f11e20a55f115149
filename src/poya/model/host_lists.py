# SPDX-License-Identifier: Apache-2.0
"""Host lists: many names written as one, `x1000c0s[0-3]b0n[0,1]`, and back."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator

from poya.errors import UsageError

MOST_NODES = 100_000
_BRACKETS = re.compile(r"\[([^\[\]]*)\]")
_RANGE = re.compile(r"(\d{1,9})(?:-(\d{1,9}))?", re.ASCII)
_NUMBER = re.compile(r"([0-9]+)")


def split_items(text: str) -> Iterator[str]:
    """Split at commas and white space that stand outside brackets; empty items do not count."""
    depth, item = 0, ""
    for character in text:
        depth += (character == "[") - (character == "]")
        if (character == "," or character.isspace()) and depth == 0:
            if item:
                yield item
            item = ""
        else:
            item += character
    if item:
        yield item


def expand_item(item: str) -> Iterator[str]:
    """The names that one item stands for, in the order written; zeros ahead are kept.

    Lazy: a few brackets can stand for more names than any machine has nodes.

    Raises:
        UsageError: A bracket holds something else than numbers and ranges, or does not close.
    """
    match = _BRACKETS.search(item)
    if match is None:
        if "[" in item or "]" in item:
            raise UsageError(f"A bracket in '{item[:60]}' has no partner.")
        yield item
        return
    for number in _numbers(match[1], item):
        yield from expand_item(item[: match.start()] + number + item[match.end() :])


def _numbers(ranges: str, item: str) -> Iterator[str]:
    for part in ranges.split(","):
        match = _RANGE.fullmatch(part.strip())
        if match is None:
            raise UsageError(f"'{part[:20]}' in '{item[:60]}' is not a number or a range.")
        first, last = match[1], match[2] or match[1]
        if not int(first) <= int(last) < int(first) + MOST_NODES:
            raise UsageError(f"The range '{part}' in '{item[:60]}' is empty or too long.")
        width = len(first) if first.startswith("0") else 0
        yield from (f"{number:0{width}}" for number in range(int(first), int(last) + 1))


def fold(names: Iterable[str]) -> str:
    """The shortest host list that a pass over each number finds; expanding it gives the names.

    Names come in the order of their numbers, each once.
    """
    items = {tuple(_NUMBER.split(name)) for name in names}
    longest = max((len(item) for item in items), default=0)
    for axis in range(longest - 2, 0, -2):  # the odd pieces are the numbers
        items = _fold_axis(items, axis)
    return ",".join("".join(item) for item in sorted(items, key=_order))


def _fold_axis(items: set[tuple[str, ...]], axis: int) -> set[tuple[str, ...]]:
    """Join the items that differ in one number only."""
    alike: dict[tuple[str, ...], list[str]] = {}
    folded = set()
    for item in items:
        if axis < len(item):
            alike.setdefault((*item[:axis], "", *item[axis + 1 :]), []).append(item[axis])
        else:
            folded.add(item)
    for rest, numbers in alike.items():
        folded.add((*rest[:axis], _ranges(numbers), *rest[axis + 1 :]))
    return folded


def _ranges(numbers: list[str]) -> str:
    """`0`, `[0-3]` or `[0,2-4]`; `01` and `1` never share a range."""
    if len(numbers) == 1:
        return numbers[0]
    ordered = sorted(numbers, key=lambda number: (_padding(number), int(number)))
    runs: list[str] = []
    for _, run in itertools.groupby(
        enumerate(ordered), key=lambda pair: (_padding(pair[1]), int(pair[1]) - pair[0])
    ):
        found = [number for _, number in run]
        runs.append(found[0] if len(found) == 1 else f"{found[0]}-{found[-1]}")
    return f"[{','.join(runs)}]"


def _padding(number: str) -> int:
    """The width that zeros ahead fill; 0 for a number without."""
    return len(number) if number.startswith("0") and len(number) > 1 else 0


def _order(item: tuple[str, ...]) -> list[tuple[int, str]]:
    """By the first number of each place, as people count."""
    pieces = _NUMBER.split("".join(item).replace("[", ""))
    return [(len(p.lstrip("0")) if i % 2 else 0, p) for i, p in enumerate(pieces)]
