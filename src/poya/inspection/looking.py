# SPDX-License-Identifier: Apache-2.0
"""Look into an image: its kernel, its initrd, its root file system, within one set of limits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from poya.errors import ImageUnreadable
from poya.inspection.initrd_facts import facts_of_initrd
from poya.inspection.kernel import HEAD_BYTES, arch_of, release_of
from poya.inspection.ranges import Limits, Meter, Metered, Ranges, Used
from poya.inspection.rootfs_facts import facts_of_rootfs
from poya.model.image_contents import ImageContents, KernelFacts, Part, Unread

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class ImageFiles:
    """The files of an image that can be looked into; None where there is none."""

    kernel: Ranges | None = None
    initrd: Ranges | None = None
    rootfs: Ranges | None = None


def look_into(
    files: ImageFiles, limits: Limits, clock: Callable[[], float]
) -> tuple[ImageContents, Used]:
    """What is inside, and what it took to see it.

    A part that cannot be understood, or not within the limits, is told of in the result; faults
    in reading (a site out of reach) are raised.
    """
    looking = _Looking(Meter(limits, clock))
    # the root file system first: it costs least and tells most
    rootfs = looking.at("rootfs", files.rootfs, facts_of_rootfs)
    kernel = looking.at("kernel", files.kernel, _facts_of_kernel)
    initrd = looking.at("initrd", files.initrd, facts_of_initrd)
    contents = ImageContents(kernel, initrd, rootfs, tuple(looking.unread))
    return contents, looking.used


class _Looking:
    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self.unread: list[Unread] = []

    @property
    def used(self) -> Used:
        return self._meter.used

    def at(self, part: Part, ranges: Ranges | None, look: Callable[[Metered], _T]) -> _T | None:
        if ranges is None:
            return None
        try:
            return look(Metered(ranges, self._meter))
        except ImageUnreadable as error:
            self.unread.append(Unread(part, f"{error.what} {error.why}".strip()))
            return None


def _facts_of_kernel(ranges: Metered) -> KernelFacts:
    arch, _ = arch_of(ranges.read(0, min(HEAD_BYTES, ranges.size_bytes)))
    try:
        return KernelFacts(arch, release_of(ranges))
    except ImageUnreadable:
        return KernelFacts(arch)
