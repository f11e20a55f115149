# SPDX-License-Identifier: Apache-2.0
"""How BOS looks at an image: its manifest, and the objects that a boot needs.

Etags are not compared, but must be there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from poya.lab.ports import LabObjects
from poya.lab.services.ims_links import split_s3
from poya.lab.state import JsonObject

KERNEL = "application/vnd.cray.image.kernel"
INITRD = "application/vnd.cray.image.initrd"
PARAMETERS = "application/vnd.cray.image.parameters.boot"
_ROOTFS = "application/vnd.cray.image.rootfs.squashfs"
_MANIFEST_LIMIT_BYTES = 1_048_576


class Found(Exception):
    """What BOS's own code would have raised, by the name of its class."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(f"{kind}: {text}")
        self.kind = kind


async def artifacts_of(objects: LabObjects, boot_set: JsonObject) -> dict[str, JsonObject]:
    """The artifacts of a boot set's image, by type.

    Raises:
        Found: There is no manifest that BOS can read.
    """
    return _by_type(await _manifest(objects, boot_set))


async def require_object(
    objects: LabObjects, artifacts: Mapping[str, JsonObject], kind: str
) -> None:
    """Look at an artifact's object.

    Raises:
        Found: The manifest does not name it, or not well, or it is not there.
    """
    if kind not in artifacts:
        raise Found(
            "ArtifactNotFound", f"No artifact of type {kind} could be found in the image manifest."
        )
    try:
        path, _ = artifacts[kind]["link"]["path"], artifacts[kind]["link"]["etag"]
    except (KeyError, TypeError) as error:
        raise Found(type(error).__name__, str(error)) from None
    if await objects.head(*split_s3(path)) is None:
        raise Found("S3ObjectNotFound", f"s3 object {path} was not found.")


async def _manifest(objects: LabObjects, boot_set: JsonObject) -> Mapping[str, Any]:
    kind, path = boot_set["type"], boot_set["path"]
    if kind != "s3":
        raise Found("BootImageMetadataUnknown", f"No BootImageMetadata class for type {kind}")
    try:
        raw = await objects.read(*split_s3(path), _MANIFEST_LIMIT_BYTES + 1)
        text = raw.decode()
    except (KeyError, UnicodeDecodeError):
        raise Found("ManifestNotFound", f"Unable to read manifest file '{path}'.") from None
    if len(raw) > _MANIFEST_LIMIT_BYTES:
        raise Found(
            "ManifestTooBig",
            f"{path} is supposed to be an image manifest, but {len(raw)} bytes is too big for a "
            "manifest",
        )
    try:
        manifest = json.loads(text)
    except ValueError as error:
        raise Found("JSONDecodeError", str(error)) from None
    if not isinstance(manifest, dict):
        word = type(manifest).__name__
        raise Found("ManifestNotFound", f"Manifest should be dict. Invalid data type: {word}")
    return manifest


def _by_type(manifest: Mapping[str, Any]) -> dict[str, JsonObject]:
    try:
        found: dict[str, JsonObject] = {}
        for artifact in manifest["artifacts"]:
            kind = artifact["type"]
            if kind in found and kind in (KERNEL, INITRD, _ROOTFS, PARAMETERS):
                raise Found(
                    "TooManyArtifacts", f"Multiple {kind} artifacts found in the manifest."
                )
            found[kind] = artifact
    except KeyError as error:
        raise Found("KeyError", str(error)) from None
    return found
