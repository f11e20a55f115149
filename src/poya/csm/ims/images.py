# SPDX-License-Identifier: Apache-2.0
"""IMS images: names are not unique and IMS chooses the ids.

What makes a record findable again after a crash is a tag in its metadata, written in the same
request that creates it.
"""

from __future__ import annotations

from collections.abc import Mapping

from poya.csm.http.calls import path_of
from poya.csm.http.channel import Channel
from poya.csm.ims.deleting import SoftDeleting
from poya.csm.ims.links import Link, link_body
from poya.csm.records import Record, record_of, records_of
from poya.csm.releases import IMS_ARCH, IMS_METADATA, Since, require
from poya.csm.versions import Once, Version
from poya.documents import JsonObject
from poya.errors import VerificationFailed

# From 3.24, IMS reads a map at creation that has this key as one pair, and drops the rest.
_PAIR_KEY = "key"


class Image(Record, frozen=True):
    """An IMS image.

    Attributes:
        arch: x86_64 or aarch64; None from an IMS older than 3.9, which knows x86_64 only.
        created: ISO 8601, sometimes without a time zone (then UTC).
    """

    id: str
    name: str
    created: str | None = None
    link: Link | None = None
    arch: str | None = None
    metadata: dict[str, str] | None = None


class DeletedImage(Image, frozen=True):
    """A soft-deleted image, which can be brought back or purged."""

    deleted: str | None = None


class Images(SoftDeleting[DeletedImage]):
    """IMS images (`/v3/images`, `/v3/deleted/images`).

    An image that is deleted and brought back has stale etags in its manifest if an object is of
    8 MiB or more: such objects come back with another etag and without their md5sum.
    """

    def __init__(self, channel: Channel, version: Once[Version]) -> None:
        super().__init__(channel, "images", DeletedImage)
        self._version = version

    async def list(self) -> tuple[Image, ...]:
        """All images; IMS knows neither pages nor filters."""
        answer = await self._channel.get("/v3/images")
        return records_of(Image, answer.rows(), answer)

    async def get(self, image_id: str) -> Image:
        """One image.

        Raises:
            NotFound: There is none with that id.
        """
        return record_of(Image, await self._channel.get(_image(image_id)))

    async def create(
        self, name: str, *, arch: str = "x86_64", metadata: Mapping[str, str] | None = None
    ) -> Image:
        """Create an image without a link, tagged from its first moment on.

        An IMS without metadata (before 3.16) gets none: look at the `metadata` of what is
        returned. Never repeated on a lost answer; look for the tag before creating again.

        The map is sent as it is. IMS 3.16 to 3.23 store it so; 3.24 and later store a map
        without the key `key` so, too. A pair with that key is set after creation.

        Args:
            name: Need not be unique.
            arch: x86_64 or aarch64.
            metadata: Tags; keys and values are strings.

        Raises:
            NeedsRelease: Another arch than x86_64 on an IMS that cannot record it (before 3.9).
            VerificationFailed: What IMS says that it stored is not what was sent.
        """
        version = await self._version.get()
        body: JsonObject = {"name": name}
        if arch != "x86_64":
            require(version, IMS_ARCH, f"An image for {arch}", self._channel.site, "IMS")
        if version >= IMS_ARCH.version:
            body["arch"] = arch
        wanted = dict(metadata or {}) if version >= IMS_METADATA.version else {}
        if at_once := {key: value for key, value in wanted.items() if key != _PAIR_KEY}:
            body["metadata"] = {**at_once}
        created = record_of(Image, await self._channel.post("/v3/images", body))
        return await self._settle(created, wanted, arch)

    async def _settle(self, image: Image, metadata: Mapping[str, str], arch: str) -> Image:
        """Set what IMS did not take at creation, and make sure of the whole."""
        stored = image.metadata or {}
        for key, value in metadata.items():
            if stored.get(key) != value:
                image = await self.set_metadata(image.id, key, value)
        stored = image.metadata or {}
        lost = [key for key, value in metadata.items() if stored.get(key) != value]
        if lost or image.arch not in (None, arch):
            raise VerificationFailed(
                f"IMS of {self._channel.site} did not store image {image.id} as it was sent.",
                why=f"arch is {image.arch}; metadata lost: {', '.join(lost) or 'none'}.",
            )
        return image

    async def set_link(self, image_id: str, *, path: str, etag: str) -> Image:
        """Set an image's link, which can be done once; the same link again is fine.

        IMS looks whether the objects are there (422, 400) but not at any etag or digest, and
        sets the link in spite of a manifest that is not JSON: read back what matters.

        Raises:
            UsageError: The etag is empty: IMS would store that, for good.
            RequestRefused: With status 409 if another link is set already.
        """
        link = link_body(path, etag, f"image {image_id}")
        return await self._patch(image_id, {"link": link})

    async def set_arch(self, image_id: str, arch: str) -> Image:
        """Set an image's architecture, x86_64 or aarch64.

        Raises:
            NeedsRelease: IMS is older than 3.9.
        """
        await self._require(IMS_ARCH, "The architecture of an image")
        return await self._patch(image_id, {"arch": arch})

    async def set_metadata(self, image_id: str, key: str, value: str) -> Image:
        """Set one tag.

        Raises:
            NeedsRelease: IMS is older than 3.16.
        """
        await self._require(IMS_METADATA, "Metadata of an image")
        change: JsonObject = {"operation": "set", "key": key, "value": value}
        return await self._patch(image_id, {"metadata": change})

    async def remove_metadata(self, image_id: str, key: str) -> Image:
        """Remove one tag; fine if it is not there.

        Raises:
            NeedsRelease: IMS is older than 3.16.
        """
        await self._require(IMS_METADATA, "Metadata of an image")
        return await self._patch(image_id, {"metadata": {"operation": "remove", "key": key}})

    async def _require(self, since: Since, what: str) -> None:
        require(await self._version.get(), since, what, self._channel.site, "IMS")

    async def _patch(self, image_id: str, body: JsonObject) -> Image:
        return record_of(Image, await self._channel.patch(_image(image_id), body))


def _image(image_id: str) -> str:
    return f"/v3/images{path_of(image_id)}"
