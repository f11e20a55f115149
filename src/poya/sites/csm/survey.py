# SPDX-License-Identifier: Apache-2.0
"""What a plan must know of a live CSM, in few requests whatever its size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from poya.concurrency import both, together
from poya.csm import Features, Site, repository_of
from poya.documents import Document
from poya.errors import NotFound, PoyaError
from poya.model.image import Image
from poya.model.inventory import Capabilities, Interest, Inventory
from poya.model.records import EntityRef, Node
from poya.model.run import CONTENT_KEY
from poya.sites.csm.asking import is_in_site
from poya.sites.csm.authorities import authorities_in
from poya.sites.csm.circumstances import circumstances
from poya.sites.csm.images import ImageReader
from poya.sites.csm.nodes import nodes_of
from poya.sites.csm.objects import Objects


class Surveyor:
    """Surveys one site."""

    def __init__(self, site: Site, images: ImageReader, objects: Objects) -> None:
        self._site = site
        self._images = images
        self._objects = objects

    async def survey(self, interest: Interest) -> Inventory:
        """Read everything at once; lists are small, image files are only looked at by HEAD."""
        site = self._site
        (features, components), (images, (commits, entities)) = await both(
            both(site.features(), site.hsm.components.list(type="Node")),
            both(self._namesakes(interest), both(self._commits(interest), self._entities())),
        )
        nodes = nodes_of(components)
        desired_by, stand = await both(
            self._desired_by(interest, entities),
            circumstances(site, self._objects, interest, _roles(interest, nodes)),
        )
        return Inventory(
            label=site.config.name,
            capabilities=replace(capabilities_of(features), own_tenant=site.config.tenant or ""),
            entities=entities,
            images=images,
            nodes=nodes,
            commits=commits,
            desired_by=desired_by,
            circumstances=stand,
            authorities=authorities_in(site.config.ca_path),
        )

    async def _entities(self) -> dict[EntityRef, Document]:
        site = self._site
        groups, (configurations, templates) = await both(
            site.hsm.groups.list(),
            both(site.cfs.configurations.list(), site.bos.templates.list()),
        )
        return {
            **{EntityRef("group", g.label.lower()): g.document for g in groups},
            **{EntityRef("configuration", c.name): c.v3_document for c in configurations},
            # An administrator's list shows every tenant's templates.
            **{EntityRef("template", t.name, t.tenant or ""): t.document for t in templates},
        }

    async def _namesakes(self, interest: Interest) -> tuple[Image, ...]:
        """Images that may be the same as a wanted one: same name, or made by poya."""
        names = set(interest.image_names)
        records = [
            record
            for record in await self._site.ims.images.list()
            if record.link
            and (
                interest.is_everything
                or record.name in names
                or CONTENT_KEY in (record.metadata or {})
            )
        ]
        read = await together(self._images.read(record) for record in records)
        return tuple(image for image, _ in read)

    async def _commits(self, interest: Interest) -> dict[tuple[str, str], bool]:
        """Which commits the site's git has; what cannot be asked is left out."""
        if self._site.config.vcs_login is None:
            return {}
        answers = await together(self._has_commit(*pair) for pair in interest.repositories)
        pairs = zip(interest.repositories, answers, strict=True)
        return {pair: answer for pair, answer in pairs if answer is not None}

    async def _has_commit(self, url: str, commit: str) -> bool | None:
        if not is_in_site(url):
            return None
        try:
            owner, name = repository_of(url)
            return await self._site.vcs.commit_exists(owner, name, commit)
        except NotFound:
            return False
        except PoyaError:
            # Not asked is not absent: the check says that it could not be looked up.
            return None

    async def _desired_by(
        self, interest: Interest, entities: dict[EntityRef, Document]
    ) -> dict[str, int]:
        """How many components want each configuration whose name is taken.

        CFS's own `in_use` answers wrongly, so the components are counted.
        """
        asked = entities if interest.is_everything else interest.entities
        taken = [ref.name for ref in asked if ref.kind == "configuration" and ref in entities]
        if not taken:
            return {}
        counts = dict.fromkeys(taken, 0)
        for component in await self._site.cfs.components.list():
            if component.desired_config in counts:
                counts[component.desired_config] += 1
        return counts


def _roles(interest: Interest, nodes: Mapping[str, Node]) -> frozenset[str]:
    """The roles of the nodes that may be used: of all, where nobody says which."""
    wanted = nodes if interest.is_everything else interest.xnames
    return frozenset(nodes[x].role for x in wanted if x in nodes and nodes[x].role)


def release_name(features: Features) -> str:
    """The release as people say it."""
    return f"CSM {features.release_guess}"


def capabilities_of(features: Features) -> Capabilities:
    """What the planner must know of a release."""
    return Capabilities(
        release=release_name(features),
        has_image_arch=features.ims_arch,
        has_image_metadata=features.ims_metadata,
        has_configuration_description=features.cfs_description,
        has_configuration_tenants=features.cfs_tenants,
        has_sources=features.cfs_sources,
        has_boot_set_arch=features.bos_arch,
        has_template_tenants=features.bos_tenants,
        checks_arch=features.bos_arch_check,
        rootfs_providers=tuple(sorted(features.rootfs_providers)),
    )
