# SPDX-License-Identifier: Apache-2.0
"""Which artifacts the target holds already, in other images: they need not be sent again.

A rebuilt image often keeps its kernel and initrd; a renamed one keeps everything.
"""

from __future__ import annotations

from collections.abc import Iterator

from poya.model.image import Artifact
from poya.model.inventory import Inventory
from poya.model.plan import ArtifactTwin


class Twins:
    """The artifacts of the images that a survey read at the target, by content."""

    def __init__(self, inventory: Inventory) -> None:
        self._by_md5: dict[tuple[str, int], list[Artifact]] = {}
        self._by_etag: dict[tuple[str, int], list[Artifact]] = {}
        for artifact in _held(inventory):
            size_bytes = artifact.size_bytes or 0
            if artifact.md5:
                self._by_md5.setdefault((artifact.md5.lower(), size_bytes), []).append(artifact)
            self._by_etag.setdefault((artifact.stored_etag, size_bytes), []).append(artifact)

    def of(self, wanted: Artifact) -> ArtifactTwin | None:
        """What holds the same bytes: by the store's etag if possible, else by the manifests."""
        size_bytes = wanted.size_bytes or 0
        same = (
            self._by_etag.get((wanted.stored_etag, size_bytes), []) if wanted.stored_etag else []
        )
        alike = self._by_md5.get((wanted.md5.lower(), size_bytes), []) if wanted.md5 else []
        for artifact in (*same, *alike):
            if not (wanted.md5 and artifact.md5) or wanted.md5.lower() == artifact.md5.lower():
                return ArtifactTwin(path=str(artifact.path), etag=artifact.stored_etag)
        return None


def _held(inventory: Inventory) -> Iterator[Artifact]:
    """Artifacts that are there as their manifests say, in an order that is always the same."""
    if inventory.capabilities.is_verbatim:
        return  # the paths in a bundle's manifests are those of the site that it came from
    for image in sorted(inventory.images, key=lambda image: image.id):
        for artifact in image.manifest.artifacts if image.manifest else ():
            recorded = artifact.etag.strip('"')
            if artifact.size_bytes and artifact.stored_etag and recorded == artifact.stored_etag:
                yield artifact
