# SPDX-License-Identifier: Apache-2.0
"""From an image's files to an image: its manifest, what each file is, its architecture."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from poya.documents import Json, encode
from poya.errors import BadAnswer, BundleDamaged
from poya.model.image import INITRD, KERNEL, ROOTFS, Artifact, Image, Manifest
from poya.model.names import S3Path
from poya.model.vcluster import Gap
from poya.sites.bundle.contents import FIXED_NAMES, StoredArtifact, StoredImage
from poya.sites.bundle.digests import Digests, Wanted
from poya.sites.bundle.index import FileEntry
from poya.sites.bundle.kernels import kernel_arch
from poya.sites.bundle.reading import is_real_directory, read_bounded, regular_size
from poya.transfer.etags import clean_etag

_FETCHED = (KERNEL, INITRD, ROOTFS)


@dataclass(frozen=True, slots=True)
class Draft:
    """An image before its files are hashed.

    Attributes:
        manifest: None where it cannot be read.
        is_made: The manifest is ours, from the files that are there; it still lacks their md5.
        files: The artifacts' files that can be read, by the artifact's place in the manifest.
    """

    stored: StoredImage
    manifest: Manifest | None
    is_made: bool
    files: Mapping[int, StoredArtifact]
    gaps: tuple[Gap, ...]

    def wanted(self) -> Iterable[Wanted]:
        """What must be hashed."""
        artifacts = self.manifest.artifacts if self.manifest else ()
        for number, file in self.files.items():
            etag = "" if file.entry else clean_etag(artifacts[number].etag)
            yield Wanted(file.path, etag, sha256=file.entry is not None)


def image_subject(stored: StoredImage) -> str:
    """How findings call an image."""
    return f"IMS image {stored.name} ({stored.id})"


def draft_image(stored: StoredImage) -> Draft:
    """Read the manifest, or make one, and look which files are there."""
    manifest, gap = _manifest(stored)
    if manifest is None:
        return Draft(stored, None, is_made=False, files={}, gaps=(gap,) if gap else ())
    stored, manifest, left_out = _without_unfetched(stored, manifest)
    files: dict[int, StoredArtifact] = {}
    gaps: list[Gap] = list(left_out)
    gaps.extend(_unlisted(stored, manifest))
    for number, artifact in enumerate(manifest.artifacts):
        file = stored.artifact(artifact)
        try:
            file = _present(file, artifact)
            difference = _other_size(file)
            if difference:
                gaps.append(Gap("artifact-altered", str(file.path), difference))
            else:
                files[number] = file
        except BundleDamaged as error:
            evidence = f"{error.what} {error.why}".strip()
            gaps.append(Gap("artifact-gone", image_subject(stored), evidence))
    return Draft(stored, manifest, stored.manifest is None, files, tuple(gaps))


def _other_size(file: StoredArtifact) -> str:
    """How a file's length differs from the index: then its bytes need not be read."""
    expected = file.entry.size_bytes if file.entry else None
    size_bytes = file.away.size_bytes if file.away else regular_size(file.path)
    if None in (expected, size_bytes) or size_bytes == expected:
        return ""
    return f"bytes {size_bytes}, expected {expected}"


def _unlisted(stored: StoredImage, manifest: Manifest) -> Iterable[Gap]:
    """Artifacts of the index that the manifest does not name: one of the two was altered."""
    named = {str(artifact.path) for artifact in manifest.artifacts}
    for path in stored.indexed or ():
        if path not in named:
            evidence = f"the index has the artifact {path[:200]}, the manifest does not"
            yield Gap("artifact-altered", image_subject(stored), evidence)


def _without_unfetched(
    stored: StoredImage, manifest: Manifest
) -> tuple[StoredImage, Manifest, list[Gap]]:
    """Take out of a manifest what manta never fetches; kernel, initrd and rootfs must be there.

    The manifest is another one then, and has another etag.
    """
    if stored.indexed is not None:
        return stored, manifest, []
    value = manifest.document.editable()
    kept: list[Json] = []
    gaps: list[Gap] = []
    entries = value["artifacts"] if isinstance(value["artifacts"], list) else []
    for entry, artifact in zip(entries, manifest.artifacts, strict=True):
        file = stored.artifact(artifact)
        if file is None or artifact.type in _FETCHED or os.path.lexists(file.path):
            kept.append(entry)
        else:
            evidence = f"{artifact.path} ({artifact.type})"
            gaps.append(Gap("artifact-not-in-bundle", image_subject(stored), evidence))
    if not gaps:
        return stored, manifest, []
    changed = Manifest.of(encode({**value, "artifacts": kept}))
    return replace(stored, manifest_etag=""), changed, gaps


def finish_image(draft: Draft, digests: Mapping[Path, Digests]) -> tuple[Image, tuple[Gap, ...]]:
    """Put together what the record, the manifest and the files say, and where they disagree."""
    gaps = list(draft.gaps)
    manifest = draft.manifest
    if manifest is not None:
        found = {number: digests[file.path] for number, file in draft.files.items()}
        if draft.is_made:
            manifest = _with_md5s(manifest, found)
        for number, file in draft.files.items():
            stated = manifest.artifacts[number].md5
            gaps.extend(_differences(file, stated, found[number]))
        manifest = _with_sizes(manifest, draft.files, found)
    image = read_image_record(draft.stored, manifest)
    arch_gaps: tuple[Gap, ...] = ()
    if not image.arch:
        image, arch_gaps = _with_arch(image, draft)
    return image, (*gaps, *arch_gaps)


def read_image_record(stored: StoredImage, manifest: Manifest | None) -> Image:
    """The image as its record describes it."""
    arch = stored.record.value.get("arch")
    metadata = stored.record.value.get("metadata")
    return Image(
        id=stored.id,
        name=stored.name,
        arch=arch if isinstance(arch, str) else "",
        document=stored.record,
        metadata={k: str(v) for k, v in metadata.items()} if isinstance(metadata, dict) else {},
        manifest=manifest,
        manifest_path=stored.manifest_path,
        manifest_etag=stored.manifest_etag,
    )


def _manifest(stored: StoredImage) -> tuple[Manifest | None, Gap | None]:
    if stored.manifest is None:
        return _made_manifest(stored), None
    try:
        return Manifest.of(read_bounded(stored.manifest)), None
    except BadAnswer as error:
        evidence = f"{stored.manifest}: {error.what} {error.why}".strip()
        return None, Gap("manifest-unreadable", image_subject(stored), evidence)


def _made_manifest(stored: StoredImage) -> Manifest:
    """A manifest of the files under their fixed names; manta's restore makes such a one, too."""
    prefix = S3Path.parse(stored.manifest_path) or S3Path("boot-images", f"{stored.id}/-")
    folder = prefix.key.rpartition("/")[0]
    artifacts: list[Json] = [
        {
            "link": {"path": f"s3://{prefix.bucket}/{folder}/{name}", "etag": "", "type": "s3"},
            "md5": "",
            "type": media_type,
        }
        for name, media_type in FIXED_NAMES.items()
        if (stored.directory / name).exists()
    ]
    created = str(stored.record.value.get("created") or "")
    return Manifest.of(encode({"created": created, "version": "1.0", "artifacts": artifacts}))


def _with_md5s(manifest: Manifest, found: Mapping[int, Digests]) -> Manifest:
    """A manifest of ours with md5s; an object that is sent in one piece has its md5 as etag."""
    value = manifest.document.editable()
    artifacts = value["artifacts"]
    for number, artifact in enumerate(artifacts if isinstance(artifacts, list) else ()):
        if number in found and isinstance(artifact, dict) and isinstance(artifact["link"], dict):
            artifact["md5"] = found[number].md5
            artifact["link"]["etag"] = found[number].md5
    return Manifest.of(encode(value))


def _with_sizes(
    manifest: Manifest, files: Mapping[int, StoredArtifact], found: Mapping[int, Digests]
) -> Manifest:
    artifacts = tuple(
        replace(
            artifact,
            size_bytes=found[number].size_bytes,
            stored_etag=_etag(artifact, files[number], found[number]),
        )
        if number in found
        else artifact
        for number, artifact in enumerate(manifest.artifacts)
    )
    return replace(manifest, artifacts=artifacts)


def _etag(artifact: Artifact, file: StoredArtifact, digests: Digests) -> str:
    """The etag that the file's bytes are known to have, as one object or in equal parts."""
    if file.entry is not None:
        return known_etag(file.entry)
    etag = clean_etag(artifact.etag)
    return etag if digests.proves(etag) else ""


def known_etag(entry: FileEntry) -> str:
    """The etag of an index's entry, if the entry says how the bytes come to have it."""
    is_proved = entry.part_size_bytes is not None or entry.etag == entry.md5
    return entry.etag or "" if is_proved else ""


def _differences(file: StoredArtifact, stated_md5: str, found: Digests) -> Iterable[Gap]:
    """One gap for a file that is not what manifest and index say, with the first that differs."""
    entry = file.entry or FileEntry("artifact")
    pairs = (
        ("bytes", found.size_bytes, entry.size_bytes),
        ("md5", found.md5, stated_md5.lower() or None),
        ("md5", found.md5, entry.md5),
        ("sha256", found.sha256, entry.sha256),
    )
    for what, has, expected in pairs:
        if expected is not None and has != expected:
            yield Gap("artifact-altered", str(file.path), f"{what} {has}, expected {expected}")
            return


def _present(file: StoredArtifact | None, artifact: Artifact) -> StoredArtifact:
    if file is None:
        raise BundleDamaged(f"The bundle has no file for {artifact.path}.")
    if file.away:
        return file
    if not is_real_directory(file.path.parent):
        raise BundleDamaged(f"{file.path.parent} is not a directory, or a link to one.")
    regular_size(file.path)
    return file


def _with_arch(image: Image, draft: Draft) -> tuple[Image, tuple[Gap, ...]]:
    """Read the architecture from the kernel where the record does not say it."""
    artifacts = draft.manifest.artifacts if draft.manifest else ()
    for number, file in draft.files.items():
        if artifacts[number].type.startswith(KERNEL):
            arch, evidence = kernel_arch(file)
            if arch:
                gap = Gap("arch-inferred", image_subject(draft.stored), f"{arch}: {evidence}")
                return replace(image, arch=arch), (gap,)
    evidence = "neither its record nor the first bytes of its kernel"
    return image, (Gap("arch-unknown", image_subject(draft.stored), evidence),)
