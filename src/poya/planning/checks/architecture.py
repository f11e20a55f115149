# SPDX-License-Identifier: Apache-2.0
"""Architectures that do not fit: IMS's, the boot set's, the nodes', the target's release."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from poya.model.finding import Finding
from poya.model.image import BOS_ARCH_OF_IMS
from poya.model.records import BootSet, SessionTemplate
from poya.planning.checks import Case
from poya.planning.nodes import BOOTABLE


def check(case: Case) -> Iterator[Finding]:
    """Compare the boot sets' architectures with images, target and nodes."""
    if case.inventory.capabilities.is_verbatim:
        return
    yield from _filled(case)
    for template, boot_set in case.boot_sets():
        yield from _against_image(case, template, boot_set)
        yield from _against_release(case, template, boot_set)
        yield from _against_nodes(case, template, boot_set)


def _filled(case: Case) -> Iterator[Finding]:
    """Architectures that the source does not record: without one IMS takes it for x86_64."""
    unknown = {image.id: image.name for image in case.vcluster.images if not image.arch}
    for planned in case.images:
        origin = case.archs.get(planned.source_id)
        if planned.source_id in unknown and origin and planned.arch not in (None, "x86_64"):
            yield Finding(
                "arch-filled",
                "info",
                f"IMS image {unknown[planned.source_id]}",
                "The source does not record its architecture; it is registered as "
                f"{planned.arch}, as {origin.says}.",
            )


def predict(case: Case) -> Iterator[str]:
    """What BOS 2.29 and later say of boot sets whose architecture they cannot compare."""
    arches = {boot_set.arch for _, boot_set in case.boot_sets()}
    if case.inventory.capabilities.checks_arch and "Other" in arches:
        yield "Boot set arch set to 'Other'"


def _against_image(case: Case, template: SessionTemplate, boot_set: BootSet) -> Iterator[Finding]:
    image = case.image_of(boot_set)
    # BOS 2.29 and later take Unknown for X86 here, and look past Other.
    wanted = "X86" if boot_set.arch in ("", "Unknown") else boot_set.arch
    if image is None or wanted not in BOOTABLE:
        return
    planned = next((i.arch for i in case.images if i.source_id == image.id), None)
    has = planned or image.arch
    if has in BOS_ARCH_OF_IMS and BOS_ARCH_OF_IMS[has] != wanted:
        yield Finding(
            "arch-image",
            "critical",
            _subject(template, boot_set),
            f"The boot set is for {wanted}, its image is {has}.",
            evidence=f"image {image.name} ({image.id})",
            remedy="Correct the arch of the boot set or of the image at the source.",
        )


def _against_release(
    case: Case, template: SessionTemplate, boot_set: BootSet
) -> Iterator[Finding]:
    if boot_set.arch == "ARM" and not case.inventory.capabilities.has_boot_set_arch:
        yield Finding(
            "arch-release",
            "critical",
            _subject(template, boot_set),
            f"{case.inventory.capabilities.release} cannot boot ARM nodes.",
            remedy="Choose a target with CSM 1.5 or newer.",
        )


def _against_nodes(case: Case, template: SessionTemplate, boot_set: BootSet) -> Iterator[Finding]:
    nodes = case.inventory.nodes or {}
    names = [name for name in case.nodes.apply(case.sources_of(boot_set)) if name in nodes]
    wanted = boot_set.arch or "X86"
    archs = Counter(nodes[name].arch.upper() for name in names)
    fitting = archs[wanted] + (archs["UNKNOWN"] + archs[""] if wanted == "X86" else 0)
    if names and not fitting and wanted in BOOTABLE:
        yield Finding(
            "arch-nodes",
            "warning",
            _subject(template, boot_set),
            f"None of its nodes at the target is {wanted}; BOS will boot none of them.",
            evidence=", ".join(f"{n} {arch or 'unknown'}" for arch, n in sorted(archs.items())),
            remedy="Choose nodes of that architecture with --nodes.",
        )


def _subject(template: SessionTemplate, boot_set: BootSet) -> str:
    return f"boot set {boot_set.name} of {template.name}"
