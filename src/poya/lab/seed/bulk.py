# SPDX-License-Identifier: Apache-2.0
"""Content by the thousand, for measuring: nodes, images and configurations without meaning."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from poya.lab.life.boot_sessions import new_component
from poya.lab.seed import layout, records
from poya.lab.seed import nodes as hsm
from poya.lab.seed.images import BUCKET, Image, image_record
from poya.lab.seed.inventory import hardware
from poya.lab.seed.nodes import EPYC, GH200, Node, NodeKind
from poya.lab.seed.plant import Ground
from poya.lab.seed.sites import BootSetSeed, VClusterSeed
from poya.lab.storage.objects import NewObject

_NAMES = uuid.UUID("5d2f8a1e-64c5-4d0a-8b8b-3c1f0a7e9d55")
_MODEL = b"x9999c9s9b9n9"
_SLOTS, _CHASSIS = 8, 8
_FIRST_CABINET, _FIRST_NID = 5000, 100_000
_COMMITS = {name: f"{number:040x}" for number, name in enumerate(records.branches(), 1)}


@dataclass(frozen=True, slots=True)
class Bulk:
    """How much of each to add to a site's seed."""

    nodes: int = 0
    images: int = 0
    configurations: int = 0
    templates: int = 0


def add_bulk(ground: Ground, bulk: Bulk, domain: str) -> None:
    """Add all of it, in one transaction."""
    with ground.state.transaction():
        nodes = add_nodes(ground, bulk.nodes) if bulk.nodes else []
        images = add_images(ground, bulk.images) if bulk.images else []
        names = add_configurations(ground, bulk.configurations, domain)
        add_templates(ground, bulk.templates, images, names, nodes)


def add_nodes(ground: Ground, count: int) -> list[str]:
    """Add `count` compute nodes with their hardware, half of them ARM; their xnames."""
    added = [_node(number) for number in range(count)]
    state = ground.state
    with state.transaction():
        state.components.put_many({node.xname: hsm.component(node) for node in added})
        state.hardware.put_encoded(_hardware(added))
        state.sls_hardware.put_many(layout.hardware(added))
        state.cfs_components.put_many({n.xname: records.cfs_component(n.xname) for n in added})
        state.bos_components.put_many({n.xname: new_component(n.xname) for n in added})
    return [node.xname for node in added]


def _hardware(nodes: Iterable[Node]) -> dict[str, bytes]:
    """The parts of all nodes, encoded: those of one node of each kind, under other names.

    Two hundred thousand of them are written in the time that encoding each would take for ten.
    """
    prototypes: dict[int, list[tuple[str, bytes, bytes]]] = {}
    found: dict[str, bytes] = {}
    for number, node in enumerate(nodes):
        kind = id(node.kind)
        if kind not in prototypes:
            prototypes[kind] = [_prototype(part) for part in hardware(_model(node.kind))]
        host = f"nid{node.nid:06}".encode()
        for index, (suffix, body, serial) in enumerate(prototypes[kind]):
            own = f"{number:07X}{index:05X}".encode()
            renamed = body.replace(_MODEL, node.xname.encode()).replace(serial, own)
            found[node.xname + suffix] = renamed.replace(b"nid999999", host)
    return found


def _prototype(part: dict[str, Any]) -> tuple[str, bytes, bytes]:
    serial = str(part["PopulatedFRU"]["FRUID"]).rpartition(".")[2]
    suffix = part["ID"].removeprefix(_MODEL.decode())
    return suffix, msgspec.json.encode(part), serial.encode()


def _model(kind: NodeKind) -> Node:
    return Node(_MODEL.decode(), 999_999, kind)


def add_images(ground: Ground, count: int) -> list[str]:
    """Add `count` images that have a manifest but share one artifact each; their ids."""
    images = [_image(number) for number in range(count)]
    rootfs = NewObject(BUCKET, "bulk/rootfs", [b"hsqs bulk"])
    artifact = ground.objects.put(rootfs)
    link = {"path": f"s3://{BUCKET}/bulk/rootfs", "etag": artifact.etag, "type": "s3"}
    entry = {
        "type": "application/vnd.cray.image.rootfs.squashfs",
        "md5": artifact.etag,
        "link": link,
    }
    manifest = json.dumps({"version": "1.0", "created": "", "artifacts": [entry]}).encode()
    keys = [f"{image.id}/manifest.json" for image in images]
    etag = ground.objects.put_alike(BUCKET, keys, manifest)
    ground.state.images.put_many(
        {
            image.id: image_record(
                image, ground.profile, {"path": image.path, "etag": etag, "type": "s3"}
            )
            for image in images
        }
    )
    return [image.id for image in images]


def add_configurations(ground: Ground, count: int, domain: str) -> list[str]:
    """Add `count` configurations of three layers; their names."""
    names = [f"bulk-config-{number:06}" for number in range(count)]
    ground.state.configurations.put_many(
        {
            name: records.configuration(_vcluster(name), domain, _COMMITS, ground.profile)
            for name in names
        }
    )
    return names


def add_templates(
    ground: Ground,
    count: int,
    images: Sequence[str],
    configurations: Sequence[str],
    nodes: Sequence[str],
) -> list[str]:
    """Add `count` session templates that share what there is; their names."""
    if not (images and configurations and nodes):
        return []
    made = {}
    for number in range(count):
        image, first = images[number % len(images)], number * 20 % len(nodes)
        boot_set = {
            "type": "s3",
            "path": f"s3://{BUCKET}/{image}/manifest.json",
            "node_list": list(nodes[first : first + 20]),
        }
        name = f"bulk-template-{number:06}"
        made[name] = {
            "name": name,
            "enable_cfs": True,
            "cfs": {"configuration": configurations[number % len(configurations)]},
            "boot_sets": {"compute": boot_set},
        }
    ground.state.templates.put_many(made)
    return list(made)


def _node(number: int) -> Node:
    rest, slot = divmod(number, _SLOTS)
    cabinet, chassis = divmod(rest, _CHASSIS)
    xname = f"x{_FIRST_CABINET + cabinet}c{chassis}s{slot}b0n0"
    return Node(xname, _FIRST_NID + number, GH200 if number % 2 else EPYC)


def _image(number: int) -> Image:
    name = f"bulk-image-{number:06}"
    created = "2024-01-01T00:00:00.000001"
    return Image(str(uuid.uuid5(_NAMES, name)), name, "x86_64", created, 0)


def _vcluster(configuration: str) -> VClusterSeed:
    no_boot_sets: tuple[BootSetSeed, ...] = ()
    return VClusterSeed("bulk", "", (), configuration, "", no_boot_sets)
