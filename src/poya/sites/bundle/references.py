# SPDX-License-Identifier: Apache-2.0
"""What templates refer to: what of it the bundle lacks, and what an image tells of it."""

from __future__ import annotations

from poya.model.image import BOS_ARCH_OF_IMS, Image
from poya.model.names import image_id_of
from poya.model.records import SessionTemplate
from poya.model.vcluster import Gap
from poya.sites.bundle.contents import Contents, StoredImage


def reference_gaps(contents: Contents, templates: tuple[SessionTemplate, ...]) -> list[Gap]:
    """What templates name and the bundle does not hold, each told once."""
    configurations = {c.name for c in contents.configurations}
    groups = {group.label for group in contents.groups}
    # manta keeps one group of one boot set only; a bundle of ours has them all.
    group_gap = "group-gone" if contents.is_indexed else "group-not-in-bundle"
    gaps: list[Gap] = []
    for template in templates:
        subject = f"BOS session template {template.name}"
        if not template.boot_sets:
            gaps.append(Gap("template-without-boot-sets", subject, "boot_sets is empty"))
        for name in template.configurations():
            if name not in configurations:
                evidence = f"{contents.label} does not hold it"
                gaps.append(Gap("configuration-gone", f"CFS configuration {name}", evidence))
        for boot_set in template.boot_sets:
            user = f"boot set {boot_set.name} of {template.name}"
            gaps.extend(
                Gap(group_gap, user, f"HSM group {label}")
                for label in boot_set.node_groups
                if label.lower() not in groups
            )
            gaps.extend(_path_gaps(contents.images, boot_set.path, user))
    return list(dict.fromkeys(gaps))


def _path_gaps(images: tuple[StoredImage, ...], path: str, user: str) -> list[Gap]:
    if any(image.manifest_path == path for image in images):
        return []
    image_id = image_id_of(path)
    if image_id is None:
        return [Gap("image-path-unknown", user, path)]
    if any(image.id == image_id for image in images):
        evidence = f"{path} is not the manifest that the image links to"
        return [Gap("image-path-unknown", user, evidence)]
    return [Gap("image-not-in-bundle", user, path)]


def with_archs(
    templates: tuple[SessionTemplate, ...], images: tuple[Image, ...]
) -> tuple[tuple[SessionTemplate, ...], tuple[Gap, ...]]:
    """Boot sets that do not say it get the architecture of an ARM image; each is told.

    BOS v1, which manta asked until July 2024, has no `arch`; BOS v2 takes its absence for X86.
    """
    arms = {image.manifest_path for image in images if BOS_ARCH_OF_IMS.get(image.arch) == "ARM"}
    gaps: list[Gap] = []
    changed: list[SessionTemplate] = []
    for template in templates:
        silent = [b.name for b in template.boot_sets if not b.arch and b.path in arms]
        evidence = "ARM: its image is aarch64, and the boot set says nothing"
        gaps += [
            Gap("arch-inferred", f"boot set {name} of {template.name}", evidence)
            for name in silent
        ]
        changed.append(template.with_archs(dict.fromkeys(silent, "ARM")))
    return tuple(changed), tuple(gaps)
