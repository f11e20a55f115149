# SPDX-License-Identifier: Apache-2.0
"""Laying a seed into a site: its records, its objects and its git histories."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from poya.lab.life.boot_sessions import new_component
from poya.lab.profiles import ReleaseProfile
from poya.lab.seed import layout, records
from poya.lab.seed import nodes as hsm
from poya.lab.seed.catalog import PRODUCTS, put_catalog
from poya.lab.seed.histories import REPOSITORIES
from poya.lab.seed.images import BUCKET, seed_image
from poya.lab.seed.insides import Surroundings
from poya.lab.seed.inventory import hardware
from poya.lab.seed.packages import put_packages
from poya.lab.seed.sites import BootSetSeed, SiteSeed, VClusterSeed
from poya.lab.state import SiteState
from poya.lab.storage.objects import SiteObjects
from poya.lab.vcs.repositories import Repositories

Record: TypeAlias = dict[str, Any]
_ROOTFS = "application/vnd.cray.image.rootfs.squashfs"


@dataclass(frozen=True, slots=True)
class Ground:
    """The parts of a site that hold what it knows.

    Attributes:
        authority: The site's certificate authority, PEM: its images trust it.
    """

    state: SiteState
    objects: SiteObjects
    repositories: Repositories
    profile: ReleaseProfile
    authority: bytes = b""


def plant(seed: SiteSeed, ground: Ground) -> None:
    """Lay the whole seed. The records come last and in one go: their absence means unfinished."""
    ground.repositories.seed(REPOSITORIES)
    commits = {
        repository: ground.repositories.commit("cray", repository, branch)
        for repository, branch in records.branches().items()
    }
    images = _seed_images(seed, ground)
    with ground.state.transaction():
        _put_nodes(seed, ground.state)
        put_packages(ground.state)
        _put_catalog(seed, ground)
        for vcluster in seed.vclusters:
            _put_vcluster(vcluster, seed, ground, commits, images)
        ground.state.kind("seed").put("seed", {"site": seed.name})


def _put_catalog(seed: SiteSeed, ground: Ground) -> None:
    heads = {
        repository: ground.repositories.commit("cray", repository, branch)
        for _, _, repository, branch in PRODUCTS
    }
    is_split = ground.profile.catalog_is_split
    put_catalog(ground.state, seed.domain, heads, is_split=is_split)


def is_planted(state: SiteState) -> bool:
    """Whether a seed has been laid completely."""
    return "seed" in state.kind("seed")


def _seed_images(seed: SiteSeed, ground: Ground) -> dict[str, Record]:
    sets = [boot_set for vcluster in seed.vclusters for boot_set in vcluster.boot_sets]
    provider, _ = records.rootfs_provider(seed.domain, ground.profile)
    site = Surroundings(seed.domain, ground.authority, (provider,))
    return {
        boot_set.image.id: seed_image(boot_set.image, ground.objects, ground.profile, site)
        for boot_set in sets
    }


def _put_nodes(seed: SiteSeed, state: SiteState) -> None:
    controllers = {hsm.bmc_of(node.xname): hsm.controller(node) for node in seed.nodes}
    state.components.put_many(
        {node.xname: hsm.component(node) for node in seed.nodes} | controllers
    )
    state.hardware.put_many({part["ID"]: part for node in seed.nodes for part in hardware(node)})
    interfaces = [hsm.ethernet_interface(node) for node in seed.nodes]
    state.ethernet_interfaces.put_many({record["ID"]: record for record in interfaces})
    state.sls_hardware.put_many(layout.hardware(seed.nodes))
    state.sls_networks.put_many(layout.networks(seed.nodes))
    managed = [node.xname for node in seed.nodes if node.role != "Management"]
    state.cfs_components.put_many({x: records.cfs_component(x) for x in managed})
    state.bos_components.put_many({x: new_component(x) for x in managed})


def _put_vcluster(
    vcluster: VClusterSeed,
    seed: SiteSeed,
    ground: Ground,
    commits: Mapping[str, str],
    images: Mapping[str, Record],
) -> None:
    state, profile = ground.state, ground.profile
    state.groups.put(
        vcluster.label,
        {
            "label": vcluster.label,
            "description": vcluster.description,
            "members": {"ids": list(vcluster.members)},
        },
    )
    for boot_set in vcluster.boot_sets:
        state.images.put(boot_set.image.id, images[boot_set.image.id])
    configuration = records.configuration(vcluster, seed.domain, commits, profile)
    state.configurations.put(vcluster.configuration, configuration)
    etags = {image_id: record["link"]["etag"] for image_id, record in images.items()}
    template = records.template(vcluster, seed.domain, etags, profile)
    state.templates.put(vcluster.template, template)
    for boot_set in vcluster.boot_sets:
        _put_booted(vcluster, boot_set, template["boot_sets"][boot_set.name], ground)
    configured = {xname: records.cfs_component(xname, configuration) for xname in vcluster.members}
    state.cfs_components.put_many(configured)


def _put_booted(
    vcluster: VClusterSeed, boot_set: BootSetSeed, record: Mapping[str, str], ground: Ground
) -> None:
    rootfs = _rootfs_etag(boot_set.image.id, ground.objects)
    for xname in _booted_by(vcluster, boot_set):
        parameters = records.boot_parameters(xname, boot_set.image, record, rootfs)
        ground.state.boot_parameters.put(xname, parameters)


def _booted_by(vcluster: VClusterSeed, boot_set: BootSetSeed) -> Iterator[str]:
    if boot_set.node_list:
        yield from boot_set.node_list
        return
    listed = {xname for other in vcluster.boot_sets for xname in other.node_list}
    yield from (xname for xname in vcluster.members if xname not in listed)


def _rootfs_etag(image_id: str, objects: SiteObjects) -> str:
    manifest = json.loads(objects.read_now(BUCKET, f"{image_id}/manifest.json"))
    found = next(part for part in manifest["artifacts"] if part["type"] == _ROOTFS)
    etag: str = found["link"]["etag"]
    return etag
