# SPDX-License-Identifier: Apache-2.0
"""Boot images: the IMS record, its manifest, and the artifacts that the manifest names."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from poya.documents import Document, Json, JsonObject
from poya.errors import BadAnswer
from poya.model.image_contents import ImageContents
from poya.model.names import S3Path

ROOTFS = "application/vnd.cray.image.rootfs.squashfs"
KERNEL = "application/vnd.cray.image.kernel"
INITRD = "application/vnd.cray.image.initrd"
BOOT_PARAMETERS = "application/vnd.cray.image.parameters.boot"

SUPPORTED_MANIFEST_VERSION = "1.0"

# IMS says x86_64 and aarch64, BOS and HSM say X86 and ARM.
IMS_ARCH_OF_BOS: Mapping[str, str] = {"X86": "x86_64", "ARM": "aarch64"}
BOS_ARCH_OF_IMS: Mapping[str, str] = {ims: bos for bos, ims in IMS_ARCH_OF_BOS.items()}


@dataclass(frozen=True, slots=True)
class Artifact:
    """One file of an image, as its manifest names it and as the store holds it.

    Attributes:
        type: The manifest's media type.
        path: Where the bytes are; for a bundle the place that they had at their site.
        etag: The manifest's etag; may be empty.
        md5: Hex digest of the whole file; empty where the manifest does not say.
        size_bytes: The stored object's length; None where the object is gone.
        stored_etag: The stored object's etag; empty where it is gone or unknown.
    """

    type: str
    path: S3Path
    etag: str
    md5: str
    size_bytes: int | None = None
    stored_etag: str = ""

    @property
    def label(self) -> str:
        """What people call it: the object's own file name."""
        return self.path.name


@dataclass(frozen=True, slots=True)
class Manifest:
    """An image's manifest: the exact bytes, and the artifacts in their order."""

    raw: bytes
    document: Document
    artifacts: tuple[Artifact, ...]

    @classmethod
    def of(cls, raw: bytes) -> Manifest:
        """Parse a manifest.

        Raises:
            BadAnswer: Not JSON, no list of artifacts, or an artifact without an S3 path.
        """
        document = Document(raw)
        entries = document.value.get("artifacts")
        if not isinstance(entries, list):
            raise BadAnswer("The manifest has no list of artifacts.")
        return cls(raw=raw, document=document, artifacts=tuple(_artifact(e) for e in entries))

    @property
    def version(self) -> str:
        """The manifest's format version; IMS takes `1.0` only, and only as text."""
        version = self.document.value.get("version", "")
        return version if isinstance(version, str) else f"{version!r}, not a text"

    def of_type(self, media_type: str) -> tuple[Artifact, ...]:
        """The artifacts of one media type (a prefix of it, as IMS compares)."""
        return tuple(a for a in self.artifacts if a.type.startswith(media_type))


@dataclass(frozen=True, slots=True)
class Image:
    """An IMS image with its manifest.

    Attributes:
        arch: `x86_64`, `aarch64`, or empty where the source's release does not record it.
        manifest: None where the record has no link or the manifest cannot be read.
        manifest_etag: The stored manifest's etag; empty where unknown.
        contents: What was seen inside; None where nobody looked.
    """

    id: str
    name: str
    arch: str
    document: Document
    metadata: Mapping[str, str] = field(default_factory=dict)
    manifest: Manifest | None = None
    manifest_path: str = ""
    manifest_etag: str = ""
    contents: ImageContents | None = None

    @property
    def size_bytes(self) -> int:
        """What its artifacts take, as far as known."""
        artifacts = self.manifest.artifacts if self.manifest else ()
        return sum(artifact.size_bytes or 0 for artifact in artifacts)

    def content_digest(self) -> str:
        """Digest of what the image contains, the same at every site; empty if unknown.

        Made from each artifact's type and md5: ids, file names, paths and etags do not count.
        """
        if self.manifest is None or not all(a.md5 for a in self.manifest.artifacts):
            return ""
        lines = sorted(f"{a.type} {a.md5.lower()}" for a in self.manifest.artifacts)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _artifact(entry: Json) -> Artifact:
    if not isinstance(entry, dict):
        raise BadAnswer("An artifact of the manifest is not an object.")
    link = entry.get("link")
    if not isinstance(link, dict):
        raise BadAnswer("An artifact of the manifest has no link.")
    path = S3Path.parse(_text(link, "path"))
    if path is None:
        raise BadAnswer("An artifact of the manifest has no S3 path.", why=f"{link.get('path')!r}")
    return Artifact(
        type=_text(entry, "type"), path=path, etag=_text(link, "etag"), md5=_text(entry, "md5")
    )


def _text(value: JsonObject, key: str) -> str:
    found = value.get(key)
    return found if isinstance(found, str) else ""
