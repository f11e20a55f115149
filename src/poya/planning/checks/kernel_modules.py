# SPDX-License-Identifier: Apache-2.0
"""Kernels without their modules: a kernel, an initrd and a root file system of different builds.

A node then starts its kernel and finds no driver for its network, or for anything after it. IMS
keeps the three files side by side and never compares them.
"""

from __future__ import annotations

from collections.abc import Iterator

from poya.model.finding import Finding
from poya.model.image_contents import ImageContents
from poya.planning.checks import Case


def check(case: Case) -> Iterator[Finding]:
    """Compare the kernel's release with the modules in initrd and root file system."""
    if case.inventory.capabilities.is_verbatim:
        return
    for image in case.vcluster.images:
        why = _mismatch(image.contents) if image.contents else ""
        if why:
            yield Finding(
                "kernel-modules-absent",
                "warning",
                f"IMS image {image.name}",
                "Kernel, initrd and root file system are not of one build; drivers will be "
                "missing.",
                evidence=why,
                remedy="Look whether the image boots at the source; rebuild its initrd if not.",
            )


def _mismatch(contents: ImageContents) -> str:
    """What does not fit, in words; empty where all fits or too little is known."""
    release = contents.kernel.release if contents.kernel else ""
    initrd = contents.initrd.kernels if contents.initrd else ()
    rootfs = contents.rootfs.kernels if contents.rootfs else ()
    parts = (("the initrd", initrd), ("the root file system", rootfs))
    if release:
        wrong = [
            f"{part} has modules for {', '.join(kernels)}"
            for part, kernels in parts
            if kernels and release not in kernels
        ]
        return f"the kernel is {release}, {' and '.join(wrong)}" if wrong else ""
    if initrd and rootfs and set(initrd).isdisjoint(rootfs):
        return " and ".join(f"{part} has modules for {', '.join(names)}" for part, names in parts)
    return ""
