# SPDX-License-Identifier: Apache-2.0
"""Write a bundle as manta leaves it: no index, records by their names, four fixed file names."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from poya.documents import Json, encode, pretty
from poya.errors import UsageError
from poya.model.image import Artifact, Manifest
from poya.sites.bundle.contents import FIXED_NAME_OF, FIXED_NAMES, Contents, StoredImage
from poya.sites.bundle.images import draft_image
from poya.sites.bundle.manta.losses import not_restored
from poya.sites.bundle.manta.shapes import (
    configuration_for_manta,
    groups_for_manta,
    template_for_manta,
)
from poya.sites.bundle.names import INDEX, MANIFEST, Allocator, is_safe_path
from poya.sites.bundle.opening import load_contents
from poya.sites.bundle.refusing import refuse_flawed
from poya.sites.bundle.unindexed import LEFT_BY_RESTORE
from poya.sites.bundle.writing import PARTIALS, make_directory
from poya.transfer import Cancel, Event, Expected, FileSource, FileTarget, Job, Limits, copy
from poya.transfer.files import sync_write

# manta tells what a file is by looking for these in its whole path.
_TELLING = ("kernel", "initrd", "rootfs")


@dataclass(frozen=True, slots=True)
class MantaExport:
    """What was written.

    Attributes:
        files: As (option of manta's restore, path), one image after the other.
        changed: What the files say otherwise than the bundle, in words.
        not_restored: What manta's restore will leave behind, in words.
    """

    files: tuple[tuple[str, str], ...]
    changed: tuple[str, ...]
    not_restored: tuple[str, ...]


@dataclass(slots=True)
class _Layout:
    """The files to be written, before any is."""

    directory: Path
    names: Allocator = field(default_factory=lambda: Allocator([INDEX, LEFT_BY_RESTORE]))
    records: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[str, bytes] = field(default_factory=dict)
    jobs: list[Job] = field(default_factory=list)
    files: list[tuple[str, str]] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)

    def put(self, option: str, name: str, value: Json) -> None:
        self.records[name] = pretty(value)
        self.files.append((option, str(self.directory / name)))


def export_for_manta(
    directory: Path,
    destination: Path,
    *,
    cancel: Cancel | None = None,
    on_event: Callable[[Event], None] | None = None,
) -> MantaExport:
    """Write the bundle of `directory` into `destination` so that manta can restore it.

    Run it again after an interruption: it continues. The bundle is not changed.

    Raises:
        UsageError: The destination holds something else, or manta would misread its path.
        BundleDamaged: A record of the bundle is damaged.
        DataDamaged: A file is not what the index or the manifest says.
    """
    contents = load_contents(directory)
    refuse_flawed(contents, contents.templates)
    _refuse_telling(destination)
    layout = _Layout(destination)
    _lay_out_records(contents, layout)
    artifacts = {image.id: _lay_out_image(image, layout) for image in contents.images}
    _refuse_strangers(layout)
    make_directory(destination)
    for image in contents.images:
        make_directory(destination / image.id)
    copy(layout.jobs, Limits(), on_event, cancel=cancel)
    for name, content in {**layout.manifests, **layout.records}.items():
        sync_write(destination / name, content)
    return MantaExport(
        tuple(layout.files),
        (*layout.changed, *_dropped(contents)),
        tuple(not_restored(contents, artifacts)),
    )


def _lay_out_records(contents: Contents, layout: _Layout) -> None:
    held = {group.label: group for group in contents.groups}
    named = {label for t in contents.templates for label in t.node_groups()}
    loose = [label for label in held if label not in named]
    for template in contents.templates:
        value, changes = template_for_manta(template)
        name = layout.names.take(template.name, ".json", ".bos{}.json")
        layout.put("--bos-file", name, value)
        labels = [*(label for label in template.node_groups() if label in held), *loose]
        groups, more = groups_for_manta([held[label] for label in labels])
        name = layout.names.take(template.name, "-hsm.json", "-hsm{}.json")
        layout.put("--hsm-file", name, groups)
        layout.changed += [*changes, *(c for c in more if c not in layout.changed)]
        loose = []
    for configuration in contents.configurations:
        body, changes = configuration_for_manta(configuration)
        layout.changed += changes
        if body is not None:
            name = layout.names.take(configuration.name, ".json", ".cfs{}.json")
            layout.put("--cfs-file", name, body)


def _lay_out_image(image: StoredImage, layout: _Layout) -> int:
    """Plan one image's files; how many artifacts it has."""
    if layout.names.take(image.id, "", ".image{}") != image.id:
        raise UsageError(f"IMS image {image.id[:80]!r} cannot have a directory of its own name.")
    name = layout.names.take(image.id, "-ims.json", "-ims{}.json")
    layout.put("--ims-file", name, [image.record.value])
    layout.files.append(("--image-dir", str(layout.directory / image.id)))
    draft = draft_image(image)
    manifest = draft.manifest
    missing = [gap for gap in draft.gaps if gap.id != "artifact-not-in-bundle"]
    if manifest is None or missing:
        reason = missing[0].evidence if missing else "It has no manifest."
        raise UsageError(f"IMS image {image.name} is not whole.", why=reason)
    files = _file_names(manifest.artifacts)
    for number, artifact in enumerate(manifest.artifacts):
        file = files.get(number)
        if file is None:
            layout.changed.append(f"IMS image {image.name}: {artifact.path} left out")
            continue
        entry = draft.files[number].entry
        expected = Expected(entry.size_bytes if entry else None, artifact.md5.lower() or None)
        target = FileTarget(layout.directory / image.id / file)
        source = FileSource(draft.files[number].path)
        layout.jobs.append(Job(f"{image.id}/{file}", source, target, expected))
    layout.manifests[f"{image.id}/{MANIFEST}"] = _manifest(manifest, files)
    return len(files)


def _file_names(artifacts: tuple[Artifact, ...]) -> dict[int, str]:
    """A file for each artifact: manta's fixed names first, then the objects' own, if free."""
    names: dict[int, str] = {}
    for number, artifact in enumerate(artifacts):
        fixed = FIXED_NAME_OF.get(artifact.type)
        if fixed and fixed not in names.values():
            names[number] = fixed
    taken = {MANIFEST, LEFT_BY_RESTORE, *FIXED_NAMES}
    for number, artifact in enumerate(artifacts):
        if number not in names and is_safe_path(artifact.label) and artifact.label not in taken:
            names[number] = artifact.label
            taken.add(artifact.label)
    return names


def _manifest(manifest: Manifest, kept: Mapping[int, str]) -> bytes:
    if len(kept) == len(manifest.artifacts):
        return manifest.raw
    value = manifest.document.editable()
    entries = value["artifacts"] if isinstance(value["artifacts"], list) else []
    return encode({**value, "artifacts": [entries[number] for number in sorted(kept)]})


def _refuse_telling(destination: Path) -> None:
    telling = [word for word in _TELLING if word in str(destination.absolute())]
    if telling:
        raise UsageError(
            f"manta would misread the files in {destination}.",
            why=f"It takes every file for a {telling[0]} whose path contains '{telling[0]}'.",
            todo="Choose a directory whose path contains none of kernel, initrd and rootfs.",
        )


def _refuse_strangers(layout: _Layout) -> None:
    """An export continues what an interrupted one left; anything else is not touched."""
    if not os.path.lexists(layout.directory):
        return
    ours = {
        name.partition("/")[0]
        for name in [*layout.records, *layout.manifests, *(j.name for j in layout.jobs)]
    }
    ours |= {f"{name}{suffix}" for name in ours for suffix in PARTIALS}
    try:
        others = sorted({path.name for path in layout.directory.iterdir()} - ours)
    except OSError as error:
        raise UsageError(
            f"{layout.directory} cannot be written to.", why=f"{error.strerror}."
        ) from error
    if others:
        raise UsageError(
            f"{layout.directory} holds something else.",
            why=f"It has {others[0]}.",
            todo="Name a directory that is empty or does not exist yet.",
        )


def _dropped(contents: Contents) -> Iterable[str]:
    """What manta's layout has no place for."""
    if contents.vcluster:
        yield "the index: origin, name of the vCluster, sha256 of the files, part sizes"
    if contents.nodes:
        yield f"what HSM knew of {len(contents.nodes)} nodes (NID, architecture, role)"
