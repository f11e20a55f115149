# SPDX-License-Identifier: Apache-2.0
"""What IMS makes sure of before an image gets its link, and how it finds an image's artifacts.

In this order: no other image has the path; the manifest is there; it is short and JSON; it is of
version 1.0; every artifact is there; exactly one is a root file system. Etags and md5 are not
compared.
"""

from __future__ import annotations

from typing import Any

import msgspec

from poya.lab.ports import LabObjects
from poya.lab.services.answers import Problem
from poya.lab.state import JsonObject, Records

ROOTFS = "application/vnd.cray.image.rootfs.squashfs"

_MANIFEST_LIMIT_BYTES = 1024 * 1024
_AGAIN = (
    "Determine the specific information that is missing or invalid and then re-run the request "
    "with valid information."
)
_MALFORMED = "The image's manifest.json is malformed."


class UnreadableManifest(Exception):
    """The manifest is not there, or is not a JSON object."""


def split_s3(path: str) -> tuple[str, str]:
    """The bucket and the key of `s3://bucket/key`."""
    bucket, _, key = path.removeprefix("s3://").partition("/")
    return bucket, key.lstrip("/")


async def require_manifest(objects: LabObjects, images: Records, link: JsonObject) -> None:
    """Check a link that an image is to get.

    Raises:
        Problem: 422 or 400, as IMS words it.
        UnreadableManifest: Not JSON.
    """
    _require_unique(images, link["path"])
    await require_artifact(objects, link)
    manifest = await read_manifest(objects, link)
    if not manifest:
        return
    _require_version(manifest)
    artifacts = _artifacts_of(manifest)
    for artifact in artifacts:
        await require_artifact(objects, _link_of(artifact))
    _require_one_rootfs(artifacts, link)


async def require_artifact(objects: LabObjects, link: JsonObject) -> None:
    """Check that an artifact is in the object store.

    Raises:
        Problem: 422.
    """
    if await objects.head(*split_s3(link["path"])) is None:
        raise Problem(
            422,
            f"The s3 artifact {link} cannot be validated. Please determine the specific "
            "information that is missing or invalid and then re-run the request with valid "
            "information.",
        )


async def read_manifest(objects: LabObjects, link: JsonObject) -> JsonObject:
    """The manifest that a link names, parsed.

    Raises:
        Problem: 400 if it is too long.
        UnreadableManifest: It is absent or not a JSON object.
    """
    bucket, key = split_s3(link["path"])
    try:
        raw = await objects.read(bucket, key, _MANIFEST_LIMIT_BYTES)
    except KeyError as error:
        raise UnreadableManifest from error
    if len(raw) >= _MANIFEST_LIMIT_BYTES:
        raise Problem(
            400,
            "Image manifest file is larger than the expected maximum size for the s3 artifact "
            f"{link}. Please determine the specific information that is missing or invalid and "
            "then re-run the request with valid information.",
        )
    try:
        return msgspec.json.decode(raw, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UnreadableManifest from error


def _require_unique(images: Records, path: str) -> None:
    for image in images.values():
        if (image.get("link") or {}).get("path") == path:
            raise Problem(
                422,
                f"The link path {path} matches the link path for the IMS image record "
                f"{image['id']}. The link value must be unique and cannot be duplicated. {_AGAIN}",
            )


def _require_version(manifest: JsonObject) -> None:
    if "version" not in manifest:
        raise Problem(422, "The image's manifest.json does not contain a version field.")
    if manifest["version"] != "1.0":
        raise Problem(
            422,
            "The image's manifest.json has a version that is not supported. Supported image "
            "manifest versions are: 1.0",
        )


def _artifacts_of(manifest: JsonObject) -> list[JsonObject]:
    if "artifacts" not in manifest:
        raise Problem(422, f"{_MALFORMED} It does not contain an artifacts map.")
    artifacts = manifest["artifacts"]
    if not isinstance(artifacts, list):
        raise Problem(422, f"{_MALFORMED} The artifacts property is not a json list.")
    return artifacts


def _link_of(artifact: object) -> JsonObject:
    if not isinstance(artifact, dict):
        raise Problem(422, f"{_MALFORMED} A listed artifact is not a json dictionary.")
    link = artifact.get("link")
    if not isinstance(link, dict):
        raise Problem(422, f"{_MALFORMED} An artifact does not have a link value")
    if "type" not in link:
        raise Problem(422, f"{_MALFORMED} An artifact does not have a link type field")
    if link["type"] != "s3":
        raise Problem(422, f"{_MALFORMED} An artifact link type '{link['type']}' not supported")
    if "path" not in link:
        raise Problem(422, f"{_MALFORMED} An artifact does not have a link path field")
    return link


def _require_one_rootfs(artifacts: list[JsonObject], link: JsonObject) -> None:
    if not all("type" in artifact for artifact in artifacts):
        raise Problem(422, f"{_MALFORMED} An artifact does not have a type field")
    found = [artifact for artifact in artifacts if artifact["type"].startswith(ROOTFS)]
    if not found:
        raise Problem(
            400,
            f"Error reading the manifest.json for IMS {link}. The manifest does not include any "
            f"rootfs artifacts. {_AGAIN}",
        )
    if len(found) > 1:
        raise Problem(
            400,
            f"Error reading the manifest.json for {link}. The manifest includes multiple rootfs "
            f"artifacts. {_AGAIN}",
        )
