# SPDX-License-Identifier: Apache-2.0
"""Look at every file of a bundle: what is damaged, and what can still be restored."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from poya.errors import BundleDamaged
from poya.sites.bundle.contents import Contents
from poya.sites.bundle.digests import Digests, HashProgress, Wanted, hash_files, ignore_progress
from poya.sites.bundle.guard import is_guarded
from poya.sites.bundle.index import FileEntry, Index
from poya.sites.bundle.indexed import parse_index, read_contents
from poya.sites.bundle.names import INDEX, KEPT_BESIDE, SEALED
from poya.sites.bundle.reading import is_real_directory, read_bounded, regular_size
from poya.sites.bundle.refusing import needs_of
from poya.transfer.guard import Cancel

Verdict: TypeAlias = Literal["ok", "altered", "missing", "unfinished", "encrypted", "stray"]


@dataclass(frozen=True, slots=True)
class FileVerdict:
    """What one file was found to be.

    Attributes:
        role: As the index says; empty for a file that it does not list.
        evidence: What shows it; empty for a file that is well.
    """

    file: str
    role: str
    verdict: Verdict
    evidence: str = ""

    @property
    def is_damaged(self) -> bool:
        """Whether something is lost. A stray file is only in the way of nobody."""
        return self.verdict not in ("ok", "stray")


@dataclass(frozen=True, slots=True)
class Examination:
    """What came of looking at a bundle.

    Attributes:
        is_deep: Whether artifacts were read and hashed; else only their sizes were compared.
        damaged_for: By session template, the damaged files that it needs; none if it can be
            restored.
        is_guarded: Whether the index carries a digest of itself, which was compared.
    """

    index: Index
    is_deep: bool
    files: tuple[FileVerdict, ...]
    damaged_for: Mapping[str, tuple[str, ...]]
    is_guarded: bool

    def damaged(self) -> tuple[FileVerdict, ...]:
        """The files that are not what they should be."""
        return tuple(file for file in self.files if file.is_damaged)

    def restorable(self) -> tuple[str, ...]:
        """The session templates that can be restored whole."""
        return tuple(name for name, files in self.damaged_for.items() if not files)


def examine(
    directory: Path,
    *,
    is_deep: bool,
    cancel: Cancel | None = None,
    progress: HashProgress = ignore_progress,
) -> Examination:
    """Compare every file with the index: sizes and the records' digests, or every byte.

    Raises:
        BundleDamaged: The index itself cannot be used.
        Cancelled: The stop was asked for.
    """
    raw = read_bounded(directory / INDEX)
    index = parse_index(raw, str(directory / INDEX))
    present, verdicts = _by_size(directory, index)
    wanted = {
        name: Wanted(directory / name, entry.etag or "" if is_deep else "", sha256=True)
        for name, entry in index.files.items()
        if name in present and (is_deep or entry.role != "artifact")
    }
    found = hash_files(wanted.values(), cancel or Cancel(), progress)
    for name, file in wanted.items():
        evidence = difference(index.files[name], found[file.path], is_deep=is_deep)
        if evidence:
            verdicts[name] = _verdict(index, name, "altered", evidence)
    for name in present:
        verdicts.setdefault(name, _verdict(index, name, "ok"))
    listed = tuple(verdicts[name] for name in index.files)
    return Examination(
        index,
        is_deep,
        (*listed, *_strays(directory, index)),
        damage_for(directory, index, listed),
        is_guarded=is_guarded(raw),
    )


def _verdict(index: Index, name: str, verdict: Verdict, evidence: str = "") -> FileVerdict:
    return FileVerdict(name, index.files[name].role, verdict, evidence)


def _by_size(directory: Path, index: Index) -> tuple[list[str], dict[str, FileVerdict]]:
    """The files that are there in their length, and a verdict on each of the others."""
    present: list[str] = []
    verdicts: dict[str, FileVerdict] = {}
    for name, entry in index.files.items():
        if entry.sha256 is None:
            evidence = "the backup was not finished"
            verdicts[name] = _verdict(index, name, "unfinished", evidence)
            continue
        if not is_real_directory((directory / name).parent):
            evidence = "its directory is missing, or a link to one"
            verdicts[name] = _verdict(index, name, "missing", evidence)
            continue
        try:
            size_bytes = regular_size(directory / name)
        except BundleDamaged as error:
            verdicts[name] = _absent(directory, index, name, error)
            continue
        if entry.size_bytes is not None and (evidence := length_difference(entry, size_bytes)):
            verdicts[name] = _verdict(index, name, "altered", evidence)
        else:
            present.append(name)
    return present, verdicts


def _absent(directory: Path, index: Index, name: str, error: BundleDamaged) -> FileVerdict:
    if os.path.lexists(directory / f"{name}{SEALED}"):
        evidence = "'poya bundle import' with --identity opens it"
        return _verdict(index, name, "encrypted", evidence)
    return _verdict(index, name, "missing", error.why or error.what)


def length_difference(entry: FileEntry, size_bytes: int) -> str:
    """How a file's length differs from the index; empty if it does not."""
    if size_bytes == entry.size_bytes:
        return ""
    return f"bytes {size_bytes}, expected {entry.size_bytes}"


def difference(entry: FileEntry, found: Digests, *, is_deep: bool) -> str:
    """How a file differs from the index; empty if it does not."""
    pairs: list[tuple[str, object, object]]
    pairs = [("sha256", found.sha256, entry.sha256), ("md5", found.md5, entry.md5)]
    if is_deep and entry.part_size_bytes is not None:
        pairs.append(("part size of its etag", found.part_size_bytes, entry.part_size_bytes))
    for what, has, expected in pairs:
        if expected is not None and has != expected:
            return f"{what} {has}, expected {expected}"
    return ""


def _strays(directory: Path, index: Index) -> Iterable[FileVerdict]:
    """Files that the index does not list; links and devices among them are not followed."""
    known = {INDEX, *KEPT_BESIDE, *index.files, *(f"{name}{SEALED}" for name in index.files)}
    folders = {name.partition("/")[0] for name in index.files if "/" in name}
    for folder in ("", *sorted(folders)):
        place = directory / folder
        if not is_real_directory(place):
            continue
        with os.scandir(place) as entries:
            names = sorted(f"{folder}/{e.name}" if folder else e.name for e in entries)
        for name in names:
            if name not in known and name not in folders:
                yield FileVerdict(name, "", "stray", "the index does not list it")


def damage_for(
    directory: Path, index: Index, files: Iterable[FileVerdict]
) -> dict[str, tuple[str, ...]]:
    """For each template the damaged files that it needs."""
    contents = read_contents(directory, index)
    damaged = {file.file for file in files if file.is_damaged}
    owners = _owners(index)
    templates = {template.name: template for template in contents.templates}
    unread = _unread(contents)
    result: dict[str, tuple[str, ...]] = {}
    for entry in index.templates:
        template = templates.get(entry.name)
        needed = needs_of([template]) if template else {("template", entry.name)}
        lost = {f for owner in needed for f in owners.get(owner, ()) if f in damaged}
        lost |= {file for owner, file in unread if owner in needed}
        result[entry.name] = tuple(sorted(lost))
    return result


def _unread(contents: Contents) -> list[tuple[tuple[str, str], str]]:
    return [(f.owner, f.file) for f in contents.flaws if isinstance(f.reason, BundleDamaged)]


def _owners(index: Index) -> dict[tuple[str, str], tuple[str, ...]]:
    """Which files hold what, as `needs_of` names it."""
    owners: dict[tuple[str, str], tuple[str, ...]] = {}
    owners.update({("template", t.name): (t.file,) for t in index.templates})
    owners.update({("group", g.name): g.files for g in index.groups})
    owners.update({("configuration", c.name): (c.file,) for c in index.configurations})
    owners.update({("image", i.manifest_path): i.files() for i in index.images})
    return owners
