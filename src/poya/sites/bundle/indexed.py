# SPDX-License-Identifier: Apache-2.0
"""Read a bundle by its index: only files that it names, and only if they are what it says."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from poya.documents import Document, Json
from poya.errors import BadAnswer, BundleDamaged
from poya.model.records import Configuration, Group, Node, SessionTemplate
from poya.model.vcluster import Gap
from poya.sites.bundle.contents import Contents, StoredArtifact, StoredImage
from poya.sites.bundle.generations import image_of
from poya.sites.bundle.index import FileEntry, ImageEntry, Index, decode_index
from poya.sites.bundle.names import INDEX
from poya.sites.bundle.reading import not_understood, parse_json, read_bounded

_T = TypeVar("_T")
_MOST_SHOWN = 4


def read_index(directory: Path) -> Index:
    """Read the index of a bundle, finished or not. Raises BundleDamaged as `decode_index`."""
    path = directory / INDEX
    return decode_index(read_bounded(path), str(path))


def read_indexed(directory: Path) -> Contents:
    """Read all records of a finished bundle.

    Raises:
        BundleDamaged: The index is damaged or of an unknown version, the backup was not finished,
            or a record is missing or cannot be understood. One that was altered is a gap.
    """
    index = read_index(directory)
    if index.unfinished():
        raise _unfinished(directory, index)
    return _Reader(directory, index).contents()


class _Reader:
    """Reads one bundle, collecting gaps."""

    def __init__(self, directory: Path, index: Index) -> None:
        self._directory = directory
        self._index = index
        self._gaps: list[Gap] = []

    def contents(self) -> Contents:
        index = self._index
        templates = tuple(self._record(t.file, SessionTemplate.of) for t in index.templates)
        configurations = tuple(
            self._record(c.file, Configuration.of) for c in index.configurations
        )
        groups = self._groups()
        images = tuple(self._image(entry) for entry in index.images)
        release = f"bundle ({index.origin.release})" if index.origin.release else "bundle"
        return Contents(
            label=str(self._directory),
            release=release,
            vcluster=index.vcluster,
            templates=templates,
            configurations=configurations,
            groups=groups,
            images=images,
            nodes={n.xname: Node(n.xname, n.nid, n.arch, n.role, n.subrole) for n in index.nodes},
            gaps=tuple(self._gaps),
        )

    def _json(self, file: str) -> Json:
        path = self._directory / file
        raw = read_bounded(path)
        value = parse_json(raw, path)
        gap = _altered(path, raw, self._index.files[file])
        if gap is not None:
            self._gaps.append(gap)
        return value

    def _record(self, file: str, make: Callable[[Document], _T]) -> _T:
        return understood(self._directory / file, self._json(file), make)

    def _groups(self) -> tuple[Group, ...]:
        files = dict.fromkeys(file for group in self._index.groups for file in group.files)
        held: dict[tuple[str, str], Group] = {}
        for file in files:
            for value in _list(self._directory / file, self._json(file)):
                group = understood(self._directory / file, value, Group.of)
                held[file, group.label] = group
        return tuple(self._group(entry.name, entry.files, held) for entry in self._index.groups)

    def _group(
        self, label: str, files: tuple[str, ...], held: dict[tuple[str, str], Group]
    ) -> Group:
        for file in files:
            if (file, label) not in held:
                raise BundleDamaged(
                    f"{self._directory / file} lacks the HSM group {label}.",
                    why="The index says that it is in this file.",
                )
        return held[files[0], label]

    def _image(self, entry: ImageEntry) -> StoredImage:
        path = self._directory / entry.record
        record = image_of(self._json(entry.record))
        if record is None or record.value["id"] != entry.id:
            raise BundleDamaged(
                f"{path} is not the record of IMS image {entry.id}.",
                why="The index says that it is.",
                todo="Make the backup anew, or restore the file from another copy.",
            )
        return StoredImage(
            id=entry.id,
            name=str(record.value["name"]),
            record=record,
            manifest_path=entry.manifest_path,
            directory=(self._directory / entry.manifest).parent,
            manifest=self._checked_manifest(entry),
            manifest_etag=self._index.files[entry.manifest].etag or "",
            indexed={
                a.path: StoredArtifact(self._directory / a.file, self._index.files[a.file])
                for a in entry.artifacts
            },
        )

    def _checked_manifest(self, entry: ImageEntry) -> Path:
        path = self._directory / entry.manifest
        gap = _altered(path, read_bounded(path), self._index.files[entry.manifest])
        if gap is not None:
            self._gaps.append(gap)
        return path


def understood(path: Path, value: Json, make: Callable[[Document], _T]) -> _T:
    """Make a record of a file's JSON. Raises BundleDamaged if it is none."""
    if not isinstance(value, dict):
        raise not_understood(path, BadAnswer("It is not a JSON object."))
    try:
        return make(Document.of(value))
    except BadAnswer as error:
        raise not_understood(path, error) from error


def _list(path: Path, value: Json) -> list[Json]:
    if not isinstance(value, list):
        raise not_understood(path, BadAnswer("It is not a list of groups."))
    return value


def _altered(path: Path, raw: bytes, entry: FileEntry) -> Gap | None:
    if entry.size_bytes is not None and len(raw) != entry.size_bytes:
        evidence = f"bytes {len(raw)}, expected {entry.size_bytes}"
        return Gap("artifact-altered", str(path), evidence)
    digest = hashlib.sha256(raw).hexdigest()
    if digest != entry.sha256:
        return Gap("artifact-altered", str(path), f"sha256 {digest}, expected {entry.sha256}")
    return None


def _unfinished(directory: Path, index: Index) -> BundleDamaged:
    missing = index.unfinished()
    more = len(missing) - _MOST_SHOWN
    shown = ", ".join(missing[:_MOST_SHOWN]) + (f" and {more} more" if more > 0 else "")
    templates = "".join(f"-b {template.name} " for template in index.templates)
    return BundleDamaged(
        f"The backup in {directory} was not finished.",
        why=f"{len(missing)} of its {len(index.files)} files are not complete: {shown}.",
        todo="Continue it by making it again: poya migrate backup "
        f"{templates}--site {index.origin.site} -d {directory}",
    )
