# SPDX-License-Identifier: Apache-2.0
"""A bundle as a site to write to: what `migrate backup` brings a vCluster to."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from pathlib import Path

import msgspec

from poya import transfer
from poya.documents import Document, pretty
from poya.errors import BundleDamaged, PoyaError, UsageError
from poya.model.image import Artifact, Image, Manifest
from poya.model.inventory import Capabilities, Interest, Inventory
from poya.model.records import EntityRef, SessionTemplate
from poya.model.vcluster import VCluster
from poya.sites.base import NewImage, Published
from poya.sites.bundle.contents import StoredImage
from poya.sites.bundle.digests import Wanted, hash_files
from poya.sites.bundle.generations import image_of
from poya.sites.bundle.images import read_image_record
from poya.sites.bundle.index import ArtifactEntry, FileEntry, ImageEntry
from poya.sites.bundle.ledger import Clock, Ledger, now
from poya.sites.bundle.reading import (
    is_real_directory,
    parse_json,
    read_bounded,
    regular_size,
)
from poya.sites.bundle.records import Records
from poya.sites.bundle.writing import make_directory, remove_directory, remove_file
from poya.transfer.etags import md5
from poya.transfer.files import FileTarget, sync_write
from poya.transfer.guard import Cancel

CAPABILITIES = Capabilities(
    release="bundle",
    is_verbatim=True,
    # The record is kept as it is; there is no second place for an architecture or for metadata.
    has_image_arch=False,
)


class BundleTarget:
    """The target port for a bundle.

    Args:
        directory: Need not exist; must be empty, or hold a backup of the same vCluster.
        vcluster: What the bundle is to hold, which decides its files. None to go on with a bundle
            that is there (verify, undo, resume).
        clock: Tells when the backup began.
    """

    def __init__(
        self, directory: Path, vcluster: VCluster | None = None, clock: Clock = now
    ) -> None:
        self._ledger = Ledger(directory, vcluster, clock)
        self._records = Records(self._ledger)

    @property
    def label(self) -> str:
        """The bundle's directory."""
        return str(self._ledger.directory)

    async def survey(self, interest: Interest) -> Inventory:  # noqa: ARG002 - all of it is small
        """What the directory holds already, of a finished backup or of one that was not.

        Raises:
            UsageError, Conflict: It holds something else.
        """
        return await asyncio.to_thread(self._survey)

    async def read(self, ref: EntityRef) -> Document | None:
        """The entity as its file holds it."""
        return await asyncio.to_thread(self._records.read, ref)

    async def write(self, ref: EntityRef, body: Document, present: Document | None) -> None:  # noqa: ARG002 - files are replaced whatever they held
        """Write the entity's file; a group is put into the file of each template that names it."""
        await asyncio.to_thread(self._records.write, ref, body)

    async def delete(self, ref: EntityRef) -> None:
        """Take the entity out of the bundle."""
        await asyncio.to_thread(self._records.delete, ref)

    async def validate(self, template: str) -> str:
        """Look whether all that the template names is in the bundle, complete."""
        return await asyncio.to_thread(self._validate, template)

    # Images

    async def find_image(self, new: NewImage, known_before: frozenset[str]) -> str | None:  # noqa: ARG002 - ids do not change here
        """Its id, if the bundle has begun to hold it."""
        entry = self._ledger.index.image(new.source_id)
        is_begun = entry is not None and self._directory(entry).is_dir()
        return new.source_id if is_begun else None

    async def unlinked_namesakes(self, name: str) -> frozenset[str]:  # noqa: ARG002 - ids decide
        """None: an image keeps the id that it had at its source."""
        return frozenset()

    async def create_image(self, new: NewImage) -> str:
        """Make the image's directory; the id is the source's. Repeating it is safe."""
        return await asyncio.to_thread(self._create_image, new.source_id)

    def artifact_path(self, image_id: str, name: str) -> str:
        """The place that the artifact has at its site."""
        return self._artifact(image_id, name).path

    async def writable(self, image_id: str, name: str) -> FileTarget:
        """The artifact's file."""
        return FileTarget(self._ledger.path(self._artifact(image_id, name).file))

    @property
    def wants_sha256(self) -> bool:
        """The index keeps it."""
        return True

    async def note_artifact(self, place: tuple[str, str], result: transfer.Result) -> None:
        """Put the digests of a finished file into the index."""
        await asyncio.to_thread(self._note_artifact, place, result)

    async def publish_manifest(self, image_id: str, body: bytes) -> Published:
        """Write the source's manifest; an artifact that is not in the index yet is hashed first.

        Raises:
            BundleDamaged: An artifact's file is not what the manifest says.
        """
        return await asyncio.to_thread(self._publish_manifest, image_id, body)

    async def link_image(self, image_id: str, new: NewImage, published: Published) -> None:  # noqa: ARG002 - the source's record has the link
        """Write the source's record, as a list of one."""
        await asyncio.to_thread(self._link_image, image_id, new)

    async def read_image(self, image_id: str) -> Image | None:
        """The image as its files describe it; None until it is complete."""
        entry = self._ledger.index.image(image_id)
        return await asyncio.to_thread(self._read_image, entry) if entry else None

    async def users_of_image(self, image_id: str) -> tuple[str, ...]:
        """The session templates in the bundle whose boot sets use it."""
        return await asyncio.to_thread(self._users_of_image, image_id)

    async def delete_image(self, image_id: str) -> None:
        """Remove the image's files, and what interrupted transfers left of them."""
        await asyncio.to_thread(self._delete_image, image_id)

    # The same, in a thread

    def _survey(self) -> Inventory:
        index = self._ledger.index
        images = [self._read_image(entry) for entry in index.images]
        return Inventory(
            label=self.label,
            capabilities=replace(CAPABILITIES, release=f"bundle {index.version}"),
            entities=self._records.documents(),
            images=tuple(image for image in images if image is not None),
        )

    def _validate(self, template: str) -> str:
        document = self._records.read(EntityRef("template", template))
        if document is None:
            return f"the bundle has no session template {template}"
        index = self._ledger.index
        paths = {boot_set.path for boot_set in SessionTemplate.of(document).boot_sets}
        faults = [
            fault
            for entry in index.images
            if entry.manifest_path in paths
            for name in entry.files()
            if (fault := self._fault(name, index.files[name]))
        ]
        return "; ".join(faults) or "Valid"

    def _fault(self, name: str, entry: FileEntry) -> str:
        """What is wrong with a file, by its size; digests were compared when it was written."""
        if entry.sha256 is None:
            return f"{name} is not complete"
        try:
            size_bytes = regular_size(self._ledger.path(name))
        except BundleDamaged as error:
            return f"{error.what} {error.why}".strip()
        if size_bytes != entry.size_bytes:
            return f"{name} has {size_bytes} bytes, expected {entry.size_bytes}"
        return ""

    def _entry(self, image_id: str) -> ImageEntry:
        entry = self._ledger.index.image(image_id)
        if entry is None:
            raise PoyaError(f"IMS image {image_id} is not among those that {self.label} is for.")
        return entry

    def _artifact(self, image_id: str, name: str) -> ArtifactEntry:
        for artifact in self._entry(image_id).artifacts:
            if artifact.name == name:
                return artifact
        raise PoyaError(
            f"IMS image {image_id} has no artifact {name} in the plan of {self.label}."
        )

    def _directory(self, entry: ImageEntry) -> Path:
        return self._ledger.path(entry.manifest).parent

    def _create_image(self, image_id: str) -> str:
        directory = self._directory(self._entry(image_id))
        if not self._ledger.path("bundle.json").exists():
            self._ledger.put(self._ledger.index)
        make_directory(directory)
        if not is_real_directory(directory):
            raise UsageError(f"{directory} is a symbolic link; poya writes through none.")
        return image_id

    def _note_artifact(self, place: tuple[str, str], result: transfer.Result) -> None:
        if result.sha256 is None or result.md5 is None:
            return  # Hashed when the manifest is published.
        file = self._artifact(*place).file
        entry = FileEntry(
            role="artifact",
            size_bytes=result.size_bytes,
            sha256=result.sha256,
            md5=result.md5,
            etag=result.etag or None,
            part_size_bytes=result.part_size_bytes,
        )
        self._ledger.note(file, entry)

    def _publish_manifest(self, image_id: str, body: bytes) -> Published:
        entry = self._entry(image_id)
        for artifact in entry.artifacts:
            if self._ledger.index.files[artifact.file].sha256 is None:
                self._hash_artifact(artifact)
        etag = self._ledger.index.files[entry.manifest].etag or md5(body)
        noted = FileEntry(
            role="manifest",
            size_bytes=len(body),
            sha256=hashlib.sha256(body).hexdigest(),
            md5=md5(body),
            etag=etag,
        )
        self._ledger.note(entry.manifest, noted)
        sync_write(self._ledger.path(entry.manifest), body)
        return Published(entry.manifest_path, etag)

    def _hash_artifact(self, artifact: ArtifactEntry) -> None:
        """Read a file back whose digests were lost with the process that wrote it."""
        path = self._ledger.path(artifact.file)
        held = self._ledger.index.files[artifact.file]
        found = hash_files([Wanted(path, held.etag or "", sha256=True)], Cancel())[path]
        for has, wanted in ((found.size_bytes, held.size_bytes), (found.md5, held.md5)):
            if wanted is not None and has != wanted:
                raise BundleDamaged(
                    f"{path} is not what the manifest says.", why=f"{has}, expected {wanted}."
                )
        entry = msgspec.structs.replace(
            held,
            size_bytes=found.size_bytes,
            sha256=found.sha256,
            md5=found.md5,
            part_size_bytes=found.part_size_bytes,
        )
        self._ledger.note(artifact.file, entry)

    def _link_image(self, image_id: str, new: NewImage) -> None:
        if new.source_document is None:
            raise PoyaError(f"The plan has no record of IMS image {image_id}.")
        entry = self._entry(image_id)
        content = pretty([new.source_document.value])
        digest = hashlib.sha256(content).hexdigest()
        noted = FileEntry("image-record", len(content), digest, md5(content))
        self._ledger.note(entry.record, noted)
        sync_write(self._ledger.path(entry.record), content)

    def _read_image(self, entry: ImageEntry) -> Image | None:
        """None unless record and manifest are there; sizes and etags of artifacts that are."""
        record_path = self._ledger.path(entry.record)
        manifest_path = self._ledger.path(entry.manifest)
        if not (record_path.is_file() and manifest_path.is_file()):
            return None
        record = image_of(parse_json(read_bounded(record_path), record_path))
        if record is None:
            raise BundleDamaged(f"{record_path} is not the record of one IMS image.")
        manifest = Manifest.of(read_bounded(manifest_path))
        files = {artifact.path: artifact.file for artifact in entry.artifacts}
        artifacts = tuple(self._stored(a, files.get(str(a.path), "")) for a in manifest.artifacts)
        stored = StoredImage(
            id=entry.id,
            name=str(record.value["name"]),
            record=record,
            manifest_path=entry.manifest_path,
            directory=manifest_path.parent,
            manifest=manifest_path,
            manifest_etag=self._ledger.index.files[entry.manifest].etag or "",
        )
        return read_image_record(stored, replace(manifest, artifacts=artifacts))

    def _stored(self, artifact: Artifact, file: str) -> Artifact:
        entry = self._ledger.index.files.get(file)
        if entry is None or self._fault(file, entry):
            return artifact
        return replace(artifact, size_bytes=entry.size_bytes, stored_etag=entry.etag or "")

    def _users_of_image(self, image_id: str) -> tuple[str, ...]:
        entry = self._ledger.index.image(image_id)
        if entry is None:
            return ()
        return tuple(
            f"session template {ref.name}"
            for ref, document in self._records.documents().items()
            if ref.kind == "template"
            for boot_set in SessionTemplate.of(document).boot_sets
            if boot_set.path == entry.manifest_path
        )

    def _delete_image(self, image_id: str) -> None:
        entry = self._ledger.index.image(image_id)
        if entry is None:
            return
        for name in entry.files():
            remove_file(self._ledger.path(name))
        remove_directory(self._directory(entry))
        self._ledger.forget(*entry.files())
