# SPDX-License-Identifier: Apache-2.0
"""IMS: /v3/images, and the same images as /v2/images. Names are not unique, ids are IMS's own."""

from __future__ import annotations

import contextlib
import uuid

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from poya.lab.profiles import MetadataForm
from poya.lab.services.answers import Problem, json_answer
from poya.lab.services.ims_collection import Collection
from poya.lab.services.ims_deleted import soft_delete
from poya.lab.services.ims_links import (
    UnreadableManifest,
    read_manifest,
    require_artifact,
    require_manifest,
    split_s3,
)
from poya.lab.services.ims_schema import (
    FlaskRefusal,
    created_image,
    ims_body,
    patched_image,
    require,
)
from poya.lab.site import LabSite
from poya.lab.state import JsonObject


class Images(Collection):
    """The images that the site has."""

    def __init__(self, site: LabSite) -> None:
        super().__init__(site, site.state.images)

    def routes(self) -> list[Route]:
        """The paths of this part of IMS."""
        routes = self._routes("/v3/images", {"POST": self.create}, {"PATCH": self.patch})
        for base in ("/v2/images", "/images"):
            routes += self._routes(base, {"POST": self.create_v2}, {"PATCH": self.patch})
        return routes

    async def create(self, request: Request) -> Response:
        """Create a record; a link is checked as on PATCH, but an unreadable manifest is a 500."""
        body = await ims_body(request)
        require(body, created_image(self._site.profile), "name")
        if body.get("link"):
            try:
                await require_manifest(self._site.objects, self._records, body["link"])
            except UnreadableManifest:
                raise FlaskRefusal(500, "Internal Server Error") from None
        return self._create(body)

    async def create_v2(self, request: Request) -> Response:
        """Create a record; of a link, only the manifest's presence is checked."""
        body = await ims_body(request)
        require(body, created_image(self._site.profile), "name")
        if body.get("link"):
            await require_artifact(self._site.objects, body["link"])
        return self._create(body)

    async def patch(self, request: Request) -> Response:
        """Set the link once, or change the architecture or one entry of the metadata."""
        record = self._record(request)
        body = await ims_body(request)
        require(body, patched_image(self._site.profile))
        for name, value in body.items():
            if name == "link":
                await self._link(record, value)
            elif name == "arch":
                record["arch"] = value
            else:
                _change_metadata(record["metadata"], value)
        self._records.put(record["id"], record)
        return json_answer(record)

    async def _drop(self, record: JsonObject, request: Request) -> None:
        """v3 puts an image aside; v2 deletes it, and its objects unless `cascade` is false."""
        if "/v3/" in request.url.path:
            await soft_delete(self._site, record)
            return
        cascade = request.query_params.get("cascade", "true").lower() in ("true", "yes", "t", "1")
        if cascade and record["link"]:
            await self._delete_objects(record["link"])
        self._records.delete(record["id"])

    def _create(self, body: JsonObject) -> Response:
        profile = self._site.profile
        record: JsonObject = {
            "id": str(uuid.uuid4()),
            "name": body["name"],
            "created": self._now(),
            "link": _complete(body.get("link")),
        }
        if profile.ims_arch:
            record["arch"] = body.get("arch", "x86_64")
        if profile.ims_metadata is not MetadataForm.NONE:
            record["metadata"] = _metadata(body.get("metadata") or {}, profile.ims_metadata)
        self._records.put(record["id"], record)
        return json_answer(record, 201)

    async def _link(self, record: JsonObject, link: JsonObject) -> None:
        if record["link"]:
            if record["link"] != _complete(link):
                raise Problem(
                    409,
                    "Requested resource exists, but cannot be patched due to a patch conflict. "
                    "Re-run request with valid input values.",
                )
            return
        # IMS logs that it could not read the manifest, and goes on: the link is set.
        with contextlib.suppress(UnreadableManifest):
            await require_manifest(self._site.objects, self._records, link)
        record["link"] = _complete(link)

    async def _delete_objects(self, link: JsonObject) -> None:
        objects = self._site.objects
        try:
            manifest = await read_manifest(objects, link)
        except UnreadableManifest:
            return
        for artifact in manifest.get("artifacts", []):
            if artifact.get("link"):
                await objects.delete(*split_s3(artifact["link"]["path"]))
        await objects.delete(*split_s3(link["path"]))


def _complete(link: JsonObject | None) -> JsonObject | None:
    return (
        {"path": link["path"], "etag": link.get("etag", ""), "type": link["type"]}
        if link
        else None
    )


def _metadata(given: JsonObject, form: MetadataForm) -> JsonObject:
    if form is MetadataForm.PAIR and "key" in given:
        # Meant for {"key": k, "value": v}; of a map that happens to have a key called "key", all
        # other entries are lost.
        return {given["key"]: given.get("value", "")}
    return given


def _change_metadata(metadata: JsonObject, change: JsonObject) -> None:
    if change["operation"] == "set":
        metadata[change["key"]] = change.get("value", "")
    else:
        metadata.pop(change["key"], None)
