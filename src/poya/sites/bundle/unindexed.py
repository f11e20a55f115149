# SPDX-License-Identifier: Apache-2.0
"""Read a bundle without an index, as manta leaves it: by contents, or file by file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from poya.documents import Document, Json
from poya.errors import BundleDamaged, UsageError
from poya.model.names import S3Path, first_twin
from poya.model.records import KIND_TITLES, Configuration, Group, SessionTemplate
from poya.model.vcluster import Gap
from poya.sites.bundle.contents import Contents, StoredImage
from poya.sites.bundle.generations import (
    configuration_of,
    content_of,
    groups_of,
    image_of,
    names_inline_repository,
    template_of,
)
from poya.sites.bundle.indexed import understood
from poya.sites.bundle.names import MANIFEST
from poya.sites.bundle.reading import (
    is_real_directory,
    parse_json,
    read_bounded,
    refuse_too_much,
    unreadable,
)

_T = TypeVar("_T", SessionTemplate, Configuration, Group, StoredImage)

RELEASE = "bundle (manta)"
LEFT_BY_RESTORE = "new-manifest.json"
MOST_FILES = 10_000

_CALLED = {
    "template": "a BOS session template",
    "configuration": "a CFS configuration",
    "groups": "HSM groups",
    "image": "an IMS image record",
    "other": "something else",
}


@dataclass(slots=True)
class _Found:
    """Records as they are found, by name; the file of each for messages."""

    label: str
    templates: dict[str, SessionTemplate] = field(default_factory=dict)
    configurations: dict[str, Configuration] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    images: dict[str, StoredImage] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)

    def contents(self) -> Contents:
        if not self.templates:
            raise UsageError(
                f"{self.label} holds no BOS session template, so there is nothing to restore.",
                todo="Name the directory of a backup, or its files: --bos-file, --cfs-file, …",
            )
        return Contents(
            label=self.label,
            release=RELEASE,
            vcluster="",
            templates=tuple(self.templates.values()),
            configurations=tuple(self.configurations.values()),
            groups=tuple(self.groups.values()),
            images=tuple(self.images.values()),
            gaps=tuple(self.gaps),
        )

    def take_template(self, path: Path, value: Json) -> None:
        if isinstance(value, dict):
            if names_inline_repository(value):
                evidence = f"{path}: the template names a git repository, as BOS v1 could"
                subject = f"{KIND_TITLES['template']} {value.get('name')}"
                self.gaps.append(Gap("configuration-unreadable", subject, evidence))
            value = template_of(value).editable()
        template = understood(path, value, SessionTemplate.of)
        _add(self.templates, template.name, template, path)

    def take_configuration(self, path: Path, value: Json) -> None:
        if isinstance(value, dict):
            value = configuration_of(value).editable()
        configuration = understood(path, value, Configuration.of)
        _add(self.configurations, configuration.name, configuration, path)

    def take_groups(self, path: Path, value: Json) -> None:
        for document in groups_of(value) or []:
            group = understood(path, document.editable(), Group.of)
            _add(self.groups, group.label, group, path)

    def take_image(self, path: Path, record: Document, directory: Path) -> None:
        image = _stored_image(record, directory)
        _add(self.images, image.id, image, path)


def read_directory(directory: Path) -> Contents:
    """Read a directory of manta's: every `*.json` in it, by what it holds.

    Raises:
        UsageError: There is no session template in it.
        BundleDamaged: A file cannot be read or understood.
    """
    found = _Found(str(directory))
    takers: dict[str, Callable[[Path, Json], None]] = {
        "template": found.take_template,
        "configuration": found.take_configuration,
        "groups": found.take_groups,
        "image": lambda path, value: _take_record(found, path, value, directory),
    }
    total_bytes = 0
    for path in _json_files(directory):
        raw = read_bounded(path)
        total_bytes += len(raw)
        refuse_too_much(directory, total_bytes)
        value = parse_json(raw, path)
        take = takers.get(content_of(value))
        if take is not None:
            take(path, value)
    return found.contents()


@dataclass(frozen=True, slots=True)
class NamedFiles:
    """The files of a bundle, as an operator names them."""

    bos: tuple[Path, ...] = ()
    cfs: tuple[Path, ...] = ()
    hsm: tuple[Path, ...] = ()
    ims: tuple[Path, ...] = ()
    image_dirs: tuple[Path, ...] = ()


def read_named(files: NamedFiles) -> Contents:
    """Read files that are named one by one; their names mean nothing.

    Raises:
        UsageError: A file holds another kind of record than it was named for, or the image
            directories do not fit the records.
        BundleDamaged: A file cannot be read or understood.
    """
    found = _Found(", ".join(str(path) for path in files.bos) or "The list of files")
    for path in files.bos:
        found.take_template(path, _expect("template", path))
    for path in files.cfs:
        found.take_configuration(path, _expect("configuration", path))
    for path in files.hsm:
        found.take_groups(path, _expect("groups", path))
    records = {path: _record(path, _expect("image", path)) for path in files.ims}
    directories = _paired(records, files.image_dirs)
    for path, record in records.items():
        found.take_image(path, record, directories[path])
    return found.contents()


def _add(held: dict[str, _T], name: str, record: _T, path: Path) -> None:
    if name in held and held[name] != record:
        raise BundleDamaged(
            f"{path} and another file both describe '{name}', and differently.",
            todo="Keep one of them, or name the files one by one.",
        )
    held[name] = record


def _json_files(directory: Path) -> list[Path]:
    """The `*.json` of a directory in a stable order."""
    try:
        names = sorted(path.name for path in directory.iterdir())
    except OSError as error:
        raise unreadable(directory, error) from error
    if len(names) > MOST_FILES:
        raise UsageError(f"{directory} holds more than {MOST_FILES} files; it is no bundle.")
    unwanted = (".", LEFT_BY_RESTORE)
    return [directory / n for n in names if n.endswith(".json") and not n.startswith(unwanted)]


def _expect(kind: str, path: Path) -> Json:
    value = parse_json(read_bounded(path), path)
    found = content_of(value)
    if found != kind:
        raise UsageError(
            f"{path} does not hold {_CALLED[kind]}.",
            why=f"It holds {_CALLED[found]}.",
            todo="Name it with the option for what it holds. (manta writes a template and a "
            "configuration of the same name into the same file: then the template is lost.)",
        )
    return value


def _record(path: Path, value: Json) -> Document:
    record = image_of(value)
    if record is None:
        raise BundleDamaged(f"{path} is not the record of one IMS image.")
    return record


def _take_record(found: _Found, path: Path, value: Json, directory: Path) -> None:
    record = _record(path, value)
    found.take_image(path, record, directory / _plain_id(path, record))


def _plain_id(path: Path, record: Document) -> str:
    """The image's id, which names its directory: so it must name nothing else."""
    image_id = str(record.value["id"])
    if "/" in image_id or "\0" in image_id or not image_id.strip("."):
        raise BundleDamaged(f"{path} has the image id {image_id[:60]!r}, which no image can have.")
    return image_id


def _stored_image(record: Document, directory: Path) -> StoredImage:
    if not is_real_directory(directory):
        raise BundleDamaged(
            f"There is no directory {directory} with the files of IMS image {record.value['id']}.",
            why="It is missing, or a symbolic link.",
            todo="Restore it from another copy, or make the backup anew.",
        )
    image_id = str(record.value["id"])
    link = record.value.get("link")
    linked = link if isinstance(link, dict) else {}
    manifest = directory / MANIFEST
    return StoredImage(
        id=image_id,
        name=str(record.value["name"]),
        record=record,
        manifest_path=str(linked.get("path") or f"s3://boot-images/{image_id}/{MANIFEST}"),
        directory=directory,
        manifest=manifest if os.path.lexists(manifest) else None,
        manifest_etag=str(linked.get("etag") or ""),
    )


def _paired(records: Mapping[Path, Document], directories: Sequence[Path]) -> dict[Path, Path]:
    """Each record's directory: the one called after the image, or whose manifest names it.

    What neither tells goes by the order on the command line.
    """
    ids = {path: str(record.value["id"]) for path, record in records.items()}
    twin = first_twin(ids.values())
    if twin or len(records) != len(directories):
        raise UsageError(
            f"IMS image {twin} is named twice."
            if twin
            else f"{len(records)} IMS records and {len(directories)} image directories are named.",
            todo="Give --ims-file and --image-dir once for each image.",
        )
    told = {_told_id(directory): directory for directory in directories}
    pairs = {path: told[image_id] for path, image_id in ids.items() if image_id in told}
    left = [directory for directory in directories if directory not in pairs.values()]
    unpaired = [path for path in records if path not in pairs]
    return {**pairs, **dict(zip(unpaired, left, strict=True))}


def _told_id(directory: Path) -> str:
    """Which image a directory's own manifest names; else the directory's name."""
    path = directory / MANIFEST
    if os.path.lexists(path):
        ids = set(_image_ids(parse_json(read_bounded(path), path)))
        if len(ids) == 1:
            return ids.pop()
    return directory.absolute().name


def _image_ids(value: Json) -> Iterable[str]:
    """The first component of the key of each artifact of a manifest."""
    artifacts = value.get("artifacts") if isinstance(value, dict) else None
    for artifact in artifacts if isinstance(artifacts, list) else ():
        link = artifact.get("link") if isinstance(artifact, dict) else None
        place = S3Path.parse(str(link.get("path"))) if isinstance(link, dict) else None
        if place is not None:
            yield place.key.partition("/")[0]
