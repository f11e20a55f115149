# SPDX-License-Identifier: Apache-2.0
"""Records of one kind as rows: which of them were asked for, and how they are shown."""

from __future__ import annotations

import difflib
import fnmatch
import json
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import click

from poya.cli.text import json_text, printable, table, yaml_text
from poya.documents import Document
from poya.errors import NotFound, UsageError
from poya.model.names import xname_order

OUTPUTS = ("table", "wide", "json", "yaml", "names")
_AGE = re.compile(r"(\d{1,6})([smhdw])", re.ASCII)
_UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_WILD = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class Item:
    """One record.

    Attributes:
        name: What patterns match and `--output names` prints.
        cells: The columns after the name.
        wide: The columns that only `--output wide` shows.
        time: When it was made or changed last, ISO 8601; empty where that is not told.
        raw: The record as the site sent it, or JSON of ours where it is made of several.
    """

    name: str
    cells: tuple[str, ...]
    raw: bytes
    wide: tuple[str, ...] = ()
    time: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """Records of one kind, in any order.

    Attributes:
        noun: What one of them is called.
        site: Where they are.
        header: The columns' titles, the name's first.
        wide: The titles of the columns that only `--output wide` shows.
    """

    noun: str
    site: str
    header: tuple[str, ...]
    items: Sequence[Item]
    wide: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Query:
    """What was asked for.

    Attributes:
        patterns: Names, or patterns of names; none means all.
        group: An HSM group that the records have to do with; empty for any.
        limit: At most so many: the newest, where records have a time.
        output: One of `OUTPUTS`.
    """

    patterns: tuple[str, ...] = ()
    group: str = ""
    since: datetime | None = None
    until: datetime | None = None
    limit: int | None = None
    output: str = "table"


def chosen(listing: Listing, query: Query) -> list[Item]:
    """The items that were asked for, sorted by name.

    Raises:
        NotFound: A name without a wildcard is no record's.
    """
    items = [item for item in _matching(listing, query.patterns) if _is_timely(item, query)]
    items.sort(key=lambda item: (xname_order(item.name), item.cells))
    if query.limit is not None and len(items) > query.limit:
        newest_first = sorted(items, key=lambda item: item.time, reverse=True)[: query.limit]
        kept = set(map(id, newest_first))
        items = [item for item in items if id(item) in kept]
    return items


def show(listing: Listing, query: Query) -> None:
    """Print what was asked for; an empty table says so on stderr."""
    items = chosen(listing, query)
    _FORMS[query.output](listing, items)
    if not items:
        click.echo(f"{listing.site} has no {listing.noun} that fits.", err=True)


def moment_of(text: str, now: datetime) -> datetime:
    """A moment as people write it: `2026-11-25`, `2026-11-25T02:00`, or an age as `7d`.

    Without a time zone it is UTC, as CSM's own times are.

    Raises:
        UsageError: It is none of them.
    """
    if age := _AGE.fullmatch(text.strip()):
        return now - timedelta(seconds=int(age[1]) * _UNIT_S[age[2]])
    moment = _moment(text.strip())
    if moment is None:
        raise UsageError(
            f"'{text[:40]}' is no time.",
            todo="Write a date (2026-11-25), a date and a time (2026-11-25T02:00) or an age "
            "(90m, 12h, 7d, 2w).",
        )
    return moment


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _matching(listing: Listing, patterns: Iterable[str]) -> list[Item]:
    wanted = tuple(patterns)
    if not wanted:
        return list(listing.items)
    names = {item.name for item in listing.items}
    for pattern in wanted:
        if pattern not in names and not _WILD.search(pattern):
            close = difflib.get_close_matches(pattern, names, n=1)
            raise NotFound(
                f"{listing.site} has no {listing.noun} '{pattern}'.",
                todo=f"Did you mean '{close[0]}'?" if close else "Patterns may hold * and ?.",
            )
    return [item for item in listing.items if any(_fits(item.name, one) for one in wanted)]


def _fits(name: str, pattern: str) -> bool:
    return name == pattern or fnmatch.fnmatchcase(name, pattern)


def _is_timely(item: Item, query: Query) -> bool:
    if query.since is None and query.until is None:
        return True
    moment = _moment(item.time)
    if moment is None:
        return False
    after = query.since is None or moment >= query.since
    return after and (query.until is None or moment <= query.until)


def _as_table(listing: Listing, items: Sequence[Item]) -> None:
    text = table(listing.header, ((item.name, *item.cells) for item in items))
    click.echo("\n".join(map(_fitted, text.splitlines())) if sys.stdout.isatty() else text)


def _fitted(line: str) -> str:
    """The line as far as the terminal is wide; `wide` and pipes get all of it."""
    width = shutil.get_terminal_size().columns
    return line if len(line) <= width else f"{line[: width - 1]}…"


def _as_wide_table(listing: Listing, items: Sequence[Item]) -> None:
    header = (*listing.header, *listing.wide)
    click.echo(table(header, ((item.name, *item.cells, *item.wide) for item in items)))


def _as_names(_: Listing, items: Sequence[Item]) -> None:
    for name in dict.fromkeys(item.name for item in items):
        click.echo(printable(name))


def _as_json(_: Listing, items: Sequence[Item]) -> None:
    inner = b",\n".join(item.raw for item in items)
    click.echo(json_text(b"[\n" + inner + b"\n]" if items else b"[]"))


def _as_yaml(_: Listing, items: Sequence[Item]) -> None:
    click.echo(yaml_text([Document(item.raw).value for item in items]), nl=False)


_FORMS: dict[str, Callable[[Listing, Sequence[Item]], None]] = {
    "table": _as_table,
    "wide": _as_wide_table,
    "names": _as_names,
    "json": _as_json,
    "yaml": _as_yaml,
}


@dataclass
class Tally:
    """Counts of words, shown as `8 Ready, 2 Off`: the most frequent first."""

    counts: dict[str, int] = field(default_factory=dict)

    def add(self, word: str, number: int = 1) -> None:
        """Count a word."""
        self.counts[word] = self.counts.get(word, 0) + number

    def __str__(self) -> str:
        ordered = sorted(self.counts.items(), key=lambda pair: (-pair[1], pair[0]))
        return ", ".join(f"{number} {word}" for word, number in ordered)


def made_of(value: object) -> bytes:
    """A record of ours, for the outputs that show records."""
    return json.dumps(value, ensure_ascii=False).encode()


def words(parts: Iterable[str | None]) -> str:
    """The parts that say something, with commas."""
    return ", ".join(part for part in parts if part)
