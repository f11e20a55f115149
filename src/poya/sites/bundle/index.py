# SPDX-License-Identifier: Apache-2.0
"""The index of a bundle, `bundle.json`: its classes, reading and writing (docs/format.md)."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Annotated, Literal, TypeAlias, get_args

import msgspec
from msgspec import Meta

from poya.documents import Json, pretty
from poya.errors import BundleDamaged
from poya.model.records import EntityRef
from poya.sites.bundle.guard import guarded
from poya.sites.bundle.names import SAFE_PATH, is_safe_path

FORMAT: Literal["poya-bundle"] = "poya-bundle"
VERSION: Literal[1] = 1

Role: TypeAlias = Literal[
    "template", "groups", "configuration", "image-record", "manifest", "artifact"
]


# JSON numbers beyond 2^53 are not the same number everywhere.
MOST_BYTES = 2**53
MOST_ETAG_CHARACTERS = 256

FilePath: TypeAlias = Annotated[str, Meta(pattern=SAFE_PATH)]
SizeBytes: TypeAlias = Annotated[int, Meta(ge=0, le=MOST_BYTES)]
PartSizeBytes: TypeAlias = Annotated[int, Meta(ge=1, le=MOST_BYTES)]
Md5: TypeAlias = Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]
Sha256: TypeAlias = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
Etag: TypeAlias = Annotated[str, Meta(max_length=MOST_ETAG_CHARACTERS)]
Name: TypeAlias = Annotated[str, Meta(min_length=1)]


class FileEntry(msgspec.Struct, frozen=True):
    """What is known of one file.

    Attributes:
        role: One of `Role`; a later poya may know more.
        sha256: None until the file is complete on disk and was read back.
        etag: What the source's object store called it.
        part_size_bytes: Proved to give the multipart etag; None for other etags.
    """

    role: str
    size_bytes: SizeBytes | None = None
    sha256: Sha256 | None = None
    md5: Md5 | None = None
    etag: Etag | None = None
    part_size_bytes: PartSizeBytes | None = None


class TemplateEntry(msgspec.Struct, frozen=True):
    """A session template, its file, and the file of its groups; None if it names none."""

    name: Name
    file: FilePath
    groups: FilePath | None = None


class GroupEntry(msgspec.Struct, frozen=True):
    """A group and the files that hold it: one for each template that names it."""

    name: Name
    files: Annotated[tuple[FilePath, ...], Meta(min_length=1)]


class ConfigurationEntry(msgspec.Struct, frozen=True):
    """A configuration and its file."""

    name: Name
    file: FilePath


class ArtifactEntry(msgspec.Struct, frozen=True):
    """An artifact: the name that plans give it, its place at its site, its file."""

    name: Name
    path: str
    file: FilePath


class ImageEntry(msgspec.Struct, frozen=True):
    """An image: the files of its record and manifest, and its artifacts."""

    id: Name
    name: str
    record: FilePath
    manifest: FilePath
    manifest_path: str
    artifacts: tuple[ArtifactEntry, ...]

    def files(self) -> tuple[str, ...]:
        """All its files, the record first."""
        return (self.record, self.manifest, *(artifact.file for artifact in self.artifacts))


class NodeEntry(msgspec.Struct, frozen=True):
    """A node as HSM knew it."""

    xname: Name
    nid: Annotated[int, Meta(ge=-MOST_BYTES, le=MOST_BYTES)] | None = None
    arch: str = ""
    role: str = ""
    subrole: str = ""


class HardwareEntry(msgspec.Struct, frozen=True):
    """The demand that the nodes fulfil, and the nodes of each of its classes."""

    demand: str
    members: Mapping[str, tuple[Name, ...]] = {}


class Origin(msgspec.Struct, frozen=True):
    """Where the bundle comes from; `created` is UTC, as RFC 3339 writes it."""

    site: str
    tool: str
    created: str
    release: str = ""


class Index(msgspec.Struct, frozen=True):
    """The whole index."""

    format: Literal["poya-bundle"]
    version: Literal[1]
    vcluster: str
    origin: Origin
    templates: tuple[TemplateEntry, ...]
    groups: tuple[GroupEntry, ...]
    configurations: tuple[ConfigurationEntry, ...]
    images: tuple[ImageEntry, ...]
    nodes: tuple[NodeEntry, ...]
    files: Mapping[FilePath, FileEntry]
    hardware: HardwareEntry | None = None

    def unfinished(self) -> tuple[str, ...]:
        """The files that are not complete yet; a finished backup has none."""
        return tuple(name for name, entry in self.files.items() if entry.sha256 is None)

    def image(self, image_id: str) -> ImageEntry | None:
        """The image with this id."""
        return next((image for image in self.images if image.id == image_id), None)

    def encode(self) -> bytes:
        """The index as its file holds it, its own digest at the end."""
        return guarded(pretty(msgspec.to_builtins(self)))

    def with_file(self, name: str, entry: FileEntry) -> Index:
        """The index with one entry put in the place of another."""
        return msgspec.structs.replace(self, files={**self.files, name: entry})


def decode_index(value: Json, where: str) -> Index:
    """Read an index from its JSON and check all that can be checked without its files.

    Raises:
        BundleDamaged: Not an index, one of an unknown version, or one that contradicts itself.
    """
    _check_version(value, where)
    try:
        index = msgspec.convert(value, Index)
    except msgspec.ValidationError as error:
        raise damaged_index(where, str(error)) from error
    for fault in _faults(index):
        raise damaged_index(where, fault)
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


def damaged_index(where: str, why: str) -> BundleDamaged:
    """The error for an index that cannot be relied on."""
    return BundleDamaged(
        f"The index {where} is damaged.",
        why=why,
        todo="Take that file from another copy, or make the backup anew. With bundle.json moved "
        "away the rest is read as bundles of manta's are: only image files are compared then, "
        "with their manifests.",
    )


def _faults(index: Index) -> Iterator[str]:
    """Contradictions that a reader must not meet half-way."""
    for name in index.files:
        if not is_safe_path(name):
            yield f"{name[:80]!r} is no path of a bundle's file"
    yield from _colliding(index)
    named = dict(graph_roles(index))
    for name, role in graph_roles(index):
        if name not in index.files:
            yield f"{name[:80]!r} is in the graph and not among the files"
        elif not role == named[name] == index.files[name].role:
            listed = index.files[name].role[:40]
            yield f"{name[:80]!r} is named as {role}, and listed as {listed!r}"
    for name, entry in index.files.items():
        if entry.role in get_args(Role) and name not in named:
            yield f"{name[:80]!r} is listed as {entry.role} and belongs to nothing"
    yield from _named_twice(index)


def _colliding(index: Index) -> Iterator[str]:
    """Paths that could not stand side by side on every file system."""
    seen: set[str] = set()
    for name in index.files:
        if name.lower() in seen:
            yield f"{name[:80]!r} and another file differ in case only"
        seen.add(name.lower())
    for name in index.files:
        if name.partition("/")[1] and name.partition("/")[0].lower() in seen:
            yield f"{name.partition('/')[0][:80]!r} is both a file and a directory"


def _named_twice(index: Index) -> Iterator[str]:
    groups = {file for group in index.groups for file in group.files}
    uses = Counter(name for name in graph_files(index) if name not in groups)
    for kind, found in (*_names(index), ("file", list(uses.elements()))):
        if len(set(found)) != len(found):
            yield f"a {kind} is named twice"
    yield from composed_twins(index)


def composed_twins(index: Index) -> Iterator[str]:
    """Names of one kind that look alike and are not: `é` in one piece, and in two."""
    for kind, names in _names(index):
        if len({unicodedata.normalize("NFC", name) for name in names}) != len(set(names)):
            yield f"two names of a {kind} differ only in how their letters are composed"


def _names(index: Index) -> tuple[tuple[str, list[str]], ...]:
    return (
        ("template", [template.name for template in index.templates]),
        ("group", [group.name for group in index.groups]),
        ("configuration", [configuration.name for configuration in index.configurations]),
        ("image", [image.id for image in index.images]),
    )


def graph_roles(index: Index) -> Iterator[tuple[str, Role]]:
    """Every file that the graph names, and what it is named as."""
    for template in index.templates:
        yield template.file, "template"
        if template.groups:
            yield template.groups, "groups"
    for group in index.groups:
        yield from ((file, "groups") for file in group.files)
    yield from ((entry.file, "configuration") for entry in index.configurations)
    for image in index.images:
        yield image.record, "image-record"
        yield image.manifest, "manifest"
        yield from ((artifact.file, "artifact") for artifact in image.artifacts)


def graph_files(index: Index) -> Iterator[str]:
    """Every file that the graph names; one that holds several groups comes several times."""
    return (file for file, _ in graph_roles(index))


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
