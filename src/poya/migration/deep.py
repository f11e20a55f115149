# SPDX-License-Identifier: Apache-2.0
"""Read every byte of a run's images back from the target, and compare the digests."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable

from poya import transfer
from poya.errors import NotFound
from poya.migration.carrying import Run
from poya.migration.moving import artifact_step
from poya.migration.verifying import Mismatch
from poya.model.image import Artifact
from poya.model.plan import ArtifactPlan, ImagePlan
from poya.sites.base import Source

_CHUNK_BYTES = 8 * 1024 * 1024
_AT_ONCE = 4


async def read_all(
    run: Run,
    target: Source,
    stored: dict[str, tuple[Artifact, ...]],
    tell: Callable[[str, int], None],
) -> tuple[int, list[Mismatch]]:
    """Read every artifact of every image of the plan; answers the bytes read and what differs.

    Args:
        target: The run's target, opened for reading.
        stored: The artifacts that the target's manifests name, by the image's source id.
        tell: Told of each artifact that was read, and its bytes.
    """
    slots, guard = asyncio.Semaphore(_AT_ONCE), transfer.Guard()

    async def one(image: ImagePlan, planned: ArtifactPlan, found: Artifact) -> Mismatch | None:
        async with slots:
            mismatch = await _compare(run, (target, guard), (image, planned), found)
        tell(f"{image.name}/{planned.name}", planned.size_bytes)
        return mismatch

    work = [
        one(image, planned, found)
        for image in run.plan.images
        for planned, found in zip(image.artifacts, stored.get(image.source_id, ()), strict=False)
    ]
    try:
        found = await asyncio.gather(*work)
    except BaseException:
        # Threads cannot be cancelled; whoever waits for this waits for them.
        guard.cancel.set()
        raise
    read_bytes = sum(image.size_bytes for image in run.plan.images)
    return read_bytes, [mismatch for mismatch in found if mismatch is not None]


async def _compare(
    run: Run,
    source: tuple[Source, transfer.Guard],
    planned: tuple[ImagePlan, ArtifactPlan],
    found: Artifact,
) -> Mismatch | None:
    (target, guard), (image, artifact) = source, planned
    subject = f"IMS image {image.name}"
    step = run.journal.step(artifact_step(image, artifact.name))
    wanted = str(step.outcome.get("md5", "")) if step is not None else ""
    wanted = wanted or artifact.md5 or found.md5
    if not wanted:
        return Mismatch(subject, f"{artifact.name}: nothing says what its md5 should be")
    try:
        readable = await target.readable(str(found.path))
        md5 = await asyncio.to_thread(_md5_of, readable, guard)
    except NotFound:
        return Mismatch(subject, f"{artifact.name} is not in the object store")
    if md5 == wanted:
        return None
    return Mismatch(subject, f"{artifact.name} was read with the md5 {md5}, planned {wanted}")


def _md5_of(source: transfer.Source, guard: transfer.Guard) -> str:
    reader = source.open(guard)
    digest, buffer = hashlib.md5(usedforsecurity=False), bytearray(_CHUNK_BYTES)
    try:
        for start in range(0, reader.size_bytes, _CHUNK_BYTES):
            count = min(_CHUNK_BYTES, reader.size_bytes - start)
            into = memoryview(buffer)[:count]
            reader.read_into(start, into, guard)
            digest.update(into)
    finally:
        reader.close()
    return digest.hexdigest()
