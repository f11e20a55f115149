# SPDX-License-Identifier: Apache-2.0
"""Kernels of another architecture than the image is registered for.

IMS takes x86_64 for granted where nobody says otherwise (and records nothing before CSM 1.5);
BOS goes by that record when it chooses nodes.
"""

from __future__ import annotations

from collections.abc import Iterator

from poya.model.finding import Finding
from poya.model.image import Image
from poya.planning.checks import Case


def check(case: Case) -> Iterator[Finding]:
    """Compare the kernel with the record that will be made, and with the image's programs."""
    if case.inventory.capabilities.is_verbatim:
        return
    for image in case.vcluster.images:
        yield from _against_record(case, image)
        yield from _against_programs(image)


def _against_record(case: Case, image: Image) -> Iterator[Finding]:
    planned = next((i.arch for i in case.images if i.source_id == image.id), None)
    recorded = planned or image.arch
    kernel = image.contents.kernel if image.contents else None
    if kernel and kernel.arch and recorded and kernel.arch != recorded:
        yield Finding(
            "arch-kernel",
            "critical",
            f"IMS image {image.name}",
            f"The image would be registered for {recorded}, its kernel is for {kernel.arch}.",
            evidence=f"the kernel's own header; the source's record says "
            f"{image.arch or 'nothing'}",
            remedy="Correct the image's arch at the source (cray ims images update --arch).",
        )


def _against_programs(image: Image) -> Iterator[Finding]:
    contents = image.contents
    kernel = contents.kernel.arch if contents and contents.kernel else ""
    programs = contents.rootfs.arch if contents and contents.rootfs else ""
    if kernel and programs and kernel != programs:
        yield Finding(
            "arch-rootfs",
            "warning",
            f"IMS image {image.name}",
            f"The kernel is for {kernel}, the programs of its root file system for {programs}.",
            remedy="Look whether the image boots at the source.",
        )
