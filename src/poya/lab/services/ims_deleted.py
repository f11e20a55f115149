# SPDX-License-Identifier: Apache-2.0
"""IMS: /v3/deleted/images: images put aside, brought back, or deleted for good.

Putting aside moves every object of an image below `deleted/` in its bucket. Moving is copying in
the object store: big objects come out with another etag, which the manifest does not learn of.
"""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.routing import Route

from poya.lab.ports import LabObjects
from poya.lab.profiles import MetadataForm, ReleaseProfile
from poya.lab.services.answers import Problem, json_answer
from poya.lab.services.ims_discarded import Deleted
from poya.lab.services.ims_links import UnreadableManifest, read_manifest, split_s3
from poya.lab.services.times import ims_time
from poya.lab.site import LabSite
from poya.lab.state import JsonObject

_MANIFEST = "application/vnd.cray.image.manifest"
_BUCKET = "boot-images"


async def soft_delete(site: LabSite, record: JsonObject) -> None:
    """Put an image aside. If its manifest cannot be read, only the record moves."""
    link = record["link"]
    if link:
        try:
            artifacts = await _put_aside(site.objects, link)
            link = await _write_list(site, record["id"], artifacts)
        except UnreadableManifest:
            pass
    deleted = ims_time(site.clock(), zone=site.profile.ims_times_have_zone)
    aside = _forgetful(record, site.profile) | {"link": link, "deleted": deleted}
    with site.state.transaction():
        site.state.deleted_images.put(record["id"], aside)
        site.state.images.delete(record["id"])


class DeletedImages(Deleted):
    """The images that were put aside."""

    def __init__(self, site: LabSite) -> None:
        super().__init__(site, site.state.deleted_images)

    def routes(self) -> list[Route]:
        """The paths of this part of IMS."""
        return self.routes_at("/v3/deleted/images")

    async def _bring_back(self, record: JsonObject) -> None:
        link = record["link"]
        if link:
            try:
                link = await _bring_back(self._site.objects, link)
            except UnreadableManifest:
                raise Problem(
                    422,
                    f"Unable to read manifest file for the s3 artifact {link}. Please determine "
                    "the specific information that is missing or invalid and then re-run the "
                    "request with valid information.",
                ) from None
        image = {k: v for k, v in record.items() if k != "deleted"} | {"link": link}
        with self._site.state.transaction():
            self._site.state.images.put(image["id"], image)
            self._records.delete(image["id"])

    async def _drop(self, record: JsonObject, request: Request) -> None:
        """For good, objects included."""
        if record["link"]:
            await _delete_objects(self._site.objects, record["link"])
        await super()._drop(record, request)


def _forgetful(record: JsonObject, profile: ReleaseProfile) -> JsonObject:
    """What older releases of IMS do not carry over, they set to its default."""
    kept = dict(record)
    if profile.ims_arch and not profile.ims_undelete_keeps_arch:
        kept["arch"] = "x86_64"
    if profile.ims_metadata is not MetadataForm.NONE and not profile.ims_undelete_keeps_metadata:
        kept["metadata"] = {}
    return kept


async def _put_aside(objects: LabObjects, link: JsonObject) -> list[JsonObject]:
    manifest = await read_manifest(objects, link)
    moved = []
    for artifact in manifest.get("artifacts", []):
        aside = await _move(objects, artifact.get("link"), _into_deleted)
        # IMS lists an artifact only after it has read its md5: without one it is moved and lost.
        if aside is not None and "md5" in artifact:
            moved.append({"type": artifact["type"], "md5": artifact["md5"], "link": aside})
    aside = await _move(objects, link, _into_deleted)
    return [*moved, *([{"type": _MANIFEST, "link": aside}] if aside else [])]


async def _write_list(site: LabSite, image_id: str, artifacts: list[JsonObject]) -> JsonObject:
    key = f"deleted/{image_id}/deleted_manifest.json"
    created = ims_time(site.clock(), zone=False)[:19].replace("T", " ")
    body = json_answer({"version": "1.0", "created": created, "artifacts": artifacts}).body
    await site.objects.write(_BUCKET, key, bytes(body))
    return {"path": f"s3://{_BUCKET}/{key}", "etag": "", "type": "s3"}


async def _bring_back(objects: LabObjects, link: JsonObject) -> JsonObject:
    listed = await read_manifest(objects, link)
    original = link
    for artifact in listed.get("artifacts", []):
        back = await _move(objects, artifact.get("link"), _out_of_deleted)
        if back is not None and artifact["type"] == _MANIFEST:
            original = back
    if original != link:
        await objects.delete(*split_s3(link["path"]))
    return original


async def _delete_objects(objects: LabObjects, link: JsonObject) -> None:
    try:
        listed = await read_manifest(objects, link)
    except UnreadableManifest:
        return
    for artifact in listed.get("artifacts", []):
        if artifact.get("link"):
            await objects.delete(*split_s3(artifact["link"]["path"]))
    await objects.delete(*split_s3(link["path"]))


def _into_deleted(key: str) -> str:
    return f"deleted/{key}"


def _out_of_deleted(key: str) -> str:
    return key.removeprefix("deleted/")


async def _move(
    objects: LabObjects, link: JsonObject | None, to: Callable[[str], str]
) -> JsonObject | None:
    """Move an artifact's object; None if there is no link or no object."""
    if not link:
        return None
    bucket, key = split_s3(link["path"])
    try:
        info = await objects.move(bucket, key, to(key))
    except KeyError:
        return None
    return {"etag": info.etag, "path": f"s3://{bucket}/{to(key)}", "type": "s3"}
