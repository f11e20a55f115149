# SPDX-License-Identifier: Apache-2.0
"""Which bundles there are below a directory or in a store, and taking some away."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, TypeAlias

from poya.errors import BundleDamaged, DataDamaged, NotFound, UsageError
from poya.sites.bundle.index import Index
from poya.sites.bundle.indexed import parse_index, read_index
from poya.sites.bundle.names import INDEX, SEALED, SIGNATURE
from poya.sites.bundle.reading import is_real_directory, unreadable
from poya.sites.bundle.stores.objects import ObjectStore
from poya.sites.bundle.stores.shelf import index_of
from poya.sites.bundle.stores.tar_files import TarFileStore
from poya.sites.bundle.writing import PARTIALS, remove_directory, remove_file

State: TypeAlias = Literal["complete", "unfinished", "damaged", "encrypted"]

# Deeper than anybody keeps them: `<root>/<site>/<vcluster>/<date>`.
_MOST_LEVELS = 4
_MOST_DIRECTORIES = 100_000


@dataclass(frozen=True, slots=True)
class Listed:
    """One bundle of a catalog.

    Attributes:
        where: Its directory, its tar, or its place in the store.
        vcluster: Empty where the index cannot be read.
        created: When the backup began; None where that cannot be told.
        size_bytes: Of all its files, by the index.
        problem: Why it is damaged.
        prefix: In the store, below what was listed.
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
    prefix: str = ""


def bundles_below(root: Path) -> list[Listed]:
    """Every bundle in a directory or below it, tars included; the oldest of a vCluster first.

    Links are not followed.

    Raises:
        UsageError: There is no such directory.
    """
    if not root.is_dir():
        raise UsageError(f"There is no directory {root}.")
    places = _places(root, _MOST_LEVELS)
    return _sorted(_listed_tar(p) if is_tar_name(p.name) else _listed(p) for p in places)


def bundles_in(store: ObjectStore) -> list[Listed]:
    """Every bundle below a store's prefix, the oldest of a vCluster first."""
    held = store.sizes()
    found = [name.removesuffix(INDEX).rstrip("/") for name in held if _is_index(name)]
    return _sorted(_listed_at(store, prefix, held) for prefix in found)


def is_tar_name(name: str) -> bool:
    """Say whether a file may be a bundle by its name."""
    return name.endswith((".tar", f".tar{SEALED}"))


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
    if is_tar_name(directory.name) and not directory.is_dir():
        remove_file(directory)
        return ()
    index = read_index(directory)
    sealed = tuple(f"{name}{SEALED}" for name in index.files)
    for name in (INDEX, SIGNATURE, *index.files, *sealed):
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


def _places(place: Path, levels: int) -> Iterator[Path]:
    """Directories that hold an index, and tars; nothing is looked for inside a bundle."""
    if os.path.lexists(place / INDEX):
        yield place
        return
    try:
        with os.scandir(place) as entries:
            found = sorted(
                (e.name, e.is_dir(follow_symlinks=False))
                for e in entries
                if not e.is_symlink() and (e.is_dir() or is_tar_name(e.name))
            )
    except OSError as error:
        raise unreadable(place, error) from error
    if len(found) > _MOST_DIRECTORIES:
        raise UsageError(f"{place} holds more than {_MOST_DIRECTORIES} directories and tars.")
    for name, is_directory in found:
        if not is_directory:
            yield place / name
        elif levels:
            yield from _places(place / name, levels - 1)


def _listed(directory: Path) -> Listed:
    is_signed = os.path.lexists(directory / SIGNATURE)
    is_written = any(os.path.lexists(directory / f"{INDEX}{suffix}") for suffix in PARTIALS)
    try:
        return _entry(str(directory), read_index(directory), is_signed=is_signed)
    except BundleDamaged as error:
        problem = "it is being written" if is_written else f"{error.what} {error.why}".strip()
        return Listed(str(directory), "damaged", problem=problem)


def _listed_tar(path: Path) -> Listed:
    if path.name.endswith(SEALED):
        return Listed(str(path), "encrypted", size_bytes=path.lstat().st_size)
    try:
        shelf = TarFileStore(path).look()
        index = index_of(shelf)
    except DataDamaged as error:
        return Listed(str(path), "damaged", problem=f"{error.what} {error.why}".strip())
    found = _entry(str(path), index, is_signed=shelf.signature is not None)
    missing = sorted(index.files.keys() - shelf.names)
    return _lacking(found, missing)


def _listed_at(store: ObjectStore, prefix: str, held: Mapping[str, int]) -> Listed:
    below = store.below(prefix)
    where = below.name or prefix
    try:
        index = parse_index(below.small(INDEX), below.label)
    except BundleDamaged as error:
        problem = f"{error.what} {error.why}".strip()
        return Listed(where, "damaged", problem=problem, prefix=prefix)
    start = f"{prefix}/" if prefix else ""
    found = _entry(where, index, is_signed=f"{start}{SIGNATURE}" in held)
    missing = [n for n in index.files if not {f"{start}{n}", f"{start}{n}{SEALED}"} & held.keys()]
    return replace(_lacking(found, missing), prefix=prefix)


def _lacking(found: Listed, missing: list[str]) -> Listed:
    """A bundle of which some files are not there at all is damaged."""
    if not missing:
        return found
    return replace(found, state="damaged", problem=f"{missing[0]} is missing.")


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
