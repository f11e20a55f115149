# SPDX-License-Identifier: Apache-2.0
"""The Image Management Service (IMS, `/apis/ims/v3`): images, recipes and public keys.

Names are not unique and IMS chooses the ids; what makes a record findable again after a crash
is a tag in its metadata, written in the same request that creates it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import EllipsisType

import msgspec

from poya.csm.calls import path_of
from poya.csm.channel import Channel
from poya.csm.records import Record, record_of, records_of
from poya.csm.versions import Once, Version
from poya.documents import Json, JsonObject
from poya.errors import UsageError, VerificationFailed

# IMS's changelog: platform support (CASMCMS-8227) and tags for images (CASMCMS-8915).
ARCH_SINCE = Version(3, 9)
METADATA_SINCE = Version(3, 16)

# From 3.24, IMS reads a map at creation that has this key as one pair, and drops the rest.
_PAIR_KEY = "key"
# Deletes copy every object within S3 first: minutes for a large rootfs, without a byte sent.
_COPYING_S = 1800.0


class Link(msgspec.Struct, frozen=True):
    """Where an image's manifest lies.

    Attributes:
        path: As `s3://boot-images/<id>/manifest.json`.
        etag: May be empty or wrong: IMS stores what it is given.
    """

    path: str
    etag: str | None = None
    type: str = "s3"


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


class Recipe(Record, frozen=True):
    """An IMS recipe."""

    id: str
    name: str
    created: str | None = None
    link: Link | None = None
    recipe_type: str = ""
    linux_distribution: str = ""
    arch: str | None = None


class PublicKey(Record, frozen=True):
    """A public key for logging in to image customisation jobs."""

    id: str
    name: str
    public_key: str = ""
    created: str | None = None


class _Version(msgspec.Struct, frozen=True):
    version: str


class Images:
    """IMS images (`/v3/images`, `/v3/deleted/images`)."""

    def __init__(self, channel: Channel, version: Once[Version]) -> None:
        self._channel = channel
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
            UsageError: Another arch than x86_64 on an IMS that cannot record it (before 3.9).
            VerificationFailed: What IMS says that it stored is not what was sent.
        """
        version = await self._version.get()
        body: JsonObject = {"name": name}
        if version >= ARCH_SINCE:
            body["arch"] = arch
        elif arch != "x86_64":
            raise UsageError(
                f"The IMS of {self._channel.site} ({version}) knows no images for {arch}."
            )
        wanted = dict(metadata or {}) if version >= METADATA_SINCE else {}
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
        if not etag:
            raise UsageError(f"The link of image {image_id} needs the manifest's etag.")
        link: JsonObject = {"path": path, "etag": etag, "type": "s3"}
        return await self._patch(image_id, {"link": link})

    async def set_arch(self, image_id: str, arch: str) -> Image:
        """Set an image's architecture, x86_64 or aarch64 (IMS 3.9 and later)."""
        return await self._patch(image_id, {"arch": arch})

    async def set_metadata(self, image_id: str, key: str, value: str) -> Image:
        """Set one tag (IMS 3.16 and later)."""
        change: JsonObject = {"operation": "set", "key": key, "value": value}
        return await self._patch(image_id, {"metadata": change})

    async def remove_metadata(self, image_id: str, key: str) -> Image:
        """Remove one tag; fine if it is not there (IMS 3.16 and later)."""
        return await self._patch(image_id, {"metadata": {"operation": "remove", "key": key}})

    async def delete(self, image_id: str) -> None:
        """Delete softly: record and objects move aside. Takes minutes for a large rootfs.

        Raises:
            NotFound: There is none with that id.
        """
        await self._slowly("DELETE", _image(image_id))

    async def list_deleted(self) -> tuple[DeletedImage, ...]:
        """All soft-deleted images."""
        answer = await self._channel.get("/v3/deleted/images")
        return records_of(DeletedImage, answer.rows(), answer)

    async def undelete(self, image_id: str) -> None:
        """Bring a soft-deleted image back, with the same id.

        Objects of 8 MiB and more come back with another etag and without their md5sum, so the
        manifest's etags are stale then.

        Raises:
            NotFound: No deleted image has that id.
        """
        await self._slowly("PATCH", _deleted(image_id), {"operation": "undelete"})

    async def purge(self, image_id: str) -> None:
        """Delete a soft-deleted image and its objects for good.

        Raises:
            NotFound: No deleted image has that id.
        """
        await self._slowly("DELETE", _deleted(image_id))

    async def _patch(self, image_id: str, body: JsonObject) -> Image:
        return record_of(Image, await self._channel.patch(_image(image_id), body))

    async def _slowly(self, method: str, path: str, body: Json | EllipsisType = ...) -> None:
        call = self._channel.call(method, path, body=body)
        await self._channel.send(replace(call, timeout_s=_COPYING_S))


class Recipes:
    """IMS recipes (`/v3/recipes`)."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def list(self) -> tuple[Recipe, ...]:
        """All recipes."""
        answer = await self._channel.get("/v3/recipes")
        return records_of(Recipe, answer.rows(), answer)

    async def get(self, recipe_id: str) -> Recipe:
        """One recipe.

        Raises:
            NotFound: There is none with that id.
        """
        return record_of(Recipe, await self._channel.get(f"/v3/recipes{path_of(recipe_id)}"))


class PublicKeys:
    """IMS public keys (`/v3/public-keys`)."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def list(self) -> tuple[PublicKey, ...]:
        """All public keys."""
        answer = await self._channel.get("/v3/public-keys")
        return records_of(PublicKey, answer.rows(), answer)


class Ims:
    """The Image Management Service of one site."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._version = Once(self._ask_version)
        self.images = Images(channel, self._version)
        self.recipes = Recipes(channel)
        self.public_keys = PublicKeys(channel)

    async def version(self) -> Version:
        """The service's version (`GET /version`), asked once.

        Raises:
            BadAnswer: It does not say one.
        """
        return await self._version.get()

    async def _ask_version(self) -> Version:
        answer = await self._channel.get("/version")
        version = Version.parse(answer.decode(_Version).version)
        if version is None:
            raise answer.bad("It holds no version.")
        return version


def _image(image_id: str) -> str:
    return f"/v3/images{path_of(image_id)}"


def _deleted(image_id: str) -> str:
    return f"/v3/deleted/images{path_of(image_id)}"
