# SPDX-License-Identifier: Apache-2.0
"""Look into the images of a captured vCluster, through the same ports that would move them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Protocol

from poya import transfer
from poya.concurrency import together
from poya.errors import UsageError
from poya.inspection import ImageFiles, Limits, Ranges, Used, look_into
from poya.model.image import INITRD, KERNEL, ROOTFS, Artifact, Image
from poya.model.image_contents import ImageContents, Part, Unread
from poya.model.vcluster import VCluster
from poya.sites.base import Source

LIMITS = Limits()
# With windows of xz and zstd this bounds the memory.
_AT_ONCE = 2
_TYPES: dict[Part, str] = {"kernel": KERNEL, "initrd": INITRD, "rootfs": ROOTFS}


class Files(Protocol):
    """Where files of images are read from; every `Source` is one."""

    async def readable(self, path: str) -> transfer.Source:
        """Open the object that a path names. Raises `UsageError` if there are no files here."""
        ...


async def look_inside(source: Source, vcluster: VCluster, limits: Limits = LIMITS) -> VCluster:
    """The vCluster with the contents of its images; those that are known already stay.

    An initrd, and an arm64 kernel, is read whole, of a root file system a few MiB. What cannot be
    understood becomes part of the contents; a site out of reach is an error.
    """
    turns = asyncio.Semaphore(_AT_ONCE)

    async def looked_into(image: Image) -> Image:
        if image.contents is not None:
            return image
        async with turns:
            contents, _ = await contents_of(source, image, limits)
            return replace(image, contents=contents)

    return replace(vcluster, images=tuple(await together(map(looked_into, vcluster.images))))


async def contents_of(
    source: Files, image: Image, limits: Limits = LIMITS
) -> tuple[ImageContents, Used]:
    """What is inside one image, and what it took to see it."""
    opened: dict[Part, transfer.Source] = {}
    unread: list[Unread] = []
    for part, artifact in _artifacts(image):
        try:
            opened[part] = await source.readable(str(artifact.path))
        except UsageError as error:  # a survey has no files, a bundle may lack one
            unread.append(Unread(part, error.what))
    contents, used = await _in_thread(opened, limits)
    return replace(contents, unread=(*unread, *contents.unread)), used


def _artifacts(image: Image) -> Iterator[tuple[Part, Artifact]]:
    """The files that are there and can be looked into; what is missing is told of elsewhere."""
    for part, media_type in _TYPES.items():
        found = image.manifest.of_type(media_type) if image.manifest else ()
        if found and found[0].size_bytes:
            yield part, found[0]


async def _in_thread(
    opened: dict[Part, transfer.Source], limits: Limits
) -> tuple[ImageContents, Used]:
    cancel = transfer.Cancel()
    work = asyncio.ensure_future(asyncio.to_thread(_look, opened, limits, cancel))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        cancel.set()
        await asyncio.gather(work, return_exceptions=True)
        raise


def _look(
    opened: dict[Part, transfer.Source], limits: Limits, cancel: transfer.Cancel
) -> tuple[ImageContents, Used]:
    guard = transfer.Guard(cancel)
    with ExitStack() as stack:
        files: dict[Part, Ranges] = {}
        for part, source in opened.items():
            reader = source.open(guard)
            stack.callback(reader.close)
            files[part] = _Reading(reader, guard)
        return look_into(ImageFiles(**files), limits, time.monotonic)


class _Reading:
    """An open source of the transfer engine as ranges to look at."""

    def __init__(self, reader: transfer.Reader, guard: transfer.Guard) -> None:
        self._reader, self._guard = reader, guard
        self.size_bytes = reader.size_bytes

    def read(self, offset: int, length: int) -> bytes:
        """Exactly these bytes; raises what the reader does."""
        buffer = bytearray(length)
        self._reader.read_into(offset, memoryview(buffer), self._guard)
        return bytes(buffer)
