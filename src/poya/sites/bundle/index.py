# SPDX-License-Identifier: Apache-2.0
"""The index of a bundle, `bundle.json`: its classes, reading and writing (docs/format.md)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, TypeAlias

import msgspec

from poya.documents import parse, pretty
from poya.errors import BadAnswer, BundleDamaged
from poya.model.records import EntityRef
from poya.sites.bundle.names import is_safe_path

FORMAT = "poya-bundle"
VERSION = 1

Role: TypeAlias = Literal[
    "template", "groups", "configuration", "image-record", "manifest", "artifact"
]


class FileEntry(msgspec.Struct, frozen=True):
    """What is known of one file.

    Attributes:
        role: One of `Role`; a later poya may know more.
        sha256: None until the file is complete on disk and was read back.
        etag: What the source's object store called it.
        part_size_bytes: Proved to give the multipart etag; None for other etags.
    """

    role: str
    size_bytes: int | None = None
    sha256: str | None = None
    md5: str | None = None
    etag: str | None = None
    part_size_bytes: int | None = None


class TemplateEntry(msgspec.Struct, frozen=True):
    """A session template, its file, and the file of its groups; None if it names none."""

    name: str
    file: str
    groups: str | None = None


class GroupEntry(msgspec.Struct, frozen=True):
    """A group and the files that hold it: one for each template that names it."""

    name: str
    files: tuple[str, ...]


class ConfigurationEntry(msgspec.Struct, frozen=True):
    """A configuration and its file."""

    name: str
    file: str


class ArtifactEntry(msgspec.Struct, frozen=True):
    """An artifact: the name that plans give it, its place at its site, its file."""

    name: str
    path: str
    file: str


class ImageEntry(msgspec.Struct, frozen=True):
    """An image: the files of its record and manifest, and its artifacts."""

    id: str
    name: str
    record: str
    manifest: str
    manifest_path: str
    artifacts: tuple[ArtifactEntry, ...]

    def files(self) -> tuple[str, ...]:
        """All its files, the record first."""
        return (self.record, self.manifest, *(artifact.file for artifact in self.artifacts))


class NodeEntry(msgspec.Struct, frozen=True):
    """A node as HSM knew it."""

    xname: str
    nid: int | None = None
    arch: str = ""
    role: str = ""
    subrole: str = ""


class Origin(msgspec.Struct, frozen=True):
    """Where the bundle comes from; `created` is UTC, as RFC 3339 writes it."""

    site: str
    tool: str
    created: str
    release: str = ""


class Index(msgspec.Struct, frozen=True):
    """The whole index."""

    format: str
    version: int
    vcluster: str
    origin: Origin
    templates: tuple[TemplateEntry, ...]
    groups: tuple[GroupEntry, ...]
    configurations: tuple[ConfigurationEntry, ...]
    images: tuple[ImageEntry, ...]
    nodes: tuple[NodeEntry, ...]
    files: Mapping[str, FileEntry]

    def unfinished(self) -> tuple[str, ...]:
        """The files that are not complete yet; a finished backup has none."""
        return tuple(name for name, entry in self.files.items() if entry.sha256 is None)

    def image(self, image_id: str) -> ImageEntry | None:
        """The image with this id."""
        return next((image for image in self.images if image.id == image_id), None)

    def encode(self) -> bytes:
        """The index as its file holds it."""
        return pretty(msgspec.to_builtins(self))

    def with_file(self, name: str, entry: FileEntry) -> Index:
        """The index with one entry put in the place of another."""
        return msgspec.structs.replace(self, files={**self.files, name: entry})


def decode_index(raw: bytes, where: str) -> Index:
    """Read an index and check all that can be checked without looking at the files.

    Raises:
        BundleDamaged: Not an index, one of an unknown version, or one that contradicts itself.
    """
    try:
        value = parse(raw)
    except BadAnswer as error:
        raise _damaged(where, f"{error.what} {error.why}".strip()) from error
    _check_version(value, where)
    try:
        index = msgspec.convert(value, Index)
    except msgspec.ValidationError as error:
        raise _damaged(where, str(error)) from error
    for fault in _faults(index):
        raise _damaged(where, fault)
    return index


def _check_version(value: object, where: str) -> None:
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise BundleDamaged(
            f"{where} is not the index of a bundle.",
            why=f'It lacks "format": "{FORMAT}".',
            todo="Name the directory that 'poya migrate backup' wrote.",
        )
    version = value.get("version")
    if type(version) is not int or version != VERSION:
        raise BundleDamaged(
            f"{where} has a format version that this poya does not read.",
            why=f"It has version {str(version)[:20]!r}; this poya reads {VERSION}.",
            todo="Use the poya that made the bundle, or a newer one.",
        )


def _damaged(where: str, why: str) -> BundleDamaged:
    return BundleDamaged(
        f"The index {where} is damaged.",
        why=why,
        todo="Make the backup anew, or restore the file from another copy.",
    )


def _faults(index: Index) -> Iterator[str]:
    """Contradictions that a reader must not meet half-way."""
    for name, entry in index.files.items():
        if not is_safe_path(name):
            yield f"{name[:80]!r} is no path of a bundle's file"
        part_bytes = entry.part_size_bytes
        if (entry.size_bytes or 0) < 0 or (part_bytes is not None and part_bytes < 1):
            yield f"the sizes of {name} are impossible"
    for name in graph_files(index):
        if name not in index.files:
            yield f"{name[:80]!r} is in the graph and not among the files"
    for group in index.groups:
        if not group.files:
            yield f"the group {group.name[:80]!r} is in no file"
    yield from _twins("template", [t.name for t in index.templates])
    yield from _twins("group", [g.name for g in index.groups])
    yield from _twins("configuration", [c.name for c in index.configurations])
    yield from _twins("image", [i.id for i in index.images])


def _twins(kind: str, names: list[str]) -> Iterator[str]:
    if len(set(names)) != len(names):
        yield f"a {kind} is named twice"


def graph_files(index: Index) -> Iterator[str]:
    """Every file that the graph names; one that holds several groups comes several times."""
    yield from (template.file for template in index.templates)
    yield from (template.groups for template in index.templates if template.groups)
    yield from (file for group in index.groups for file in group.files)
    yield from (configuration.file for configuration in index.configurations)
    yield from (file for image in index.images for file in image.files())


def refs_of(index: Index) -> Iterator[EntityRef]:
    """Every entity of the graph."""
    yield from (EntityRef("group", group.name) for group in index.groups)
    yield from (EntityRef("configuration", entry.name) for entry in index.configurations)
    yield from (EntityRef("template", template.name) for template in index.templates)


def files_of(index: Index, ref: EntityRef) -> tuple[str, ...]:
    """The files that hold an entity; none if the graph does not have it."""
    if ref.kind == "group":
        return next((group.files for group in index.groups if group.name == ref.name), ())
    entries = index.templates if ref.kind == "template" else index.configurations
    return tuple(entry.file for entry in entries if entry.name == ref.name)
