# SPDX-License-Identifier: Apache-2.0
"""What images are for, where their site does not record it (IMS and BOS before CSM 1.5).

A newer IMS takes such an image for x86_64, and BOS such a boot set for X86: an image for ARM must
be told them both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from poya.model.image import BOS_ARCH_OF_IMS, IMS_ARCH_OF_BOS, Image
from poya.model.inventory import Inventory
from poya.model.records import BootSet, EntityRef, SessionTemplate
from poya.model.vcluster import VCluster


@dataclass(frozen=True, slots=True)
class Origin:
    """What an image is for, as IMS writes it, and what says so, in words."""

    arch: str
    says: str


@dataclass(frozen=True, slots=True)
class Filled:
    """A vCluster whose boot sets say what their images are for.

    Attributes:
        origins: Image id → what it is for; images without a record of it, if anything says it.
        edits: What was added to each template, in words.
    """

    vcluster: VCluster
    origins: Mapping[str, Origin] = field(default_factory=dict)
    edits: Mapping[EntityRef, tuple[str, ...]] = field(default_factory=dict)


def fill_architectures(vcluster: VCluster, inventory: Inventory) -> Filled:
    """Name the architecture of each boot set that says none, where it is not BOS's default."""
    origins = {
        image.id: origin
        for image in vcluster.images
        if not image.arch and (origin := origin_of(image, vcluster))
    }
    if inventory.capabilities.is_verbatim or not origins:
        return Filled(vcluster, origins)
    paths = {i.manifest_path: origins[i.id] for i in vcluster.images if i.id in origins}
    templates: list[SessionTemplate] = []
    edits: dict[EntityRef, tuple[str, ...]] = {}
    for template in vcluster.templates:
        lacking = [b for b in template.boot_sets if not b.arch and _is_unusual(paths, b)]
        templates.append(template.with_archs({b.name: _bos_arch(paths, b) for b in lacking}))
        edits[EntityRef("template", template.name)] = tuple(
            f"boot set '{b.name}': arch {_bos_arch(paths, b)}, as {paths[b.path].says}"
            for b in lacking
        )
    return Filled(replace(vcluster, templates=tuple(templates)), origins, edits)


def origin_of(image: Image, vcluster: VCluster) -> Origin | None:
    """What says what an image is for: its kernel, else its boot sets, else the nodes it boots."""
    kernel = image.contents.kernel if image.contents else None
    if kernel and kernel.arch in BOS_ARCH_OF_IMS:
        return Origin(kernel.arch, "its kernel says")
    users = [
        boot_set
        for template in vcluster.templates
        for boot_set in template.boot_sets
        if boot_set.path == image.manifest_path
    ]
    said = _agreed(boot_set.arch for boot_set in users if boot_set.arch)
    if said:
        return Origin(said, "its boot sets say")
    xnames = {x for boot_set in users for x in vcluster.booted_by(boot_set)}
    known = vcluster.nodes
    said = _agreed(known[x].arch.upper() for x in xnames if x in known)
    return Origin(said, "the nodes that boot it say") if said else None


def _agreed(archs: Iterable[str]) -> str:
    """What all of them say, as IMS writes it; empty if they differ or say nothing."""
    every = set(archs)
    return IMS_ARCH_OF_BOS.get(every.pop(), "") if len(every) == 1 else ""


def _is_unusual(paths: Mapping[str, Origin], boot_set: BootSet) -> bool:
    return boot_set.path in paths and _bos_arch(paths, boot_set) != "X86"


def _bos_arch(paths: Mapping[str, Origin], boot_set: BootSet) -> str:
    return BOS_ARCH_OF_IMS[paths[boot_set.path].arch]
