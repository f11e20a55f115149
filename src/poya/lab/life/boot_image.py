# SPDX-License-Identifier: Apache-2.0
"""What BOS makes of a boot set: the artifacts that its nodes boot, and their command line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from poya.lab.ports import LabObjects
from poya.lab.profiles import ReleaseProfile
from poya.lab.services.ims_links import split_s3
from poya.lab.state import JsonObject

_KIND = "application/vnd.cray.image."
_LIMIT_BYTES = 1_048_576
_PROTOCOLS = {"cpss3": "craycps-s3", "sbps": "sbps-s3"}


class NoImage(Exception):
    """A boot set that BOS cannot make sense of; the text is for the session's error."""


def require_provider(profile: ReleaseProfile, boot_set: Mapping[str, Any]) -> None:
    """Refuse a root file system provider that this BOS has no code for.

    Raises:
        NoImage: It has none.
    """
    provider = boot_set.get("rootfs_provider")
    known = {"cpss3": profile.has_cps, "sbps": profile.has_sbps}
    if provider and not known.get(provider):
        words = f"Unsupported rootfs_provider ('{provider}') specified in boot set"
        raise NoImage(f"{words}: {dict(boot_set)}")


async def boot_artifacts(objects: LabObjects, boot_set: Mapping[str, Any]) -> dict[str, str]:
    """Kernel, initrd and kernel parameters of a boot set.

    Raises:
        NoImage: The manifest or the kernel is missing.
    """
    artifacts = await _manifest(objects, boot_set["path"])
    kernel = _path(artifacts, "kernel")
    if not kernel:
        raise NoImage(f"No kernel artifact in {boot_set['path']}")
    return {
        "kernel": kernel,
        "initrd": _path(artifacts, "initrd"),
        "kernel_parameters": await _parameters(objects, boot_set, artifacts),
    }


async def _manifest(objects: LabObjects, path: str) -> dict[str, JsonObject]:
    try:
        raw = await objects.read(*split_s3(path), _LIMIT_BYTES)
        return {artifact["type"]: artifact for artifact in json.loads(raw)["artifacts"]}
    except (KeyError, TypeError, ValueError) as error:
        raise NoImage(f"Unable to read manifest file '{path}'. Error: {error!r}") from error


async def _parameters(
    objects: LabObjects, boot_set: Mapping[str, Any], artifacts: Mapping[str, JsonObject]
) -> str:
    """In BOS's order: the image's own, the boot set's, root=, nmd_data=, how often to report."""
    words = await _image_parameters(objects, _path(artifacts, "parameters.boot"))
    words += [boot_set.get("kernel_parameters") or ""]
    words += _root_words(boot_set, artifacts.get(f"{_KIND}rootfs.squashfs"))
    return " ".join(word for word in (*words, "bos_update_frequency=4h") if word)


async def _image_parameters(objects: LabObjects, path: str) -> list[str]:
    if not path:
        return []
    try:
        raw = await objects.read(*split_s3(path), _LIMIT_BYTES)
    except KeyError:
        return []  # BOS only logs it
    return raw.decode(errors="replace").split()


def _root_words(boot_set: Mapping[str, Any], rootfs: JsonObject | None) -> list[str]:
    provider = boot_set.get("rootfs_provider") or ""
    passthrough = boot_set.get("rootfs_provider_passthrough") or ""
    if rootfs is None:
        return []
    link = rootfs.get("link") or {}
    path, etag = link.get("path", ""), link.get("etag", "")
    nmd = f"nmd_data=url={path},etag={etag}"
    if not provider:
        return [f"root=::{passthrough}" if passthrough else "", nmd]
    protocol = _PROTOCOLS.get(provider, provider)
    return [f"root={protocol}:{path}:{etag}" + (f":{passthrough}" if passthrough else ""), nmd]


def _path(artifacts: Mapping[str, JsonObject], kind: str) -> str:
    link = (artifacts.get(f"{_KIND}{kind}") or {}).get("link") or {}
    return str(link.get("path", ""))
