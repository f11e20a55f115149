# SPDX-License-Identifier: Apache-2.0
"""What a bundle holds, however it was found: with an index, in manta's layout, or file by file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from poya.documents import Document
from poya.model.image import Artifact
from poya.model.records import Configuration, Group, Node, SessionTemplate
from poya.model.vcluster import Gap
from poya.sites.bundle.index import FileEntry


@dataclass(frozen=True, slots=True)
class StoredArtifact:
    """Where an artifact's file is, and what the index says of it (nothing without an index)."""

    path: Path
    entry: FileEntry | None = None


@dataclass(frozen=True, slots=True)
class StoredImage:
    """An image's record and the place of its files.

    Attributes:
        manifest_path: `s3://…`, as the boot sets name it.
        directory: Where its files are.
        manifest: The manifest's file; None where the bundle has none.
        manifest_etag: What its store called it; empty where unknown.
        indexed: By the artifact's `s3://` path; None without an index, where the artifacts are
            in `directory` under their own names.
    """

    id: str
    name: str
    record: Document
    manifest_path: str
    directory: Path
    manifest: Path | None
    manifest_etag: str = ""
    indexed: Mapping[str, StoredArtifact] | None = None

    def artifact(self, artifact: Artifact) -> StoredArtifact | None:
        """Where an artifact of the manifest is; None if nowhere that may be looked at."""
        if self.indexed is not None:
            return self.indexed.get(str(artifact.path))
        name = artifact.label
        is_plain = name.strip(".") and "\0" not in name
        return StoredArtifact(self.directory / name) if is_plain else None


@dataclass(frozen=True, slots=True)
class Contents:
    """All that a bundle holds.

    Attributes:
        label: The bundle's directory, or its first file.
        release: As the VCluster's.
        vcluster: Its name; empty where the bundle does not say.
        gaps: What was seen to be wrong while its records were read, by file's or record's name.
    """

    label: str
    release: str
    vcluster: str
    templates: tuple[SessionTemplate, ...]
    configurations: tuple[Configuration, ...] = ()
    groups: tuple[Group, ...] = ()
    images: tuple[StoredImage, ...] = ()
    nodes: Mapping[str, Node] = field(default_factory=dict)
    gaps: tuple[Gap, ...] = ()
