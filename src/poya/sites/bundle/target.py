# SPDX-License-Identifier: Apache-2.0
"""A bundle as a site to write to: what `migrate backup` brings a vCluster to."""

from __future__ import annotations

import asyncio
from pathlib import Path

from poya.documents import Document
from poya.errors import PoyaError
from poya.model.image import Image
from poya.model.inventory import Capabilities, Interest, Inventory
from poya.model.records import EntityRef
from poya.model.vcluster import VCluster
from poya.sites.base import NewImage, Published
from poya.sites.bundle.imagefiles import ImageFiles
from poya.sites.bundle.index import VERSION
from poya.sites.bundle.ledger import Clock, Ledger, now
from poya.sites.bundle.records import Records
from poya.transfer import FileTarget, Result

CAPABILITIES = Capabilities(
    release=f"bundle format {VERSION}",
    is_verbatim=True,
    # The source's record is kept as it is: there is no other place for an architecture.
    has_image_arch=False,
)


class BundleTarget:
    """The target port for a bundle.

    Args:
        directory: Need not exist; must be empty, or hold a backup of the same vCluster.
        vcluster: What the bundle is to hold, which decides its files. None to go on with a bundle
            that is there (verify, undo, resume).
        clock: Tells when the backup began.
        label: Where the bundle will be in the end, if not in the directory.
    """

    def __init__(
        self,
        directory: Path,
        vcluster: VCluster | None = None,
        clock: Clock = now,
        *,
        label: str = "",
    ) -> None:
        self._label = label
        self._ledger = Ledger(directory, vcluster, clock)
        self._records = Records(self._ledger)
        self._images = ImageFiles(self._ledger)

    @property
    def label(self) -> str:
        """The bundle's directory, or where it goes from there."""
        return self._label or str(self._ledger.directory)

    @property
    def node_locks(self) -> None:
        """A bundle has no nodes."""
        return None

    async def survey(self, interest: Interest) -> Inventory:  # noqa: ARG002 - all of it is small
        """What the directory holds already, of a finished backup or of one that was not.

        Raises:
            UsageError: It may not be read, or holds something else than a bundle.
            Conflict: It holds the backup of another vCluster.
            BundleDamaged: A record or the index cannot be understood.
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

    async def validate(self, template: str, tenant: str = "") -> str:  # noqa: ARG002 - no tenants here
        """Look whether the template and the files of its images are in the bundle, complete."""
        return await asyncio.to_thread(self._validate, template)

    # Images

    async def find_image(self, new: NewImage, known_before: frozenset[str]) -> str | None:  # noqa: ARG002 - ids do not change here
        """Its id, if the bundle has begun to hold it."""
        is_begun = await asyncio.to_thread(self._images.is_begun, new.source_id)
        return new.source_id if is_begun else None

    async def unlinked_namesakes(self, name: str) -> frozenset[str]:  # noqa: ARG002 - ids decide
        """None: an image keeps the id that it had at its source."""
        return frozenset()

    async def create_image(self, new: NewImage) -> str:
        """Make the image's directory; its id is the source's. Repeating it is safe."""
        await asyncio.to_thread(self._images.create, new.source_id)
        return new.source_id

    def artifact_path(self, image_id: str, name: str) -> str:
        """The place that the artifact has at its site."""
        return self._images.artifact(image_id, name).path

    async def writable(self, image_id: str, name: str) -> FileTarget:
        """The artifact's file."""
        return FileTarget(self._images.artifact_file(image_id, name))

    @property
    def wants_sha256(self) -> bool:
        """The index keeps it."""
        return True

    async def note_artifact(self, place: tuple[str, str], result: Result) -> None:
        """Put the digests of a finished file into the index."""
        await asyncio.to_thread(self._images.note, *place, result)

    async def publish_manifest(self, image_id: str, body: bytes) -> Published:
        """Write the source's manifest; an artifact that is not in the index yet is hashed first.

        Raises:
            BundleDamaged: Such an artifact's file is not what the manifest says.
        """
        return await asyncio.to_thread(self._images.publish, image_id, body)

    async def link_image(self, image_id: str, new: NewImage, published: Published) -> None:  # noqa: ARG002 - the source's record has the link
        """Write the source's record, as a list of one."""
        if new.source_document is None:
            raise PoyaError(f"The plan has no record of IMS image {image_id}.")
        await asyncio.to_thread(self._images.link, image_id, new.source_document)

    async def read_image(self, image_id: str) -> Image | None:
        """The image as its files describe it; None unless record and manifest are there."""
        return await asyncio.to_thread(self._images.read, image_id)

    async def users_of_image(self, image_id: str) -> tuple[str, ...]:
        """The session templates in the bundle whose boot sets use it."""
        return await asyncio.to_thread(self._users_of_image, image_id)

    async def delete_image(self, image_id: str) -> None:
        """Remove the image's files, and what interrupted transfers left of them."""
        await asyncio.to_thread(self._images.delete, image_id)

    # The same, in a thread

    def _survey(self) -> Inventory:
        images = [self._images.read(entry.id) for entry in self._ledger.index.images]
        return Inventory(
            label=self.label,
            capabilities=CAPABILITIES,
            entities=self._records.documents(),
            images=tuple(image for image in images if image is not None),
        )

    def _validate(self, template: str) -> str:
        found = self._records.templates().get(template)
        if found is None:
            return f"the bundle has no session template {template}"
        paths = {boot_set.path for boot_set in found.boot_sets}
        images = [i for i in self._ledger.index.images if i.manifest_path in paths]
        faults = [fault for image in images for fault in self._images.faults(image.id)]
        return "; ".join([*faults, *self._records.faults()]) or "Valid"

    def _users_of_image(self, image_id: str) -> tuple[str, ...]:
        entry = self._ledger.index.image(image_id)
        users = [
            name
            for name, template in self._records.templates().items()
            for boot_set in template.boot_sets
            if entry is not None and boot_set.path == entry.manifest_path
        ]
        return tuple(f"session template {name}" for name in dict.fromkeys(users))
