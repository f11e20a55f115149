# SPDX-License-Identifier: Apache-2.0
"""Read a bundle by its index: only files that it names, and only if they are what it says."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from poya.documents import Document, Json
from poya.errors import BadAnswer, BundleDamaged
from poya.model.records import KIND_TITLES, Configuration, Group, Node, SessionTemplate
from poya.model.vcluster import Gap, Hardware
from poya.sites.bundle.contents import Contents, Flaw, StoredArtifact, StoredImage
from poya.sites.bundle.generations import image_of
from poya.sites.bundle.guard import MEMBER, guard_fault, is_guarded
from poya.sites.bundle.index import (
    FileEntry,
    GroupEntry,
    ImageEntry,
    Index,
    damaged_index,
    decode_index,
)
from poya.sites.bundle.names import INDEX, SIGNATURE
from poya.sites.bundle.reading import (
    not_understood,
    parse_json,
    read_bounded,
    refuse_too_much,
)
from poya.sites.bundle.trust.policy import FREE_POLICY, TrustPolicy, Vouching, judge

_T = TypeVar("_T")
_Named = TypeVar("_Named", SessionTemplate, Configuration)
_MOST_SHOWN = 4


def read_index(directory: Path) -> Index:
    """Read the index of a bundle, finished or not. Raises BundleDamaged as `parse_index`."""
    path = directory / INDEX
    return parse_index(read_bounded(path), str(path))


def parse_index(raw: bytes, where: str) -> Index:
    """Make an index of its bytes, wherever they come from.

    Args:
        raw: The bytes.
        where: How messages call the place where they were.

    Raises:
        BundleDamaged: They are not JSON, were altered after they were written, or as
            `decode_index`.
    """
    fault = guard_fault(raw)
    value = None if fault else parse_json(raw, where)
    if isinstance(value, dict) and MEMBER in value and not is_guarded(raw):
        fault = "Its own digest is not its last line."
    if fault:
        raise damaged_index(where, f"It was altered after it was written. {fault}")
    index = decode_index(value, where)
    records = (e.size_bytes or 0 for e in index.files.values() if e.role != "artifact")
    refuse_too_much(where, sum(records))
    return index


@dataclass(frozen=True, slots=True)
class OpenedIndex:
    """An index, and what speaks for its being as it was written.

    Attributes:
        vouching: What its signature turned out to be.
        is_guarded: Whether it carries a digest of itself, which was compared.
    """

    index: Index
    vouching: Vouching
    is_guarded: bool


def open_index(directory: Path, policy: TrustPolicy) -> OpenedIndex:
    """Read the index, and who vouches for the bytes that were read.

    Raises:
        BundleDamaged: As `read_index`.
        BundleUntrusted: The policy refuses it, or its signature is wrong.
    """
    path = directory / INDEX
    raw = read_bounded(path)
    beside = directory / SIGNATURE
    signature = read_bounded(beside) if os.path.lexists(beside) else None
    vouching = judge(raw, signature, policy, str(beside if signature else path))
    return OpenedIndex(parse_index(raw, str(path)), vouching, is_guarded(raw))


def read_indexed(directory: Path, policy: TrustPolicy = FREE_POLICY) -> Contents:
    """Read all records of a finished bundle.

    A record that is missing, altered or cannot be understood is a flaw of the contents: only
    those who need it are concerned.

    Raises:
        BundleDamaged: The index is damaged or of an unknown version, or the backup was not
            finished.
        BundleUntrusted: The policy refuses it, or its signature is wrong.
    """
    opened = open_index(directory, policy)
    if opened.index.unfinished():
        raise _unfinished(directory, opened.index)
    gaps = tuple(vouched(str(directory), opened, policy))
    return replace(read_contents(directory, opened.index), gaps=gaps)


def vouched(subject: str, opened: OpenedIndex, policy: TrustPolicy) -> Iterator[Gap]:
    """What the operator is told of signature and digest; of keys only where some are known."""
    vouching = opened.vouching
    if vouching.state == "signed":
        yield Gap("bundle-signed", subject, f"key {vouching.key}: {vouching.comment}")
        return
    if not opened.is_guarded:
        yield Gap("index-unguarded", subject, f"{INDEX} has no digest of itself in its last line")
    if policy.keys:
        by = f"signed by the key {vouching.key}" if vouching.key else "without a signature"
        yield Gap("bundle-unsigned", subject, by)


def read_contents(directory: Path, index: Index) -> Contents:
    """Read all records that an index names, finished or not; what cannot be read is a flaw."""
    return _Reader(directory, index).contents()


class _Reader:
    """Reads one bundle, collecting flaws."""

    def __init__(self, directory: Path, index: Index) -> None:
        self._directory = directory
        self._index = index
        self._flaws: list[Flaw] = []

    def contents(self) -> Contents:
        index = self._index
        templates = [
            self._record(("template", t.name), t.file, SessionTemplate.of) for t in index.templates
        ]
        configurations = [
            self._record(("configuration", c.name), c.file, Configuration.of)
            for c in index.configurations
        ]
        groups = self._groups()
        images = [self._image(entry) for entry in index.images]
        release = f"bundle ({index.origin.release})" if index.origin.release else "bundle"
        return Contents(
            label=str(self._directory),
            release=release,
            vcluster=index.vcluster,
            templates=tuple(t for t in templates if t is not None),
            configurations=tuple(c for c in configurations if c is not None),
            groups=groups,
            images=tuple(image for image in images if image is not None),
            nodes={n.xname: Node(n.xname, n.nid, n.arch, n.role, n.subrole) for n in index.nodes},
            hardware=Hardware(index.hardware.demand, index.hardware.members)
            if index.hardware
            else None,
            flaws=tuple(self._flaws),
            is_indexed=True,
        )

    def _flaw(self, owner: tuple[str, str], file: str, reason: BundleDamaged | Gap) -> None:
        self._flaws.append(Flaw(owner, file, reason))

    def _json(self, owner: tuple[str, str], file: str) -> Json:
        path = self._directory / file
        entry = self._index.files[file]
        raw = read_bounded(path, entry.size_bytes)
        value = parse_json(raw, path)
        gap = _altered(path, raw, entry)
        if gap is not None:
            self._flaw(owner, file, gap)
        return value

    def _record(
        self, owner: tuple[str, str], file: str, make: Callable[[Document], _Named]
    ) -> _Named | None:
        path = self._directory / file
        try:
            record = understood(path, self._json(owner, file), make)
            if record.name != owner[1]:
                raise _another(path, f"{KIND_TITLES[owner[0]]} {owner[1]}")
        except BundleDamaged as error:
            self._flaw(owner, file, error)
            return None
        return record

    def _groups(self) -> tuple[Group, ...]:
        found = [self._group(entry) for entry in self._index.groups]
        return tuple(group for group in found if group is not None)

    def _group(self, entry: GroupEntry) -> Group | None:
        """The group as its files have it; each of its files must have it, and the same."""
        owner = ("group", entry.name)
        held: list[Group] = []
        for file in entry.files:
            path = self._directory / file
            try:
                items = _list(path, self._json(owner, file))
                groups = [understood(path, item, Group.of) for item in items]
                mine = [group for group in groups if group.label == entry.name]
                if len(mine) != 1 or (held and mine[0] != held[0]):
                    raise _another(path, f"HSM group {entry.name}")
                held.extend(mine)
            except BundleDamaged as error:
                self._flaw(owner, file, error)
        return held[0] if held else None

    def _image(self, entry: ImageEntry) -> StoredImage | None:
        owner = ("image", entry.manifest_path)
        path = self._directory / entry.record
        try:
            record = image_of(self._json(owner, entry.record))
            if record is None or record.value["id"] != entry.id:
                raise _another(path, f"record of IMS image {entry.id}")
            manifest = self._checked_manifest(owner, entry)
        except BundleDamaged as error:
            self._flaw(owner, entry.record, error)
            return None
        return StoredImage(
            id=entry.id,
            name=str(record.value["name"]),
            record=record,
            manifest_path=entry.manifest_path,
            directory=(self._directory / entry.manifest).parent,
            manifest=manifest,
            manifest_etag=self._index.files[entry.manifest].etag or "",
            indexed={
                a.path: StoredArtifact(self._directory / a.file, self._index.files[a.file])
                for a in entry.artifacts
            },
        )

    def _checked_manifest(self, owner: tuple[str, str], entry: ImageEntry) -> Path:
        path = self._directory / entry.manifest
        gap = _altered(path, read_bounded(path), self._index.files[entry.manifest])
        if gap is not None:
            self._flaw(owner, entry.manifest, gap)
        return path


def _another(path: Path, wanted: str) -> BundleDamaged:
    return BundleDamaged(
        f"{path} does not hold the {wanted}.",
        why="The index says that it does.",
        todo="Make the backup anew, or restore the file from another copy.",
    )


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
