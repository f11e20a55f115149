# SPDX-License-Identifier: Apache-2.0
"""What a bundle holds, told from its records and its index without reading the image files."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from poya.errors import BundleDamaged, UsageError
from poya.model.image import KERNEL
from poya.model.records import SessionTemplate
from poya.sites.bundle.contents import Contents, StoredArtifact, StoredImage
from poya.sites.bundle.images import draft_image
from poya.sites.bundle.index import Origin
from poya.sites.bundle.indexed import open_index, read_contents
from poya.sites.bundle.kernels import kernel_arch
from poya.sites.bundle.names import INDEX
from poya.sites.bundle.reading import regular_size
from poya.sites.bundle.trust.policy import FREE_POLICY
from poya.sites.bundle.unindexed import read_directory


@dataclass(frozen=True, slots=True)
class ImageOverview:
    """An image: what its record says, and its files with their lengths (None if missing).

    Attributes:
        arch: As the record says; empty where it does not.
        kernel_arch: As the kernel's first bytes say; empty where they do not.
    """

    id: str
    name: str
    arch: str
    kernel_arch: str
    artifacts: tuple[tuple[str, int | None], ...]

    @property
    def size_bytes(self) -> int:
        """What the files that are there take together."""
        return sum(size or 0 for _, size in self.artifacts)


@dataclass(frozen=True, slots=True)
class Overview:
    """A bundle at a glance.

    Attributes:
        origin: None for a bundle without an index.
        unfinished: Files that an interrupted backup still lacks.
        flaws: Records that are missing, altered or not understood, in words.
        signed_by: The key that its signature names, unchecked; empty if it is not signed.
        is_guarded: Whether its index carries a digest of itself, which was compared.
    """

    directory: str
    vcluster: str
    origin: Origin | None
    templates: tuple[SessionTemplate, ...]
    configurations: tuple[tuple[str, int], ...]
    groups: tuple[tuple[str, int], ...]
    images: tuple[ImageOverview, ...]
    unfinished: tuple[str, ...] = ()
    flaws: tuple[str, ...] = ()
    signed_by: str = ""
    is_guarded: bool = False

    @property
    def size_bytes(self) -> int:
        """What all image files take together."""
        return sum(image.size_bytes for image in self.images)


def overview_of(directory: Path) -> Overview:
    """Read a bundle's records, finished or not, poya's or manta's.

    Raises:
        UsageError: It is no directory, or holds no session template.
        BundleDamaged: The index, or a file without an index, cannot be understood.
        BundleUntrusted: Its signature is none.
    """
    if not directory.is_dir():
        raise UsageError(f"There is no directory {directory}.", todo="Name a bundle's directory.")
    if not os.path.lexists(directory / INDEX):
        return overview(directory, read_directory(directory), None)
    opened = open_index(directory, FREE_POLICY)
    index = opened.index
    contents = read_contents(directory, index)
    found = overview(directory, contents, index.origin, index.unfinished())
    return replace(found, signed_by=opened.vouching.key, is_guarded=opened.is_guarded)


def overview(
    directory: Path, contents: Contents, origin: Origin | None, unfinished: tuple[str, ...] = ()
) -> Overview:
    """What the contents of a bundle are, at a glance."""
    return Overview(
        directory=str(directory),
        vcluster=contents.vcluster,
        origin=origin,
        templates=contents.templates,
        configurations=tuple((c.name, len(c.layers)) for c in contents.configurations),
        groups=tuple((group.label, len(group.members)) for group in contents.groups),
        images=tuple(_image(stored) for stored in contents.images),
        unfinished=unfinished,
        flaws=tuple(dict.fromkeys(_words(contents))),
    )


def _image(stored: StoredImage) -> ImageOverview:
    arch = stored.record.value.get("arch")
    manifest = draft_image(stored).manifest
    artifacts = manifest.artifacts if manifest else ()
    held = [(artifact, stored.artifact(artifact)) for artifact in artifacts]
    kernels = [file for a, file in held if file and a.type.startswith(KERNEL)]
    return ImageOverview(
        id=stored.id,
        name=stored.name,
        arch=arch if isinstance(arch, str) else "",
        kernel_arch=_kernel_arch(kernels),
        artifacts=tuple((a.label, _size(file) if file else None) for a, file in held),
    )


def _kernel_arch(kernels: list[StoredArtifact]) -> str:
    try:
        return kernel_arch(kernels[0])[0] if kernels else ""
    except BundleDamaged:
        return ""


def _size(file: StoredArtifact) -> int | None:
    if file.away and file.entry:
        return file.away.size_bytes or file.entry.size_bytes
    try:
        return regular_size(file.path)
    except BundleDamaged:
        return None


def _words(contents: Contents) -> Iterable[str]:
    for flaw in contents.flaws:
        reason = flaw.reason
        is_damage = isinstance(reason, BundleDamaged)
        why = (reason.why or reason.what) if isinstance(reason, BundleDamaged) else reason.evidence
        yield f"{flaw.file}: {why}" if is_damage else f"{flaw.file} was altered: {why}"
