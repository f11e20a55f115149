# SPDX-License-Identifier: Apache-2.0
"""Which bundles there are below a directory or in a store, and taking some away."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, TypeAlias

from poya.errors import BundleDamaged, NotFound, UsageError
from poya.sites.bundle.index import Index
from poya.sites.bundle.indexed import parse_index, read_index
from poya.sites.bundle.names import INDEX, SIGNATURE
from poya.sites.bundle.reading import is_real_directory, unreadable
from poya.sites.bundle.stores.objects import ObjectStore
from poya.sites.bundle.writing import PARTIALS, remove_directory, remove_file

State: TypeAlias = Literal["complete", "unfinished", "damaged"]

# Deeper than anybody keeps them: `<root>/<site>/<vcluster>/<date>`.
_MOST_LEVELS = 4
_MOST_DIRECTORIES = 100_000


@dataclass(frozen=True, slots=True)
class Listed:
    """One bundle of a catalog.

    Attributes:
        where: Its directory, or its prefix in the store.
        vcluster: Empty where the index cannot be read.
        created: When the backup began; None where that cannot be told.
        size_bytes: Of all its files, by the index.
        problem: Why it is damaged.
    """

    where: str
    state: State
    vcluster: str = ""
    site: str = ""
    release: str = ""
    created: datetime | None = None
    templates: tuple[str, ...] = ()
    size_bytes: int = 0
    is_signed: bool = False
    problem: str = ""


def bundles_below(root: Path) -> list[Listed]:
    """Every bundle in a directory or below it, the oldest first; links are not followed.

    Raises:
        UsageError: There is no such directory.
    """
    if not root.is_dir():
        raise UsageError(f"There is no directory {root}.")
    return _sorted(_listed(directory) for directory in _directories(root, _MOST_LEVELS))


def bundles_in(store: ObjectStore) -> list[Listed]:
    """Every bundle below a store's prefix, the oldest first."""
    found = {name.removesuffix(INDEX).rstrip("/") for name in store.names() if _is_index(name)}
    signed = {n.removesuffix(SIGNATURE).rstrip("/") for n in store.names() if _is_signature(n)}
    return _sorted(_listed_at(store, prefix, is_signed=prefix in signed) for prefix in found)


def as_of(bundles: Iterable[Listed], moment: datetime, vcluster: str = "") -> Listed:
    """The newest finished bundle that was begun at that moment or before.

    Raises:
        NotFound: There is none, or there are several vClusters to choose from.
    """
    able = [b for b in bundles if b.state == "complete" and b.created is not None]
    chosen = [b for b in able if not vcluster or b.vcluster == vcluster]
    older = [b for b in chosen if b.created is not None and b.created <= moment]
    names = sorted({bundle.vcluster for bundle in older})
    if len(names) > 1:
        raise NotFound(
            "There are bundles of several vClusters.",
            why=f"They are {', '.join(names[:10])}.",
            todo="Name one with --group.",
        )
    if not older:
        raise NotFound(
            f"There is no finished bundle{f' of {vcluster}' if vcluster else ''} "
            f"of {moment.isoformat(timespec='minutes')} or before.",
            why=f"{len(chosen)} are newer." if chosen else "",
            todo="See which there are: poya bundle list",
        )
    return older[-1]


def remove_bundle(directory: Path) -> tuple[str, ...]:
    """Remove a bundle's files, the index first; what it does not list stays, and is answered.

    Raises:
        BundleDamaged: Its index cannot be read, so it is not known which files are its own.
    """
    index = read_index(directory)
    for name in (INDEX, SIGNATURE, *index.files):
        if is_real_directory((directory / name).parent):
            remove_file(directory / name)
    for folder in sorted({name.partition("/")[0] for name in index.files if "/" in name}):
        if is_real_directory(directory / folder):
            remove_directory(directory / folder)
    remove_directory(directory)
    if not os.path.lexists(directory):
        return ()
    return tuple(sorted(path.name for path in directory.iterdir()))


def remove_bundle_at(store: ObjectStore) -> None:
    """Remove a bundle from its store, the index first."""
    index = parse_index(store.small(INDEX), store.label)
    store.remove(tuple(index.files))


def _directories(place: Path, levels: int) -> Iterator[Path]:
    """The directories that hold an index; nothing is looked for inside a bundle."""
    if os.path.lexists(place / INDEX):
        yield place
        return
    if not levels:
        return
    try:
        with os.scandir(place) as entries:
            folders = sorted(e.name for e in entries if e.is_dir(follow_symlinks=False))
    except OSError as error:
        raise unreadable(place, error) from error
    if len(folders) > _MOST_DIRECTORIES:
        raise UsageError(f"{place} holds more than {_MOST_DIRECTORIES} directories.")
    for name in folders:
        yield from _directories(place / name, levels - 1)


def _listed(directory: Path) -> Listed:
    is_signed = os.path.lexists(directory / SIGNATURE)
    is_written = any(os.path.lexists(directory / f"{INDEX}{suffix}") for suffix in PARTIALS)
    try:
        return _entry(str(directory), read_index(directory), is_signed=is_signed)
    except BundleDamaged as error:
        problem = "it is being written" if is_written else f"{error.what} {error.why}".strip()
        return Listed(str(directory), "damaged", problem=problem)


def _listed_at(store: ObjectStore, prefix: str, *, is_signed: bool) -> Listed:
    below = store.below(prefix)
    try:
        index = parse_index(below.small(INDEX), below.label)
    except BundleDamaged as error:
        return Listed(prefix, "damaged", problem=f"{error.what} {error.why}".strip())
    return _entry(prefix, index, is_signed=is_signed)


def _entry(where: str, index: Index, *, is_signed: bool) -> Listed:
    return Listed(
        where=where,
        state="unfinished" if index.unfinished() else "complete",
        vcluster=index.vcluster,
        site=index.origin.site,
        release=index.origin.release,
        created=_moment(index.origin.created),
        templates=tuple(template.name for template in index.templates),
        size_bytes=sum(entry.size_bytes or 0 for entry in index.files.values()),
        is_signed=is_signed,
    )


def _moment(text: str) -> datetime | None:
    with suppress(ValueError):
        found = datetime.fromisoformat(text)
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    return None


def _sorted(bundles: Iterable[Listed]) -> list[Listed]:
    oldest = datetime.min.replace(tzinfo=UTC)
    return sorted(bundles, key=lambda b: (b.vcluster, b.site, b.created or oldest, b.where))


def _is_index(name: str) -> bool:
    return name == INDEX or name.endswith(f"/{INDEX}")


def _is_signature(name: str) -> bool:
    return name == SIGNATURE or name.endswith(f"/{SIGNATURE}")
