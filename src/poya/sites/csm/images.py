# SPDX-License-Identifier: Apache-2.0
"""Read images whole: the IMS record, its manifest in S3, and what S3 holds of each artifact."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from poya.concurrency import together
from poya.csm import Image as ImageRecord
from poya.errors import BadAnswer, PoyaError
from poya.model.image import Artifact, Image, Manifest
from poya.model.names import S3Path
from poya.model.vcluster import Gap
from poya.sites.csm.objects import Objects

# IMS itself refuses manifests of a MiB and more.
MOST_MANIFEST_BYTES = 1024 * 1024


class ImageReader:
    """Reads images of one site; what is missing becomes gaps."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    async def read(self, record: ImageRecord) -> tuple[Image, tuple[Gap, ...]]:
        """Read one image from its record; an image with gaps has no manifest, or lacks sizes."""
        path = record.link.path if record.link else ""
        image = Image(
            id=record.id,
            name=record.name,
            arch=record.arch or "",
            document=record.document,
            metadata=_texts(record.metadata or {}),
            manifest_path=path,
        )
        subject = f"IMS image {record.name} ({record.id})"
        location = S3Path.parse(path)
        if location is None:
            return image, (Gap("image-unlinked", subject, path),)
        stat = await self._objects.head(location)
        if stat is None:
            return image, (Gap("manifest-gone", subject, f"{path}: no such object"),)
        try:
            raw = await self._objects.read_small(location, MOST_MANIFEST_BYTES)
            manifest = Manifest.of(raw)
        except BadAnswer as error:
            return image, (Gap("manifest-unreadable", subject, f"{path}: {_words(error)}"),)
        artifacts = await together(self._artifact(a) for a in manifest.artifacts)
        gaps = tuple(
            Gap("artifact-gone", subject, f"{a.path}: no such object")
            for a in artifacts
            if a.size_bytes is None
        )
        whole = replace(manifest, artifacts=tuple(artifacts))
        return replace(image, manifest=whole, manifest_etag=stat.etag), gaps

    async def _artifact(self, artifact: Artifact) -> Artifact:
        stat = await self._objects.head(artifact.path)
        if stat is None:
            return artifact
        return replace(artifact, size_bytes=stat.size_bytes, stored_etag=stat.etag)


def _words(error: PoyaError) -> str:
    return f"{error.what} {error.why}".strip()


def _texts(metadata: Mapping[str, object]) -> dict[str, str]:
    return {str(key): str(value) for key, value in metadata.items()}
