# SPDX-License-Identifier: Apache-2.0
"""Which nodes and vClusters each lab site has."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from poya.lab.seed.images import Image
from poya.lab.seed.nodes import A100, EPYC, GH200, LOGIN, Node, NodeKind

GELE_IMAGE_ID = "3e0d418f-7757-4df0-b0f7-0b945495f7bf"
_SMALL_BYTES = 1024 * 1024
_NAMES = uuid.UUID("b6b26a2c-2bd4-4f6e-a1dc-9d7a4c3f6f10")


@dataclass(frozen=True, slots=True)
class BootSetSeed:
    """One boot set; its nodes are the vCluster's group, or `node_list` if that is not empty."""

    name: str
    image: Image
    node_list: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VClusterSeed:
    """A group, its images, its configuration and its boot template."""

    label: str
    description: str
    members: tuple[str, ...]
    configuration: str
    template: str
    boot_sets: tuple[BootSetSeed, ...]


@dataclass(frozen=True, slots=True)
class SiteSeed:
    """What one site holds.

    Attributes:
        domain: `<system>.<site domain>`.
    """

    name: str
    domain: str
    nodes: tuple[Node, ...]
    vclusters: tuple[VClusterSeed, ...]


def site_seed(name: str, image_bytes: int) -> SiteSeed:
    """The seed of a site. `alps` has `gele`; any other name gives a site like `prealps`.

    Args:
        name: The site's name, also that of its system.
        image_bytes: About the length of the root file system of gele's compute image.
    """
    domain = f"{name}.example.org"
    if name == "alps":
        return SiteSeed(name, domain, _alps_nodes(), _alps_vclusters(image_bytes))
    return SiteSeed(name, domain, _prealps_nodes(), _prealps_vclusters())


def _alps_nodes() -> tuple[Node, ...]:
    compute = [
        *_numbered(_xnames("x1000c0", slots=4, cards=2), EPYC, 1001),
        *_numbered(_xnames("x1000c2", slots=2, cards=1), A100, 1101),
        *_numbered(_xnames("x1001c1", slots=8, cards=1), GH200, 1201),
    ]
    return (*compute, *_river("x3000", 1901))


def _prealps_nodes() -> tuple[Node, ...]:
    compute = [
        *_numbered(_xnames("x2000c0", slots=3, cards=2), EPYC, 2001),
        *_numbered(_xnames("x2000c1", slots=2, cards=1), A100, 2101),
        *_numbered(_xnames("x9000c1", slots=7, cards=1), GH200, 2201),
    ]
    return (*compute, *_river("x3002", 2901))


def _river(cabinet: str, first_nid: int) -> Iterable[Node]:
    slots = (17, 19, 21)
    for number, slot in enumerate(slots):
        xname = f"{cabinet}c0s{slot}b0n0"
        yield Node(xname, first_nid + number, LOGIN, "Application", "UAN")
    worker = f"{cabinet}c0s7b0n0"
    yield Node(worker, first_nid + len(slots), LOGIN, "Management", "Worker", locked=True)


def _xnames(chassis: str, *, slots: int, cards: int) -> list[str]:
    return [
        f"{chassis}s{slot}b{board}n{card}"
        for slot in range(slots)
        for board in range(2)
        for card in range(cards)
    ]


def _numbered(xnames: list[str], kind: NodeKind, first_nid: int) -> Iterable[Node]:
    last = len(xnames) - 1
    for number, xname in enumerate(xnames):
        # one node of each kind is locked, as some always are at a real site
        locked = number == last and kind in (EPYC, A100)
        yield Node(xname, first_nid + number, kind, locked=locked)


def _alps_vclusters(image_bytes: int) -> tuple[VClusterSeed, ...]:
    return (
        _gele(image_bytes),
        _plain("eiger", "23.05.1", _xnames("x1000c0", slots=2, cards=2), "x86_64"),
        _plain("clariden", "24.02.0", _xnames("x1001c1", slots=2, cards=1), "aarch64"),
    )


def _prealps_vclusters() -> tuple[VClusterSeed, ...]:
    return (
        _plain("bernina", "24.07.0", _xnames("x2000c0", slots=1, cards=2), "x86_64"),
        _plain("tasna", "24.05.2", _xnames("x9000c1", slots=1, cards=1), "aarch64"),
    )


def _gele(image_bytes: int) -> VClusterSeed:
    compute = Image(
        id=GELE_IMAGE_ID,
        name="gele-cos-23.06.0-1",
        arch="aarch64",
        created="2023-06-22T13:34:51.201310",
        rootfs_bytes=image_bytes,
        boot_parameters="console=ttyAMA0,115200 net.ifnames=0 cma=4G",
    )
    login = Image(
        id=str(uuid.uuid5(_NAMES, "gele-uan-23.06.0-1")),
        name="gele-uan-23.06.0-1",
        arch="x86_64",
        created="2023-06-22T15:02:17.480112",
        rootfs_bytes=max(image_bytes // 2, _SMALL_BYTES),
    )
    uans = ("x3000c0s17b0n0", "x3000c0s19b0n0")
    computes = _xnames("x1001c1", slots=8, cards=1)[8:]
    return VClusterSeed(
        label="gele",
        description="Gele test vCluster",
        members=(*computes, *uans),
        configuration="gele-cos-config-23.06.0-1",
        template="gele-cos-template-23.06.0-1",
        boot_sets=(BootSetSeed("compute", compute), BootSetSeed("uan", login, uans)),
    )


def _plain(label: str, version: str, members: list[str], arch: str) -> VClusterSeed:
    year, month, _ = version.split(".")
    image = Image(
        id=str(uuid.uuid5(_NAMES, f"{label}-cos-{version}")),
        name=f"{label}-cos-{version}",
        arch=arch,
        created=f"20{year}-{month}-11T09:14:03.118204",
        rootfs_bytes=_SMALL_BYTES,
    )
    return VClusterSeed(
        label=label,
        description=f"The vCluster {label}",
        members=tuple(members),
        configuration=f"{label}-cos-config-{version}",
        template=f"{label}-cos-template-{version}",
        boot_sets=(BootSetSeed("compute", image),),
    )
