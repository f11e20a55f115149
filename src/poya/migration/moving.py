# SPDX-License-Identifier: Apache-2.0
"""Bring the artifacts of images to the target, all at once, through the transfer engine."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial

from poya import transfer
from poya.journal import Journal, Upload
from poya.migration.events import Listener, MoveStarted
from poya.model.names import S3Path
from poya.model.plan import ArtifactPlan, ArtifactTwin, ImagePlan
from poya.sites.base import Source, Target

# Smaller files are sent in one piece.
_LEAST_DELTA_BYTES = 16 * 1024 * 1024


class Mover:
    """Moves what is not at the target yet, and records each artifact as it gets there."""

    def __init__(
        self,
        ends: tuple[Source, Target],
        journal: Journal,
        limits: transfer.Limits,
        listener: Listener,
    ) -> None:
        self._source, self._target = ends
        self._journal = journal
        self._limits = limits
        self._tell = listener

    async def move(self, images: Sequence[ImagePlan], target_ids: Mapping[str, str]) -> None:
        """Move the artifacts of these images that the journal does not know to be there.

        Raises:
            PoyaError: What the engine met; artifacts that got there before are recorded.
        """
        jobs: dict[str, transfer.Job] = {}
        for image in images:
            for artifact in image.artifacts:
                step = artifact_step(image, artifact.name)
                if not self._journal.is_done(step):
                    self._journal.intend(step)
                    image_id = target_ids[image.source_id]
                    jobs[step] = await self._job(artifact, step, image_id)
        if jobs:
            self._tell(_started(images, jobs))
            results = await self._copy(list(jobs.values()))
            for image in images:
                for artifact in image.artifacts:
                    result = results.get(artifact_step(image, artifact.name))
                    if result is not None:
                        place = (target_ids[image.source_id], artifact.name)
                        await self._target.note_artifact(place, result)

    async def _job(self, artifact: ArtifactPlan, step: str, image_id: str) -> transfer.Job:
        return transfer.Job(
            name=step,
            source=await self._source.readable(artifact.path),
            target=await self._target.writable(image_id, artifact.name),
            expected=transfer.Expected(
                size_bytes=artifact.size_bytes,
                md5=artifact.md5 or (artifact.twin.md5 if artifact.twin else "") or None,
                etag=artifact.etag or None,
            ),
            # The names that HPE's own tools give an image's objects; IMS reads md5sum.
            metadata={
                "x-shasta-ims-image-id": image_id,
                **({"md5sum": artifact.md5} if artifact.md5 else {}),
            },
            replaces=True,
            sha256=self._target.wants_sha256,
            twin=_twin(artifact.twin) if artifact.twin else None,
            delta=self._delta(artifact),
        )

    def _delta(self, artifact: ArtifactPlan) -> transfer.Delta | None:
        """How the artifact may be made of an older version; None if it is sent in any case."""
        chunks, mode = self._limits.chunks, self._limits.delta
        if chunks is None or mode == "never" or artifact.size_bytes < _LEAST_DELTA_BYTES:
            return None
        found = (
            transfer.Ancestor(twin, index)
            for old in artifact.ancestors
            if (twin := _twin(old)) is not None
            and (index := chunks.find(old.md5, old.size_bytes)) is not None
        )
        if not artifact.md5:
            return transfer.Delta(mode, next(found, None))
        known = chunks.find(artifact.md5, artifact.size_bytes)
        keep = partial(chunks.keep, artifact.md5)
        return transfer.Delta(mode, next(found, None), keep, known)

    async def _copy(self, jobs: list[transfer.Job]) -> dict[str, transfer.Result]:
        cancel = transfer.Cancel()
        memory = JournalMemory(self._journal)
        results: dict[str, transfer.Result] = {}

        def on_event(event: transfer.Event) -> None:
            if isinstance(event, transfer.Finished):
                results[event.result.name] = event.result
                self._record(event.result)
            self._tell(event)

        work = asyncio.to_thread(
            transfer.copy, jobs, self._limits, on_event, memory=memory, cancel=cancel
        )
        task = asyncio.ensure_future(work)
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            cancel.set()
            await asyncio.wait([task])
            # Asked, or asyncio complains that nobody did; being stopped is no news here.
            task.exception()
            raise
        return results

    def _record(self, result: transfer.Result) -> None:
        self._journal.done(
            result.name,
            {
                "etag": result.etag,
                "md5": result.md5 or "",
                "size_bytes": result.size_bytes,
                "moved_bytes": result.moved_bytes,
                "proof": str(result.proof),
            },
        )


class JournalMemory:
    """The journal as the engine's record of uploads under way."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def remember(self, where: str, upload: transfer.OpenUpload) -> None:
        """Record an upload."""
        self._journal.remember_upload(where, Upload(upload.upload_id, upload.part_size_bytes))

    def recall(self, where: str) -> Sequence[transfer.OpenUpload]:
        """The recorded uploads of an object, newest first."""
        uploads = self._journal.recall_uploads(where)
        return [transfer.OpenUpload(u.upload_id, u.part_size_bytes) for u in uploads]

    def forget(self, where: str, upload_id: str) -> None:
        """Drop a record."""
        self._journal.forget_upload(where, upload_id)


def _twin(planned: ArtifactTwin) -> transfer.Twin | None:
    path = S3Path.parse(planned.path)
    return (
        transfer.Twin(transfer.ObjectPlace(path.bucket, path.key), planned.etag) if path else None
    )


def artifact_step(image: ImagePlan, name: str) -> str:
    """The id of an artifact's step in the journal."""
    return f"image/{image.source_id}/artifact/{name}"


def _started(images: Sequence[ImagePlan], jobs: Mapping[str, transfer.Job]) -> MoveStarted:
    named = [
        (artifact_step(image, artifact.name), f"{image.name}/{artifact.name}", artifact.size_bytes)
        for image in images
        for artifact in image.artifacts
    ]
    return MoveStarted(tuple(entry for entry in named if entry[0] in jobs))
