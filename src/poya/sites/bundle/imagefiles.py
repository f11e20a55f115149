# SPDX-License-Identifier: Apache-2.0
"""Images in a bundle that is being written: directory, artifacts, manifest, record."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import msgspec

from poya.documents import Document, pretty
from poya.errors import BadAnswer, BundleDamaged, PoyaError, UsageError
from poya.model.image import Artifact, Image, Manifest
from poya.sites.base import Published
from poya.sites.bundle.contents import StoredImage
from poya.sites.bundle.digests import Wanted, hash_files
from poya.sites.bundle.generations import image_of
from poya.sites.bundle.images import read_image_record
from poya.sites.bundle.index import ArtifactEntry, FileEntry, ImageEntry
from poya.sites.bundle.ledger import Ledger
from poya.sites.bundle.reading import (
    is_real_directory,
    not_understood,
    parse_json,
    read_bounded,
    regular_size,
)
from poya.sites.bundle.writing import make_directory, remove_directory, remove_file
from poya.transfer import Cancel, Result, sync_write
from poya.transfer.etags import md5


class ImageFiles:
    """Writes, reads and removes the images of one bundle."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def entry(self, image_id: str) -> ImageEntry:
        """The image's place in the index."""
        self._ledger.require()
        entry = self._ledger.index.image(image_id)
        if entry is None:
            raise PoyaError(
                f"IMS image {image_id} is not among those that "
                f"{self._ledger.directory} was laid out for."
            )
        return entry

    def artifact(self, image_id: str, name: str) -> ArtifactEntry:
        """The place of an artifact, by the name that the plan gives it."""
        for artifact in self.entry(image_id).artifacts:
            if artifact.name == name:
                return artifact
        raise PoyaError(f"IMS image {image_id} was laid out without an artifact {name}.")

    def artifact_file(self, image_id: str, name: str) -> Path:
        """The artifact's file."""
        return self._ledger.path(self.artifact(image_id, name).file)

    def is_begun(self, image_id: str) -> bool:
        """Say whether the image's directory is there."""
        entry = self._ledger.index.image(image_id)
        return entry is not None and is_real_directory(self._directory(entry))

    def create(self, image_id: str) -> None:
        """Make the image's directory; the index comes before it, so that it is known as ours."""
        directory = self._directory(self.entry(image_id))
        self._ledger.begin()
        make_directory(directory)
        if not is_real_directory(directory):
            raise UsageError(f"{directory} is a symbolic link; poya writes through none.")

    def note(self, image_id: str, name: str, result: Result) -> None:
        """Put the digests of a finished file into the index."""
        if result.sha256 is None or result.md5 is None:
            return  # Hashed when the manifest is published.
        entry = FileEntry(
            role="artifact",
            size_bytes=result.size_bytes,
            sha256=result.sha256,
            md5=result.md5,
            etag=result.etag or None,
            part_size_bytes=result.part_size_bytes,
        )
        self._ledger.note(self.artifact(image_id, name).file, entry)

    def publish(self, image_id: str, body: bytes) -> Published:
        """Write the manifest; artifacts that are not in the index yet are hashed before."""
        entry = self.entry(image_id)
        for artifact in entry.artifacts:
            if self._ledger.index.files[artifact.file].sha256 is None:
                self._hash(artifact)
        etag = self._ledger.index.files[entry.manifest].etag or md5(body)
        self._put(entry.manifest, body, etag)
        return Published(entry.manifest_path, etag)

    def link(self, image_id: str, record: Document) -> None:
        """Write the source's record, as a list of one."""
        self._put(self.entry(image_id).record, pretty([record.value]), None)

    def read(self, image_id: str) -> Image | None:
        """The image; None unless record and manifest are there.

        Its artifacts have sizes and etags where their files are complete.
        """
        entry = self._ledger.index.image(image_id)
        if entry is None:
            return None
        record_path, manifest_path = map(self._ledger.path, (entry.record, entry.manifest))
        if not (record_path.is_file() and manifest_path.is_file()):
            return None
        record = image_of(parse_json(read_bounded(record_path), record_path))
        if record is None:
            raise BundleDamaged(f"{record_path} is not the record of one IMS image.")
        stored = StoredImage(
            id=entry.id,
            name=str(record.value["name"]),
            record=record,
            manifest_path=entry.manifest_path,
            directory=manifest_path.parent,
            manifest=manifest_path,
            manifest_etag=self._ledger.index.files[entry.manifest].etag or "",
        )
        return read_image_record(stored, self._manifest(entry, manifest_path))

    def faults(self, image_id: str) -> list[str]:
        """What is wrong with its files, by their sizes; digests were compared on writing."""
        files = {name: self._ledger.index.files[name] for name in self.entry(image_id).files()}
        found = [self._fault(name, entry) for name, entry in files.items()]
        return [fault for fault in found if fault]

    def delete(self, image_id: str) -> None:
        """Remove its files, and what interrupted transfers left of them."""
        entry = self._ledger.index.image(image_id)
        if entry is None:
            return
        for name in entry.files():
            remove_file(self._ledger.path(name))
        remove_directory(self._directory(entry))
        self._ledger.drop_image(image_id)

    def _directory(self, entry: ImageEntry) -> Path:
        return self._ledger.path(entry.manifest).parent

    def _put(self, file: str, content: bytes, etag: str | None) -> None:
        role = self._ledger.index.files[file].role
        digest = hashlib.sha256(content).hexdigest()
        self._ledger.note(file, FileEntry(role, len(content), digest, md5(content), etag))
        sync_write(self._ledger.path(file), content)

    def _hash(self, artifact: ArtifactEntry) -> None:
        """Read a file back whose digests were lost with the process that wrote it."""
        path = self._ledger.path(artifact.file)
        held = self._ledger.index.files[artifact.file]
        found = hash_files([Wanted(path, held.etag or "", sha256=True)], Cancel())[path]
        for has, wanted in ((found.size_bytes, held.size_bytes), (found.md5, held.md5)):
            if wanted is not None and has != wanted:
                raise BundleDamaged(
                    f"{path} is not what the manifest says.",
                    why=f"{has}, expected {wanted}.",
                    todo="Undo the run, and make the backup anew.",
                )
        entry = msgspec.structs.replace(
            held,
            size_bytes=found.size_bytes,
            sha256=found.sha256,
            md5=found.md5,
            part_size_bytes=found.part_size_bytes,
        )
        self._ledger.note(artifact.file, entry)

    def _manifest(self, entry: ImageEntry, path: Path) -> Manifest:
        try:
            manifest = Manifest.of(read_bounded(path))
        except BadAnswer as error:
            raise not_understood(path, error) from error
        files = {artifact.path: artifact.file for artifact in entry.artifacts}
        artifacts = tuple(self._stored(a, files.get(str(a.path))) for a in manifest.artifacts)
        return replace(manifest, artifacts=artifacts)

    def _stored(self, artifact: Artifact, file: str | None) -> Artifact:
        entry = self._ledger.index.files.get(file or "")
        if file is None or entry is None or self._fault(file, entry):
            return artifact
        return replace(artifact, size_bytes=entry.size_bytes, stored_etag=entry.etag or "")

    def _fault(self, name: str, entry: FileEntry) -> str:
        if entry.sha256 is None:
            return f"{name} is not complete"
        try:
            size_bytes = regular_size(self._ledger.path(name))
        except BundleDamaged as error:
            return f"{error.what} {error.why}".strip()
        if size_bytes != entry.size_bytes:
            return f"{name} has {size_bytes} bytes, expected {entry.size_bytes}"
        return ""
