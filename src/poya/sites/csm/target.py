# SPDX-License-Identifier: Apache-2.0
"""A live CSM as a target: surveyed, written to, read back, cleaned up."""

from __future__ import annotations

from contextlib import suppress

from poya import transfer
from poya.concurrency import both
from poya.csm import Site
from poya.documents import Document
from poya.errors import BadAnswer, Conflict, NotFound, RequestRefused
from poya.model.image import Image
from poya.model.inventory import Interest, Inventory
from poya.model.names import S3Path
from poya.model.records import EntityRef, SessionTemplate
from poya.model.run import RUN_KEY, SOURCE_KEY
from poya.sites.base import NewImage, Published
from poya.sites.csm.claims import ObjectClaims
from poya.sites.csm.entities import Entities
from poya.sites.csm.images import ImageReader
from poya.sites.csm.node_locks import CsmNodeLocks
from poya.sites.csm.objects import Objects
from poya.sites.csm.survey import Surveyor

BUCKET = "boot-images"
_CONFLICT = 409


class CsmTarget:
    """The target port for a live CSM."""

    def __init__(self, site: Site, objects: Objects) -> None:
        self._site = site
        self._objects = objects
        self._images = ImageReader(objects)
        self._entities = Entities(site)

    @property
    def label(self) -> str:
        """The site's name in the configuration."""
        return self._site.config.name

    def claims(self, vcluster: str) -> ObjectClaims:
        """The claims on a vCluster, in the site's object store."""
        return ObjectClaims(self._objects, BUCKET, vcluster)

    @property
    def node_locks(self) -> CsmNodeLocks:
        """HSM's locks (`/locks`)."""
        return CsmNodeLocks(self._site)

    async def survey(self, interest: Interest) -> Inventory:
        """Read what a plan must know."""
        return await Surveyor(self._site, self._images, self._objects).survey(interest)

    async def read(self, ref: EntityRef) -> Document | None:
        """Read one entity."""
        return await self._entities.read(ref)

    async def write(self, ref: EntityRef, body: Document, present: Document | None) -> None:
        """Write one entity."""
        await self._entities.write(ref, body, present)

    async def delete(self, ref: EntityRef) -> None:
        """Delete one entity."""
        await self._entities.delete(ref)

    async def validate(self, template: str, tenant: str = "") -> str:
        """Ask BOS (`GET /v2/sessiontemplatesvalid/{name}`); it answers 200 whatever it thinks."""
        return (await self._site.bos.templates.validate(template, tenant=tenant or None)).text

    # Images

    async def find_image(self, new: NewImage, known_before: frozenset[str]) -> str | None:
        """By poya's marks; without metadata by name among the unlinked records."""
        records = await self._site.ims.images.list()
        for record in records:
            marks = record.metadata or {}
            if marks.get(RUN_KEY) == new.run and marks.get(SOURCE_KEY) == new.source_id:
                return record.id
        if (await self._site.features()).ims_metadata:
            return None
        lost = [r.id for r in records if r.name == new.name and r.link is None]
        return next((i for i in sorted(lost) if i not in known_before), None)

    async def unlinked_namesakes(self, name: str) -> frozenset[str]:
        """Records of this name without a link."""
        records = await self._site.ims.images.list()
        return frozenset(r.id for r in records if r.name == name and r.link is None)

    async def create_image(self, new: NewImage) -> str:
        """Register the image, marked from its first moment on where IMS keeps metadata."""
        record = await self._site.ims.images.create(
            new.name, arch=new.arch or "x86_64", metadata=new.metadata
        )
        return record.id

    def artifact_path(self, image_id: str, name: str) -> str:
        """BOS takes the image's id from the first component of the key."""
        return str(S3Path(BUCKET, f"{image_id}/{name}"))

    async def writable(self, image_id: str, name: str) -> transfer.Target:
        """The object for one artifact."""
        return await self._objects.writable(S3Path(BUCKET, f"{image_id}/{name}"))

    @property
    def wants_sha256(self) -> bool:
        """S3 and IMS know md5s only."""
        return False

    async def note_artifact(self, place: tuple[str, str], result: transfer.Result) -> None:
        """S3 knows its objects by itself."""

    async def publish_manifest(self, image_id: str, body: bytes) -> Published:
        """Put the manifest, and read its etag back.

        Every artifact is complete by now, so an upload that is still open below the image's id was
        begun by an attempt that died before it could note it: it is aborted.
        """
        await self._objects.abort_uploads_below(S3Path(BUCKET, f"{image_id}/"))
        path = S3Path(BUCKET, f"{image_id}/manifest.json")
        await self._objects.write_small(path, body)
        return Published(str(path), await self._etag_of(path, body))

    async def _etag_of(self, path: S3Path, body: bytes) -> str:
        """The etag of what was just written, if the store holds it and nothing else.

        An answer without an etag must not be recorded: IMS would refuse the link for ever.
        """
        stat = await self._objects.head(path)
        if stat is None:
            raise Conflict(f"{path} is gone right after it was written to {self.label}.")
        if not stat.etag:
            raise BadAnswer(f"HEAD {path} at {self.label} tells no etag.")
        if stat.size_bytes != len(body):
            raise Conflict(
                f"{path} at {self.label} is not what was written there.",
                why=f"{len(body)} bytes were written, the store holds {stat.size_bytes}.",
                todo="Somebody else may be writing there.",
            )
        return stat.etag

    async def link_image(self, image_id: str, new: NewImage, published: Published) -> None:
        """PATCH the link, which IMS takes if the objects are there; then what the record lacks."""
        try:
            record = await self._site.ims.images.set_link(
                image_id, path=published.path, etag=published.etag
            )
        except RequestRefused as error:
            if error.status != _CONFLICT:
                raise
            raise Conflict(
                f"IMS image {image_id} at {self.label} has another link already.",
                why=error.detail,
                todo="Links are write-once: undo the run, which deletes the image; start anew.",
            ) from error
        if (await self._site.features()).ims_metadata:
            stored = record.metadata or {}
            for key, value in new.metadata.items():
                if stored.get(key) != value:
                    await self._site.ims.images.set_metadata(image_id, key, value)

    async def read_image(self, image_id: str) -> Image | None:
        """Read record, manifest and what S3 holds."""
        try:
            record = await self._site.ims.images.get(image_id)
        except NotFound:
            return None
        image, _ = await self._images.read(record)
        return image

    async def users_of_image(self, image_id: str) -> tuple[str, ...]:
        """The session templates and boot parameters that name a file of the image."""
        prefix = f"s3://{BUCKET}/{image_id}/"
        templates, parameters = await both(
            self._site.bos.templates.list(), self._site.bss.boot_parameters.list()
        )
        users = [
            f"session template {template.name}"
            for template in (SessionTemplate.of(record.document) for record in templates)
            if any(boot_set.path.startswith(prefix) for boot_set in template.boot_sets)
        ]
        hosts = [
            f"boot parameters of {', '.join(record.hosts[:3]) or 'an image'}"
            for record in parameters
            if record.hosts and prefix in f"{record.kernel} {record.initrd} {record.params}"
        ]
        return (*users, *hosts)

    async def delete_image(self, image_id: str) -> None:
        """Delete the record and every object below its id, for good.

        The objects go first where the record has no link: IMS moves only what a manifest names.
        """
        if not image_id or "/" in image_id:
            raise Conflict(f"'{image_id}' cannot be an image's id; nothing is deleted.")
        with suppress(NotFound):
            await self._site.ims.images.delete(image_id)
        with suppress(NotFound):
            await self._site.ims.images.purge(image_id)
        await self._objects.delete_below(S3Path(BUCKET, f"{image_id}/"))
        await self._refuse_if_left(image_id)

    async def _refuse_if_left(self, image_id: str) -> None:
        """Read back that the image is gone; that a service said so is not enough."""
        images = self._site.ims.images
        live, deleted = await both(images.list(), images.list_deleted())
        if image_id in {record.id for record in (*live, *deleted)}:
            raise Conflict(
                f"IMS image {image_id} is still at {self.label} although IMS deleted it.",
                todo="Try again; it may be under way.",
            )
