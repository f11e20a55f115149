# SPDX-License-Identifier: Apache-2.0
"""A CFS session that customises images: each becomes a new image of IMS, with objects of its own.

Ansible does not run here: the new image has the old one's bytes.
"""

from __future__ import annotations

import json
import uuid

from poya.lab.life.boot_image import NoImage
from poya.lab.profiles import MetadataForm
from poya.lab.services.ims_links import split_s3
from poya.lab.services.times import ims_time
from poya.lab.site import LabSite
from poya.lab.state import JsonObject

_BUCKET = "boot-images"
_LIMIT_BYTES = 1_048_576


async def customise(site: LabSite, session: JsonObject, now_s: float) -> list[JsonObject]:
    """Make the images that a session asks for; what the session says of them."""
    names = {
        pair["source_id"]: pair["result_name"] for pair in session["target"].get("image_map") or ()
    }
    members = [x for group in session["target"]["groups"] for x in group["members"]]
    made = []
    for image_id in dict.fromkeys(members):
        image = site.state.images.get(image_id)
        if image is None or not image.get("link"):
            continue
        name = names.get(image_id) or f"{image['name']}_cfs_{session['name']}"
        result_id = await _copy(site, image, name, now_s)
        made.append({"image_id": image_id, "result_id": result_id, "type": "ims_customized_image"})
    return made


async def _copy(site: LabSite, image: JsonObject, name: str, now_s: float) -> str:
    new_id = str(uuid.uuid4())
    try:
        raw = await site.objects.read(*split_s3(image["link"]["path"]), _LIMIT_BYTES)
        manifest = json.loads(raw)
        for artifact in manifest["artifacts"]:
            artifact["link"] = await _copied(site, artifact["link"]["path"], new_id)
    except (KeyError, ValueError) as error:
        raise NoImage(f"image {image['id']} has no good manifest") from error
    key = f"{new_id}/manifest.json"
    written = await site.objects.write(_BUCKET, key, json.dumps(manifest).encode())
    record = {
        "id": new_id,
        "name": name,
        "created": ims_time(now_s, zone=site.profile.ims_times_have_zone),
        "link": {"path": f"s3://{_BUCKET}/{key}", "etag": written.etag, "type": "s3"},
    }
    if site.profile.ims_arch:
        record["arch"] = image.get("arch", "x86_64")
    if site.profile.ims_metadata is not MetadataForm.NONE:
        record["metadata"] = dict(image.get("metadata") or {})
    site.state.images.put(new_id, record)
    return new_id


async def _copied(site: LabSite, path: str, new_id: str) -> JsonObject:
    bucket, key = split_s3(path)
    new_key = f"{new_id}/{key.rpartition('/')[2]}"
    info = await site.objects.copy(bucket, key, new_key)
    return {"path": f"s3://{bucket}/{new_key}", "etag": info.etag, "type": "s3"}
