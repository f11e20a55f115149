# SPDX-License-Identifier: Apache-2.0
"""What a bundle holds, however it was found: with an index, in manta's layout, or file by file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from poya.documents import Document
from poya.errors import BundleDamaged
from poya.model.image import BOOT_PARAMETERS, INITRD, KERNEL, ROOTFS, Artifact
from poya.model.records import Configuration, Group, Node, SessionTemplate
from poya.model.vcluster import Gap, Hardware
from poya.sites.bundle.index import FileEntry
from poya.transfer import Source

# What manta calls the files of an image, whatever they were called at their site.
FIXED_NAMES: Mapping[str, str] = {
    "kernel": KERNEL,
    "initrd": INITRD,
    "rootfs": ROOTFS,
    "boot_parameters": BOOT_PARAMETERS,
}
FIXED_NAME_OF: Mapping[str, str] = {media_type: name for name, media_type in FIXED_NAMES.items()}


@dataclass(frozen=True, slots=True)
class Flaw:
    """A record's file that is not what the index says; it concerns those who need the record.

    Attributes:
        owner: Kind (or `image`) and name (or manifest's path) of what the file holds.
        file: Its path in the bundle.
        reason: Why it cannot be used, or how it was altered.
    """

    owner: tuple[str, str]
    file: str
    reason: BundleDamaged | Gap


@dataclass(frozen=True, slots=True)
class Away:
    """Bytes of a bundle that are in no file of their own: in a tar, or in an object store.

    Attributes:
        size_bytes: As the place tells; None if it can only be read from its start.
        source: Where ranges of them are read; None likewise.
    """

    size_bytes: int | None
    source: Source | None


@dataclass(frozen=True, slots=True)
class StoredArtifact:
    """Where an artifact's file is, and what the index says of it (nothing without an index).

    Attributes:
        path: Its file; for one that is away only what people call it.
        away: Set if it is no file here.
    """

    path: Path
    entry: FileEntry | None = None
    away: Away | None = None


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
        if not name.strip(".") or "\0" in name:
            return None
        own = self.directory / name
        fixed = self.directory / FIXED_NAME_OF.get(artifact.type, name)
        return StoredArtifact(own if os.path.lexists(own) else fixed)


@dataclass(frozen=True, slots=True)
class Contents:
    """All that a bundle holds.

    Attributes:
        label: The bundle's directory, or its first file.
        release: As the VCluster's.
        vcluster: Its name; empty where the bundle does not say.
        gaps: What was seen to be wrong while its records were read.
        flaws: Files that were altered or cannot be understood, in an indexed bundle.
    """

    label: str
    release: str
    vcluster: str
    templates: tuple[SessionTemplate, ...]
    configurations: tuple[Configuration, ...] = ()
    groups: tuple[Group, ...] = ()
    images: tuple[StoredImage, ...] = ()
    nodes: Mapping[str, Node] = field(default_factory=dict)
    hardware: Hardware | None = None
    gaps: tuple[Gap, ...] = ()
    flaws: tuple[Flaw, ...] = ()
    is_indexed: bool = False
