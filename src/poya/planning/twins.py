# SPDX-License-Identifier: Apache-2.0
"""Which artifacts the target holds already, in other images: they need not be sent again.

A rebuilt image often keeps its kernel and initrd; a renamed one keeps everything.
"""

from __future__ import annotations

from collections.abc import Iterator

from poya.model.image import Artifact
from poya.model.inventory import Inventory
from poya.model.plan import ArtifactTwin

# Smaller files are sent in one piece.
_LEAST_ANCESTOR_BYTES = 16 * 1024 * 1024
_MOST_ANCESTORS = 4


class Twins:
    """The artifacts of the images that a survey read at the target, by content."""

    def __init__(self, inventory: Inventory) -> None:
        self._by_md5: dict[tuple[str, int], list[Artifact]] = {}
        self._by_etag: dict[tuple[str, int], list[Artifact]] = {}
        self._named: list[tuple[str, Artifact]] = []
        for name, artifact in _held(inventory):
            self._named.append((name, artifact))
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
            # The new manifest needs a md5: of two records one must have it, and both must agree.
            md5s = {md5.lower() for md5 in (wanted.md5, artifact.md5) if md5}
            if len(md5s) == 1:
                return _twin(artifact)
        return None

    def ancestors_of(self, wanted: Artifact, image_name: str) -> tuple[ArtifactTwin, ...]:
        """What may be older versions: of the same type, of images of that name first."""
        if self.of(wanted) is not None or (wanted.size_bytes or 0) < _LEAST_ANCESTOR_BYTES:
            return ()
        alike = [
            (name != image_name, str(artifact.path), artifact)
            for name, artifact in self._named
            if artifact.type == wanted.type
            and artifact.md5
            and (artifact.size_bytes or 0) >= _LEAST_ANCESTOR_BYTES
        ]
        alike.sort(key=lambda entry: entry[:2])
        return tuple(_twin(artifact) for _, _, artifact in alike[:_MOST_ANCESTORS])


def _twin(artifact: Artifact) -> ArtifactTwin:
    return ArtifactTwin(
        path=str(artifact.path),
        etag=artifact.stored_etag,
        md5=artifact.md5.lower(),
        size_bytes=artifact.size_bytes or 0,
    )


def _held(inventory: Inventory) -> Iterator[tuple[str, Artifact]]:
    """Artifacts that are as their manifests say, each with its image's name; always in order."""
    if inventory.capabilities.is_verbatim:
        return  # the paths in a bundle's manifests are those of the site that it came from
    for image in sorted(inventory.images, key=lambda image: image.id):
        for artifact in image.manifest.artifacts if image.manifest else ():
            recorded = artifact.etag.strip('"')
            if artifact.size_bytes and artifact.stored_etag and recorded == artifact.stored_etag:
                yield image.name, artifact
