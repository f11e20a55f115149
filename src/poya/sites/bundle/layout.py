# SPDX-License-Identifier: Apache-2.0
"""Which file holds what: the index that a backup begins with, before anything is written. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from poya.errors import UsageError
from poya.model.image import Image
from poya.model.intent import Intent
from poya.model.inventory import Capabilities, Inventory
from poya.model.plan import ImagePlan
from poya.model.records import EntityRef, Group, Node, SessionTemplate
from poya.model.vcluster import VCluster
from poya.planning.images import plan_images
from poya.sites.bundle.index import (
    FORMAT,
    MOST_ETAG_CHARACTERS,
    VERSION,
    ArtifactEntry,
    ConfigurationEntry,
    FileEntry,
    GroupEntry,
    HardwareEntry,
    ImageEntry,
    Index,
    NodeEntry,
    Origin,
    Role,
    TemplateEntry,
    composed_twins,
)
from poya.sites.bundle.names import INDEX, KEPT_BESIDE, MANIFEST, Allocator
from poya.transfer.etags import is_plain_md5

# Artifacts are called here as in every plan; an empty target gives those names.
_NOWHERE = Inventory(label="", capabilities=Capabilities(release="", is_verbatim=True))


def new_index(vcluster: VCluster, origin: Origin) -> Index:
    """An index without any file."""
    return Index(
        format=FORMAT,
        version=VERSION,
        vcluster=vcluster.name,
        origin=origin,
        templates=(),
        groups=(),
        configurations=(),
        images=(),
        nodes=(),
        files={},
    )


def lay_out(vcluster: VCluster, index: Index) -> Index:
    """Add all of a vCluster that the index does not have yet; what it has keeps its files.

    Raises:
        UsageError: Two names differ only in how Unicode composes them, which no reader accepts.
    """
    extended = _Layout(index).extend(vcluster)
    for twins in composed_twins(extended):
        raise UsageError(
            f"This vCluster cannot be kept in a bundle: {twins}.",
            todo="Rename one of the two at the source.",
        )
    return extended


def lay_out_entity(ref: EntityRef, index: Index) -> Index:
    """Add one entity that the vCluster did not have under this name: a plan renamed it."""
    return _Layout(index).extend_by(ref)


class _Layout:
    """An index that grows."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._files: dict[str, FileEntry] = dict(index.files)
        self._top = Allocator(
            [INDEX, *KEPT_BESIDE, *(name.partition("/")[0] for name in index.files)]
        )

    def extend(self, vcluster: VCluster) -> Index:
        templates = self._templates(vcluster)
        return msgspec.structs.replace(
            self._index,
            templates=templates,
            groups=self._groups(vcluster, templates),
            configurations=self._configurations(vcluster),
            images=self._images(vcluster),
            nodes=_nodes(self._index.nodes, vcluster.nodes),
            hardware=_hardware(vcluster) or self._index.hardware,
            files=self._files,
        )

    def extend_by(self, ref: EntityRef) -> Index:
        index = self._index
        if ref.kind == "template":
            file = self._add(self._top.take(ref.name, ".json", ".bos{}.json"), "template")
            entries = (*index.templates, TemplateEntry(ref.name, file))
            return msgspec.structs.replace(index, templates=entries, files=self._files)
        if ref.kind == "configuration":
            file = self._add(self._top.take(ref.name, ".json", ".cfs{}.json"), "configuration")
            found = (*index.configurations, ConfigurationEntry(ref.name, file))
            return msgspec.structs.replace(index, configurations=found, files=self._files)
        file = self._add(self._top.take(ref.name, "-hsm.json", "-hsm{}.json"), "groups")
        groups = (*index.groups, GroupEntry(ref.name, (file,)))
        return msgspec.structs.replace(index, groups=groups, files=self._files)

    def _add(self, name: str, role: Role) -> str:
        self._files[name] = FileEntry(role)
        return name

    def _templates(self, vcluster: VCluster) -> tuple[TemplateEntry, ...]:
        held = {entry.name: entry for entry in self._index.templates}
        fresh = [t for t in vcluster.templates if t.name not in held]
        files = {t.name: self._top.take(t.name, ".json", ".bos{}.json") for t in fresh}
        for template in fresh:
            self._add(files[template.name], "template")
            held[template.name] = TemplateEntry(template.name, files[template.name])
        for template in vcluster.templates:
            if held[template.name].groups is None and _groups_of(template, vcluster):
                name = self._top.take(template.name, "-hsm.json", "-hsm{}.json")
                self._add(name, "groups")
                held[template.name] = msgspec.structs.replace(held[template.name], groups=name)
        return tuple(held.values())

    def _groups(
        self, vcluster: VCluster, templates: Iterable[TemplateEntry]
    ) -> tuple[GroupEntry, ...]:
        files = {group.name: dict.fromkeys(group.files) for group in self._index.groups}
        holders = {template.name: template.groups for template in templates}
        for template in vcluster.templates:
            for group in _groups_of(template, vcluster):
                file = holders[template.name] or ""
                is_named = group.label in template.node_groups()
                if group.label not in files or (is_named and file not in files[group.label]):
                    files.setdefault(group.label, {})[file] = None
                    self._add(file, "groups")
        return tuple(GroupEntry(label, tuple(names)) for label, names in files.items())

    def _configurations(self, vcluster: VCluster) -> tuple[ConfigurationEntry, ...]:
        held = {entry.name: entry for entry in self._index.configurations}
        for configuration in vcluster.configurations:
            if configuration.name not in held:
                name = self._top.take(configuration.name, ".json", ".cfs{}.json")
                self._add(name, "configuration")
                held[configuration.name] = ConfigurationEntry(configuration.name, name)
        return tuple(held.values())

    def _images(self, vcluster: VCluster) -> tuple[ImageEntry, ...]:
        held = {entry.id: entry for entry in self._index.images}
        for plan in plan_images(vcluster, _NOWHERE, Intent()):
            image = vcluster.image(plan.source_id)
            if image is not None and image.id not in held:
                held[image.id] = self._image(image, plan)
        return tuple(held.values())

    def _image(self, image: Image, plan: ImagePlan) -> ImageEntry:
        record = self._add(self._top.take(image.id, "-ims.json", "-ims{}.json"), "image-record")
        directory = self._top.take(image.id, "", ".image{}")
        manifest = f"{directory}/{MANIFEST}"
        self._files[manifest] = FileEntry("manifest", etag=_sane(image.manifest_etag))
        return ImageEntry(
            id=image.id,
            name=image.name,
            record=record,
            manifest=manifest,
            manifest_path=image.manifest_path,
            artifacts=self._artifacts(plan, directory),
        )

    def _artifacts(self, plan: ImagePlan, directory: str) -> tuple[ArtifactEntry, ...]:
        allocator = Allocator([MANIFEST])
        entries: list[ArtifactEntry] = []
        for artifact in plan.artifacts:
            file = f"{directory}/{allocator.take(artifact.name, '', '{}')}"
            entries.append(ArtifactEntry(artifact.name, artifact.path, file))
            self._files[file] = FileEntry(
                "artifact",
                artifact.size_bytes,
                md5=artifact.md5 if is_plain_md5(artifact.md5 or "") else None,
                etag=_sane(artifact.etag),
            )
        return tuple(entries)


def _sane(etag: str | None) -> str | None:
    return etag if etag and len(etag) <= MOST_ETAG_CHARACTERS else None


def _groups_of(template: SessionTemplate, vcluster: VCluster) -> tuple[Group, ...]:
    """The groups that belong into a template's file; the first has those that none names, too."""
    named = {label for t in vcluster.templates for label in t.node_groups()}
    is_first = template.name == vcluster.templates[0].name
    own = set(template.node_groups())
    return tuple(
        group
        for group in vcluster.groups
        if group.label in own or (is_first and group.label not in named)
    )


def _hardware(vcluster: VCluster) -> HardwareEntry | None:
    hardware = vcluster.hardware
    return HardwareEntry(hardware.demand, hardware.members) if hardware else None


def _nodes(held: Iterable[NodeEntry], nodes: Mapping[str, Node]) -> tuple[NodeEntry, ...]:
    every = {entry.xname: entry for entry in held}
    for node in nodes.values():
        every[node.xname] = NodeEntry(node.xname, node.nid, node.arch, node.role, node.subrole)
    return tuple(every.values())
