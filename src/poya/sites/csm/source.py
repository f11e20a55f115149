# SPDX-License-Identifier: Apache-2.0
"""Capture a vCluster from a live CSM: follow its templates to everything that they name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress

from poya import transfer
from poya.concurrency import both, together
from poya.csm import Image as ImageRecord
from poya.csm import SessionTemplate as TemplateRecord
from poya.csm import Site
from poya.errors import BadAnswer, NotFound
from poya.model.image import Image
from poya.model.names import S3Path, image_id_of, sorted_xnames
from poya.model.records import Configuration, Group, Node, SessionTemplate
from poya.model.vcluster import Gap, Selector, VCluster
from poya.planning.closure import name_of
from poya.sites.csm.images import ImageReader
from poya.sites.csm.nodes import nodes_of
from poya.sites.csm.objects import Objects
from poya.sites.csm.surroundings import Captured, surroundings
from poya.sites.csm.survey import release_name


class CsmSource:
    """The source port for a live CSM."""

    def __init__(self, site: Site, objects: Objects) -> None:
        self._site = site
        self._objects = objects
        self._images = ImageReader(objects)

    @property
    def label(self) -> str:
        """The site's name in the configuration."""
        return self._site.config.name

    async def readable(self, path: str) -> transfer.Source:
        """Open one object of the site's S3."""
        location = S3Path.parse(path)
        if location is None:
            raise NotFound(f"'{path}' is not a place in an object store.")
        return await self._objects.readable(location)

    async def find_image(self, wanted: str) -> Image:
        """One image of IMS, by its id or by a name that only it has."""
        records = await self._site.ims.images.list()
        found = [r for r in records if r.id == wanted] or [r for r in records if r.name == wanted]
        if len(found) != 1:
            ids = ", ".join(sorted(record.id for record in found))
            number = "several IMS images" if found else "no IMS image"
            raise NotFound(
                f"{self.label} has {number} '{wanted}'.",
                todo=f"Name one by its id: {ids}." if found else "'poya get images' lists them.",
            )
        return (await self._images.read(found[0]))[0]

    async def capture(self, selector: Selector) -> VCluster:
        """Read the closure of the selected templates."""
        features, groups = await both(self._site.features(), self._groups())
        all_templates = tuple(_readable(await self._site.bos.templates.list()))
        templates = await self._templates(selector, groups, all_templates)
        whole = self.label if selector.is_everything else ""
        name = whole or selector.name.lower() or name_of(templates)
        labels = _labels(templates, selector, groups)
        images, (configurations, nodes) = await both(
            self._all_images(templates),
            both(self._configurations(templates), self._nodes(templates, groups, labels)),
        )
        found_images, image_gaps = images
        found_configurations, configuration_gaps = configurations
        members = {x for label in labels if label in groups for x in groups[label].members}
        listed = {x for t in templates for b in t.boot_sets for x in b.node_list}
        chosen = {(t.name, t.tenant) for t in templates}
        around, source_gaps = await surroundings(
            self._site,
            self._objects,
            Captured(
                tuple(templates),
                found_configurations,
                sorted_xnames(members | listed),
                tuple(t for t in all_templates if (t.name, t.tenant) not in chosen),
                self._own_tenant,
                frozenset(node.role for node in nodes.values() if node.role),
            ),
        )
        return VCluster(
            name=name,
            site=self.label,
            release=release_name(features),
            templates=tuple(templates),
            configurations=found_configurations,
            images=found_images,
            groups=tuple(groups[label] for label in labels if label in groups),
            nodes=nodes,
            selector=selector,
            surroundings=around,
            gaps=(
                *source_gaps,
                *_template_gaps(templates),
                *image_gaps,
                *configuration_gaps,
                *_group_gaps(templates, groups),
            ),
        )

    @property
    def _own_tenant(self) -> str:
        return self._site.config.tenant or ""

    async def _groups(self) -> dict[str, Group]:
        groups = await self._site.hsm.groups.list()
        return {group.label.lower(): Group.of(group.document) for group in groups}

    async def _templates(
        self,
        selector: Selector,
        groups: Mapping[str, Group],
        all_templates: tuple[SessionTemplate, ...],
    ) -> list[SessionTemplate]:
        if selector.templates:
            names = dict.fromkeys(selector.templates)
            return await together(self._template(name, all_templates) for name in names)
        label = selector.name.lower()
        if label not in groups and not selector.is_everything:
            raise NotFound(
                f"{self.label} has no HSM group '{selector.name}'.",
                why=f"It has {', '.join(sorted(groups)[:12]) or 'none'}.",
                todo="Name the vCluster's group, or select by template: --template NAME.",
            )
        chosen = [t for t in all_templates if selector.is_everything or label in t.node_groups()]
        if not chosen and not selector.is_everything:
            raise NotFound(
                f"No session template of {self.label} boots the HSM group '{label}'.",
                todo="Select the vCluster by its templates: --template NAME.",
            )
        return sorted(chosen, key=lambda template: (template.name, template.tenant))

    async def _template(
        self, name: str, all_templates: tuple[SessionTemplate, ...]
    ) -> SessionTemplate:
        """By name; else another tenant's, which an administrator sees in the list only."""
        theirs = [t for t in all_templates if t.name == name and t.tenant != self._own_tenant]
        try:
            record = await self._site.bos.templates.get(name)
        except NotFound as error:
            if len(theirs) == 1:
                return theirs[0]
            raise NotFound(
                f"{self.label} has no BOS session template '{name}'.",
                why=", ".join(f"The tenant {t.tenant} has one." for t in theirs),
                todo="'poya get templates' lists them; a tenant's needs `tenant` in the site's "
                "configuration.",
            ) from error
        return SessionTemplate.of(record.document)

    # What the templates name

    async def _all_images(
        self, templates: Iterable[SessionTemplate]
    ) -> tuple[tuple[Image, ...], list[Gap]]:
        uses = {b.path: f"boot set {b.name} of {t.name}" for t in templates for b in t.boot_sets}
        records = await self._site.ims.images.list() if uses else []
        by_id = {record.id: record for record in records}
        by_path = {record.link.path: record for record in records if record.link}
        gaps: list[Gap] = []
        wanted: dict[str, ImageRecord] = {}
        for path, user in uses.items():
            record = by_path.get(path) or by_id.get(image_id_of(path) or "")
            if record is not None:
                wanted[record.id] = record
            elif image_id_of(path) is None:
                gaps.append(Gap("image-path-unknown", user, path))
            else:
                gaps.append(Gap("image-gone", user, f"{path}: no such image in IMS"))
        read = await together(self._images.read(r) for r in wanted.values())
        gaps.extend(gap for _, image_gaps in read for gap in image_gaps)
        gaps.extend(_path_gaps(uses, [image for image, _ in read]))
        return tuple(image for image, _ in read), gaps

    async def _configurations(
        self, templates: Iterable[SessionTemplate]
    ) -> tuple[tuple[Configuration, ...], list[Gap]]:
        names = dict.fromkeys(name for t in templates for name in t.configurations())
        found = await together(self._configuration(name) for name in names)
        configurations = tuple(c for c in found if isinstance(c, Configuration))
        return configurations, [gap for gap in found if isinstance(gap, Gap)]

    async def _configuration(self, name: str) -> Configuration | Gap:
        subject = f"CFS configuration {name}"
        try:
            return Configuration.of((await self._site.cfs.configurations.get(name)).v3_document)
        except NotFound:
            return Gap("configuration-gone", subject, f"{self.label} has none of this name")
        except BadAnswer as error:
            return Gap("configuration-unreadable", subject, f"{error.what} {error.why}".strip())

    async def _nodes(
        self,
        templates: Iterable[SessionTemplate],
        groups: Mapping[str, Group],
        labels: Iterable[str],
    ) -> dict[str, Node]:
        members = {x for label in labels if label in groups for x in groups[label].members}
        listed = {x for t in templates for b in t.boot_sets for x in b.node_list}
        known = nodes_of(await self._site.hsm.components.list(type="Node"))
        return {x: known[x] for x in sorted(members | listed) if x in known}


def _readable(records: Iterable[TemplateRecord]) -> Iterator[SessionTemplate]:
    """What can be understood: somebody else's broken template must not stop a capture."""
    for record in records:
        with suppress(BadAnswer):
            yield SessionTemplate.of(record.document)


def _labels(
    templates: list[SessionTemplate], selector: Selector, groups: Mapping[str, Group]
) -> list[str]:
    """The groups of the boot sets; the selected group, too, where no boot set names it."""
    labels = [label for template in templates for label in template.node_groups()]
    own = selector.name.lower()
    extra = [own] if own in groups and not selector.templates else []
    extra = sorted(groups) if selector.is_everything else extra
    return list(dict.fromkeys([*labels, *extra]))


def _template_gaps(templates: Iterable[SessionTemplate]) -> list[Gap]:
    return [
        Gap("template-without-boot-sets", f"BOS session template {t.name}", "boot_sets is empty")
        for t in templates
        if not t.boot_sets
    ]


def _group_gaps(templates: Iterable[SessionTemplate], groups: Mapping[str, Group]) -> list[Gap]:
    return [
        Gap("group-gone", f"boot set {b.name} of {t.name}", f"no HSM group '{label}'")
        for t in templates
        for b in t.boot_sets
        for label in b.node_groups
        if label.lower() not in groups
    ]


def _path_gaps(uses: Mapping[str, str], images: Iterable[Image]) -> list[Gap]:
    """Boot sets that name another manifest than their image's link."""
    linked = {image.manifest_path for image in images}
    ids = {image.id for image in images if image.manifest_path}
    return [
        Gap("image-path-unknown", user, f"{path} is not the manifest that the image links to")
        for path, user in uses.items()
        if path not in linked and image_id_of(path) in ids
    ]
