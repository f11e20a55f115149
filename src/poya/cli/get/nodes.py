# SPDX-License-Identifier: Apache-2.0
"""What a site knows of each node: state, hardware, configuration, boot, power."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from poya.cli.get.listing import Item, Listing, Query, Tally, made_of, words
from poya.concurrency import both
from poya.csm import Component
from poya.model.names import image_id_of, normalise_xname
from poya.model.node_expressions import Directory, select_nodes
from poya.sites.csm.nodes import directory_of

if TYPE_CHECKING:
    from poya.csm import BootParameters, BosComponent, CfsComponent, Part, Site

_NODE_OF = re.compile(r"x\d+c\d+s\d+b\d+n\d+")
_MANIFEST_IMAGE = re.compile(r"s3://[^/]+/([^/]+)/")
_MIB_PER_GIB = 1024


def selected(query: Query, directory: Directory) -> frozenset[str]:
    """The nodes that the query's expression and group mean; all if it has none.

    Raises:
        NotFound: A name in it means nothing.
    """
    expression = " ".join(query.patterns) or "all"
    group = f" &group:{query.group}" if query.group else ""
    return frozenset(select_nodes(expression + group, directory))


async def names_of(site: Site, query: Query) -> frozenset[str]:
    """The xnames of the nodes that are meant."""
    return selected(query, await directory_of(site))


async def nodes(site: Site, query: Query) -> Listing:
    """Nodes and their state."""
    directory, records = await both(directory_of(site), site.hsm.components.list(type="Node"))
    chosen = selected(query, directory)
    groups = _groups_by_node(directory)
    items = [_node(record, groups) for record in records if normalise_xname(record.id) in chosen]
    header = ("XNAME", "NID", "ARCH", "ROLE", "SUBROLE", "STATE", "FLAGS")
    return Listing("node", site.config.name, header, items, wide=("CLASS", "FLAG", "GROUPS"))


def _groups_by_node(directory: Directory) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for label in sorted(directory.groups):
        for xname in directory.groups[label]:
            found[normalise_xname(xname)].append(label)
    return found


def _node(record: Component, groups: dict[str, list[str]]) -> Item:
    flags = words(("disabled" * (not record.enabled), "locked" * record.locked))
    nid = "" if record.nid is None else str(record.nid)
    return Item(
        record.id,
        (nid, record.arch, record.role, record.sub_role, record.state, flags),
        record.raw,
        wide=(record.class_, record.flag, words(groups.get(normalise_xname(record.id), ()))),
    )


async def hardware(site: Site, query: Query) -> Listing:
    """What each node is made of, from one request for all of the site."""
    directory = await directory_of(site)
    chosen = selected(query, directory)
    parts: dict[str, list[Part]] = defaultdict(list)
    async for part in site.hsm.hardware.stream():
        match = _NODE_OF.match(normalise_xname(part.id))
        if match and match[0] in chosen and part.status != "Empty":
            parts[match[0]].append(part)
    items = [_hardware(xname, parts.get(xname, [])) for xname in chosen]
    header = ("XNAME", "PROCESSORS", "ACCELERATORS", "MEMORY", "NICS")
    return Listing("node", site.config.name, header, items, wide=("MODEL", "NIC MODELS"))


def _hardware(xname: str, parts: list[Part]) -> Item:
    tallies: dict[str, Tally] = defaultdict(Tally)
    memory_mib, model = 0, ""
    for part in parts:
        tallies[part.type].add(" ".join(part.model.split()) or "unknown")
        if part.type == "Memory":
            capacity = part.fru_info.get("CapacityMiB")
            memory_mib += capacity if isinstance(capacity, int) else 0
        elif part.type == "Node":
            model = part.model
    kinds = ("Processor", "NodeAccel", "NodeHsnNic")
    processors, accelerators, nics = (tallies[kind] for kind in kinds)
    memory = f"{memory_mib // _MIB_PER_GIB} GiB" if memory_mib else ""
    value = {
        "xname": xname,
        "model": model,
        "processors": processors.counts,
        "accelerators": accelerators.counts,
        "memory_mib": memory_mib,
        "nics": nics.counts,
    }
    cells = (f"{processors}", f"{accelerators}", memory, str(sum(nics.counts.values())))
    return Item(xname, cells, made_of(value), wide=(model, f"{nics}"))


async def components(site: Site, query: Query) -> Listing:
    """How far each node is configured (CFS) and booted (BOS)."""
    directory, (configured, booted) = await both(
        directory_of(site), both(site.cfs.components.list(), site.bos.components.list())
    )
    chosen = selected(query, directory)
    cfs = {normalise_xname(one.id): one for one in configured}
    bos = {normalise_xname(one.id): one for one in booted}
    items = [_component(xname, cfs.get(xname), bos.get(xname)) for xname in chosen]
    header = ("XNAME", "CONFIGURATION", "CONFIGURED", "BOOT", "SESSION")
    return Listing(
        "node", site.config.name, header, items, wide=("ERRORS", "BOOTS IMAGE", "ERROR")
    )


def _component(xname: str, cfs: CfsComponent | None, bos: BosComponent | None) -> Item:
    status = (cfs.configuration_status or "") if cfs else ""
    if cfs and cfs.enabled is False:
        status = words((status, "disabled"))
    boot = words((bos.status.status, bos.status.phase)) if bos and bos.status else ""
    desired = bos.desired_state if bos else None
    kernel = desired.boot_artifacts.kernel if desired and desired.boot_artifacts else None
    value = {
        "xname": xname,
        "cfs": cfs.document.value if cfs else None,
        "bos": bos.document.value if bos else None,
    }
    return Item(
        xname,
        (
            (cfs.desired_config or "") if cfs else "",
            status,
            boot,
            (bos.session or "") if bos else "",
        ),
        made_of(value),
        wide=(
            str((cfs.error_count or 0) if cfs else ""),
            image_of(kernel or ""),
            (bos.error or "") if bos else "",
        ),
    )


def image_of(path: str) -> str:
    """The id of the image that an artifact in S3 belongs to; empty if that is not to be seen."""
    match = _MANIFEST_IMAGE.match(path)
    return image_id_of(path) or (match[1] if match else "")


async def boot_parameters(site: Site, query: Query) -> Listing:
    """What BSS boots each node with; without nodes asked for, roles and defaults, too."""
    directory, records = await both(directory_of(site), site.bss.boot_parameters.list())
    is_all = not query.patterns and not query.group
    chosen = selected(query, directory)
    items = [
        _boot_parameters(host, record)
        for record in records
        for host in record.hosts or ()
        if is_all or normalise_xname(host) in chosen
    ]
    header = ("HOST", "IMAGE", "KERNEL")
    return Listing("boot parameter", site.config.name, header, items, wide=("INITRD", "PARAMS"))


def _boot_parameters(host: str, record: BootParameters) -> Item:
    kernel, initrd = record.kernel or "", record.initrd or ""
    return Item(
        host,
        (image_of(kernel), kernel.rpartition("/")[2]),
        record.raw,
        wide=(initrd.rpartition("/")[2], record.params or ""),
    )


async def power(site: Site, query: Query) -> Listing:
    """Whether each node is on, as PCS says, or CAPMC where there is no PCS."""
    chosen = selected(query, await directory_of(site))
    records = await site.pcs.status(sorted(chosen)) if chosen else ()
    items = [
        Item(r.xname, (r.power_state, r.management_state, r.error or ""), r.raw) for r in records
    ]
    header = ("XNAME", "POWER", "CONTROLLER", "ERROR")
    return Listing("node", site.config.name, header, items)
