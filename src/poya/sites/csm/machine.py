# SPDX-License-Identifier: Apache-2.0
"""A live CSM as a machine: every node with its parts and holders, in a handful of requests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace

from poya.concurrency import both
from poya.csm import Component, Part, Site, SiteConfig
from poya.errors import NotFound
from poya.model.names import normalise_xname
from poya.model.records import Group, SessionTemplate
from poya.placement.facts import Machine, NodeFacts, Shape
from poya.placement.hardware import ListedPart, shapes_of
from poya.placement.naming import Namer
from poya.placement.running import Attribution, LiveState
from poya.sites.csm.work import read_work

_POPULATED = "populated"
_MIB_PER_GIB = 1024
_MOST_OF_A_PART = 1 << 30  # a module of 1 PiB, a processor of a thousand million cores
_IDLE = LiveState()


async def read_machine(
    config: SiteConfig,
    names: Mapping[str, tuple[str, ...]],
    switch_groups: Mapping[str, str],
) -> Machine:
    """Read a site's nodes; nothing is written, and the size of the site costs no requests.

    Args:
        names: The site's own names of parts → globs on their models.
        switch_groups: Cabinet → name of its Slingshot group.
    """
    async with Site.connect(config, read_only=True) as site:
        (components, parts), (groups, templates) = await both(
            both(site.hsm.components.list(type="Node"), site.hsm.hardware.inventory()),
            both(site.hsm.groups.list(), site.bos.templates.list()),
        )
        work, (reserved, tenants) = await both(
            read_work(site), both(_reserved(site, components), _tenants(site))
        )
    namer = Namer(names)
    held = _Holders(
        [Group.of(record.document) for record in groups],
        [SessionTemplate.of(record.document) for record in templates],
        work,
    )
    shapes = shapes_of((_listed(part) for part in parts), namer)
    return Machine.of(
        config.name,
        (
            held.noted(replace(node, tenant=tenants.get(node.xname, "")))
            for node in (_facts(component, shapes, held, reserved) for component in components)
        ),
        switch_groups=switch_groups,
        exclusive=held.exclusive,
        booted_by=held.booted_by,
        unrecognised=namer.unrecognised(),
    )


async def _reserved(site: Site, components: Iterable[Component]) -> frozenset[str]:
    """Nodes that a service has reserved (`POST /locks/status`)."""
    try:
        locks = await site.hsm.locks.status(component.id for component in components)
    except NotFound:
        return frozenset()  # SMD's answer where there are no components at all
    return frozenset(normalise_xname(lock.id) for lock in locks if lock.reserved)


async def _tenants(site: Site) -> dict[str, str]:
    """Node → the tenant that has it; none where the site has no TAPMS (CSM 1.3)."""
    if await site.tapms.api() is None:
        return {}
    tenants = await site.tapms.list()
    return {normalise_xname(x): tenant.name for tenant in tenants for x in tenant.xnames}


class _Holders:
    """Who has which node: groups, templates that list nodes by name, and what is running."""

    def __init__(
        self,
        groups: list[Group],
        templates: list[SessionTemplate],
        work: Mapping[str, LiveState],
    ) -> None:
        self._attribution = Attribution(templates)
        self._work = work
        self.groups: dict[str, list[str]] = defaultdict(list)
        self.templates: dict[str, set[str]] = defaultdict(set)
        self.booted_by: dict[str, tuple[str, ...]] = {}
        self.exclusive = {g.label: g.exclusive_group for g in groups if g.exclusive_group}
        for group in sorted(groups, key=lambda group: group.label):
            for xname in group.members:
                self.groups[xname].append(group.label)
        for template in sorted(templates, key=lambda template: template.name):
            for label in template.node_groups():
                self.booted_by[label] = (*self.booted_by.get(label, ()), template.name)
            for boot_set in template.boot_sets:
                for xname in boot_set.node_list:
                    self.templates[xname].add(template.name)

    def noted(self, node: NodeFacts) -> NodeFacts:
        """The node with what it runs, and what could boot it."""
        live = self._work.get(node.xname, _IDLE)
        return replace(
            node,
            running=self._attribution.running(node, live),
            selected_by=self._attribution.selecting(node),
        )


def _facts(
    component: Component,
    shapes: Mapping[str, Shape],
    held: _Holders,
    reserved: frozenset[str],
) -> NodeFacts:
    xname = normalise_xname(component.id)
    return NodeFacts(
        xname=xname,
        shape=shapes.get(xname, Shape(is_inventoried=False)),
        nid=component.nid,
        arch=component.arch,
        role=component.role,
        subrole=component.sub_role,
        state=component.state,
        hardware_class=component.class_,
        is_enabled=component.enabled,
        is_locked=component.locked,
        is_reserved=xname in reserved,
        groups=tuple(held.groups.get(xname, ())),
        templates=tuple(sorted(held.templates.get(xname, ()))),
    )


def _listed(part: Part) -> ListedPart:
    info = part.fru_info
    is_node = part.type.lower() == "node"
    return ListedPart(
        xname=normalise_xname(part.id),
        kind=part.type,
        model=part.model,
        is_populated=part.status.lower() in ("", _POPULATED) and part.populated_fru is not None,
        memory_mib=_summary_mib(part) if is_node else _number(info, "CapacityMiB"),
        cores=_number(info, "TotalCores"),
        firmware=f"{info.get('BiosVersion') or ''}",
    )


def _summary_mib(part: Part) -> int:
    """A node's memory as its own summary says; it may be rounded, unlike its modules."""
    location = part.document.value.get("NodeLocationInfo")
    summary = location.get("MemorySummary") if isinstance(location, dict) else None
    return _number(summary, "TotalSystemMemoryGiB") * _MIB_PER_GIB


def _number(info: object, key: str) -> int:
    """A number of the inventory; 0 where Redfish has none, or one that no part can have."""
    value = info.get(key) if isinstance(info, Mapping) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0
    return int(value) if 0 < value <= _MOST_OF_A_PART else 0
