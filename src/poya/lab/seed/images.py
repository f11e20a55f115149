# SPDX-License-Identifier: Apache-2.0
"""Boot images: kernel, initrd, root file system and boot parameters, made from a name."""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from poya.lab.profiles import MetadataForm, ReleaseProfile
from poya.lab.seed.insides import KERNEL_RELEASE, Surroundings, initrd, root_files
from poya.lab.seed.squashfs import Big, squashfs
from poya.lab.storage.objects import PART_BYTES, NewObject, SiteObjects

BUCKET = "boot-images"
_BLOCK_BYTES = 1024 * 1024
_KERNEL_BYTES = 192 * 1024
_INITRD_BYTES = 320 * 1024
_ARM_MAGIC_OFFSET = 56
_SETUP_SIGNATURE_OFFSET = 0x1FE
_SETUP_HEADER_OFFSET = 0x202
_VERSION_POINTER_OFFSET, _VERSION_OFFSET = 0x20E, 0x1000
_BANNER_OFFSET = 64 * 1024
_SMALL_FILES_BYTES = 16 * 1024
_KIND = "application/vnd.cray.image."
_ANYWHERE = Surroundings()


@dataclass(frozen=True, slots=True)
class Image:
    """An image to seed.

    Attributes:
        arch: As IMS spells it: aarch64 or x86_64.
        created: As IMS dumps it, without a time zone.
        boot_parameters: Put before the boot set's own kernel parameters.
        rootfs_bytes: About how long its root file system is to be.
    """

    id: str
    name: str
    arch: str
    created: str
    rootfs_bytes: int
    boot_parameters: str = "console=ttyS0,115200 net.ifnames=0"

    @property
    def path(self) -> str:
        """Where its manifest lies."""
        return f"s3://{BUCKET}/{self.id}/manifest.json"


def seed_image(
    image: Image,
    objects: SiteObjects,
    profile: ReleaseProfile,
    site: Surroundings = _ANYWHERE,
) -> dict[str, Any]:
    """Put the image's objects in the store, and return its IMS record."""
    artifacts = [
        _put(objects, image, "rootfs", f"{_KIND}rootfs.squashfs", rootfs(image, site)),
        _put(objects, image, "kernel", f"{_KIND}kernel", [_kernel(image)]),
        _put(objects, image, "initrd", f"{_KIND}initrd", [_initrd(image, site)]),
        _put(
            *(objects, image, "boot_parameters", f"{_KIND}parameters.boot"),
            [image.boot_parameters.encode() + b"\n"],
        ),
    ]
    manifest = {
        "version": "1.0",
        "created": image.created.replace("T", " "),
        "artifacts": artifacts,
    }
    body = json.dumps(manifest).encode()
    link = _put(objects, image, "manifest.json", "", [body])["link"]
    return image_record(image, profile, link)


def image_record(image: Image, profile: ReleaseProfile, link: object) -> dict[str, Any]:
    """What IMS of that release answers for the image."""
    zone = "+00:00" if profile.ims_times_have_zone else ""
    record: dict[str, Any] = {
        "id": image.id,
        "name": image.name,
        "created": image.created + zone,
        "link": link,
    }
    if profile.ims_arch:
        record["arch"] = image.arch
    if profile.ims_metadata is not MetadataForm.NONE:
        record["metadata"] = {"built-by": "image-customization", "source": image.name}
    return record


def _put(
    objects: SiteObjects, image: Image, name: str, kind: str, chunks: Iterable[bytes]
) -> dict[str, Any]:
    key = f"{image.id}/{name}"
    written = objects.put(
        NewObject(BUCKET, key, chunks, part_bytes=PART_BYTES, metadata=_marks(image))
    )
    link = {"path": f"s3://{BUCKET}/{key}", "etag": written.etag, "type": "s3"}
    return {"type": kind, "md5": written.metadata["md5sum"], "link": link}


def artifact_chunks(image: Image, kind: str) -> Iterable[bytes]:
    """Bytes for an artifact of some kind: what tools look at is right, the rest is noise."""
    name = kind.removeprefix(_KIND)
    if name == "kernel":
        return [_kernel(image)]
    if name == "initrd":
        return [_initrd(image, _ANYWHERE)]
    if name == "parameters.boot":
        return [image.boot_parameters.encode() + b"\n"]
    return rootfs(image)


def _marks(image: Image) -> dict[str, str]:
    return {"x-shasta-ims-image-id": image.id, "x-shasta-ims-image-name": image.name}


def noise(name: str, size_bytes: int) -> Iterator[bytes]:
    """Bytes that do not compress, the same for the same name."""
    source = random.Random(name)
    while size_bytes > 0:
        yield source.randbytes(min(_BLOCK_BYTES, size_bytes))
        size_bytes -= _BLOCK_BYTES


def _kernel(image: Image) -> bytes:
    body = bytearray(b"".join(noise(f"kernel {image.name}", _KERNEL_BYTES)))
    if image.arch == "aarch64":
        body[:2] = b"MZ"
        struct.pack_into("<4s", body, _ARM_MAGIC_OFFSET, b"ARM\x64")
        banner = f"Linux version {KERNEL_RELEASE} (geeko@buildhost)\n".encode()
        body[_BANNER_OFFSET : _BANNER_OFFSET + len(banner)] = banner
    else:
        struct.pack_into("<2s", body, _SETUP_SIGNATURE_OFFSET, b"\x55\xaa")
        struct.pack_into("<4s", body, _SETUP_HEADER_OFFSET, b"HdrS")
        struct.pack_into("<H", body, _VERSION_POINTER_OFFSET, _VERSION_OFFSET - 0x200)
        version = f"{KERNEL_RELEASE} (geeko@buildhost) #1 SMP\0".encode()
        body[_VERSION_OFFSET : _VERSION_OFFSET + len(version)] = version
    return bytes(body)


def _initrd(image: Image, site: Surroundings) -> bytes:
    ballast = b"".join(noise(f"initrd {image.name}", _INITRD_BYTES))
    return initrd(image.arch, site, ballast)


def rootfs(image: Image, site: Surroundings = _ANYWHERE) -> Iterator[bytes]:
    """A real file system, a little shorter than asked: the same bytes for the same image."""
    size_bytes = max(image.rootfs_bytes - _SMALL_FILES_BYTES, 0)
    ballast = Big(size_bytes, noise(f"rootfs {image.name}", size_bytes))
    files = root_files(image.name, image.arch, site)
    return squashfs({**files, "usr/lib/payload": ballast}, ["var/opt"])
