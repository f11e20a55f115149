# SPDX-License-Identifier: Apache-2.0
"""Images, configurations, templates, groups and tenants of a site, as rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poya.cli.get.listing import Item, Listing, Query, words
from poya.cli.get.scope import scope_of
from poya.cli.text import minute
from poya.concurrency import both
from poya.model.names import image_id_of
from poya.model.records import Configuration, Group, Layer, SessionTemplate

if TYPE_CHECKING:
    from poya.csm import Image, Site

_SHORT_COMMIT = 10


async def images(site: Site, query: Query) -> Listing:
    """IMS images; with a group, those that its templates boot."""
    records, scope = await both(site.ims.images.list(), scope_of(site, query.group))
    items = [_image(r) for r in records if scope is None or r.id in scope.image_ids]
    header = ("NAME", "ARCH", "CREATED", "ID")
    return Listing("IMS image", site.config.name, header, items, wide=("METADATA", "MANIFEST"))


def _image(record: Image) -> Item:
    metadata = words(f"{key}={value}" for key, value in (record.metadata or {}).items())
    return Item(
        record.name,
        (record.arch or "", minute(record.created), record.id),
        record.raw,
        wide=(metadata, record.link.path if record.link else ""),
        time=record.created or "",
    )


async def templates(site: Site, query: Query) -> Listing:
    """BOS session templates; with a group, those that boot it."""
    records, scope = await both(site.bos.templates.list(), scope_of(site, query.group))
    views = [SessionTemplate.of(record.document) for record in records]
    items = [_template(v) for v in views if scope is None or scope.boots(v)]
    header = ("NAME", "TENANT", "CONFIGURATION", "BOOT SETS")
    return Listing(
        "BOS session template", site.config.name, header, items, wide=("NODES", "IMAGES")
    )


def _template(view: SessionTemplate) -> Item:
    nodes = (
        words(
            (*b.node_groups, *b.node_roles_groups, f"{len(b.node_list)} nodes" * bool(b.node_list))
        )
        for b in view.boot_sets
    )
    ids = dict.fromkeys(image_id_of(b.path) or b.path for b in view.boot_sets)
    return Item(
        view.name,
        (view.tenant, words(view.configurations()), words(b.name for b in view.boot_sets)),
        view.document.raw,
        wide=("; ".join(nodes), words(ids)),
    )


async def configurations(site: Site, query: Query) -> Listing:
    """CFS configurations; with a group, those of its templates and those its nodes are to get."""
    records, scope = await both(site.cfs.configurations.list(), scope_of(site, query.group))
    items = []
    for record in records:
        view = Configuration.of(record.v3_document)
        if scope is None or view.name in scope.configurations:
            items.append(_configuration(view, record.raw, record.last_updated or ""))
    header = ("NAME", "UPDATED", "LAYERS")
    return Listing("CFS configuration", site.config.name, header, items, wide=("COMMITS",))


def _configuration(view: Configuration, raw: bytes, updated: str) -> Item:
    layers = view.repositories()
    return Item(
        view.name,
        (minute(updated), words(repository_of(layer) for layer in layers)),
        raw,
        wide=(words(at_commit(layer) for layer in layers),),
        time=updated,
    )


def repository_of(layer: Layer) -> str:
    """What people call the repository of a layer."""
    url = layer.clone_url or layer.source
    return url.rpartition("/")[2].removesuffix(".git")


def at_commit(layer: Layer) -> str:
    """`cos@4f3a…`: the repository, and the commit or branch of it."""
    return f"{repository_of(layer)}@{layer.commit[:_SHORT_COMMIT] or layer.branch or '?'}"


async def groups(site: Site, query: Query) -> Listing:
    """HSM groups; with a group, that one."""
    records = await site.hsm.groups.list()
    views = [Group.of(record.document) for record in records]
    wanted = query.group.lower()
    items = [_group(view) for view in views if wanted in ("", view.label)]
    header = ("LABEL", "MEMBERS", "EXCLUSIVE", "DESCRIPTION")
    return Listing("HSM group", site.config.name, header, items, wide=("TAGS", "NODES"))


def _group(view: Group) -> Item:
    from poya.model.host_lists import fold

    value = view.document.value
    tags = value.get("tags")
    return Item(
        view.label,
        (str(len(view.members)), view.exclusive_group, str(value.get("description") or "")),
        view.document.raw,
        wide=(words(map(str, tags)) if isinstance(tags, list) else "", fold(view.members)),
    )


async def tenants(site: Site, query: Query) -> Listing:
    """TAPMS tenants; with a group, those that own nodes of it."""
    scope = await scope_of(site, query.group)
    records = await site.tapms.list()
    items = []
    for record in records:
        resources = record.spec.resources or ()
        if scope is None or scope.xnames & {*record.xnames}:
            labels = words(one.hsm_group_label or one.hsm_partition_name for one in resources)
            types = words(dict.fromkeys(one.type for one in resources))
            cells = (record.spec.state, str(len(record.xnames)), labels)
            uuid = record.status.uuid if record.status else ""
            items.append(Item(record.name, cells, record.raw, wide=(types, uuid)))
    header = ("NAME", "STATE", "NODES", "GROUPS")
    return Listing("TAPMS tenant", site.config.name, header, items, wide=("TYPES", "UUID"))
