# SPDX-License-Identifier: Apache-2.0
"""The vClusters of a site: HSM groups that session templates boot."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from poya.cli.get.listing import Item, Listing, Query, made_of, words
from poya.concurrency import both
from poya.model.names import image_id_of
from poya.model.records import Group, SessionTemplate

if TYPE_CHECKING:
    from poya.csm import Site


async def vclusters(site: Site, query: Query) -> Listing:
    """Groups that templates boot, and what they boot."""
    group_records, records = await both(site.hsm.groups.list(), site.bos.templates.list())
    groups = {(view := Group.of(record.document)).label: view for record in group_records}
    booting: dict[str, list[SessionTemplate]] = defaultdict(list)
    for record in records:
        template = SessionTemplate.of(record.document)
        for label in template.node_groups():
            if query.group.lower() in ("", label):
                booting[label].append(template)
    items = [_vcluster(label, groups.get(label), found) for label, found in booting.items()]
    header = ("NAME", "NODES", "TEMPLATES", "CONFIGURATIONS")
    return Listing("vCluster", site.config.name, header, items, wide=("TENANTS", "IMAGES"))


def _vcluster(label: str, group: Group | None, templates: list[SessionTemplate]) -> Item:
    templates.sort(key=lambda template: (template.name, template.tenant))
    names = list(dict.fromkeys(template.name for template in templates))
    configurations = list(dict.fromkeys(n for t in templates for n in t.configurations()))
    images = list(
        dict.fromkeys(image_id_of(b.path) or b.path for t in templates for b in t.boot_sets)
    )
    tenants = sorted({template.tenant for template in templates if template.tenant})
    nodes = str(len(group.members)) if group else "no group"
    value = {
        "name": label,
        "nodes": list(group.members) if group else None,
        "templates": names,
        "configurations": configurations,
        "images": images,
        "tenants": tenants,
    }
    cells = (nodes, words(names), words(configurations))
    return Item(label, cells, made_of(value), wide=(words(tenants), words(images)))
