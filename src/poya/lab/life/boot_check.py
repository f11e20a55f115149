# SPDX-License-Identifier: Apache-2.0
"""Whether a node boots what BSS holds for it, judged as firmware, kernel and dracut would.

IMS, BOS and BSS take nearly everything on trust: objects that are not there, etags that are not
theirs, providers and names of another site. Here is where it shows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from poya.lab.ports import ObjectInfo
from poya.lab.services.ims_links import split_s3
from poya.lab.site import LabSite
from poya.lab.state import JsonObject

_HEAD_BYTES = 1024
_ARM_MAGIC = (56, b"ARM\x64")
_X86_MAGIC = (0x202, b"HdrS")
_IMAGE_ID = re.compile(r"s3://boot-images/([0-9a-f-]{36})/.+")
_SBPS_NAME = re.compile(r"_sbps-(?:hsn|nmn)\._tcp\.(?P<domain>[^:\s]+)")


class BootFailed(Exception):
    """Why a node does not boot: what its console shows."""


@dataclass(frozen=True, slots=True)
class Booted:
    """What a node runs, as its state reporter tells it to BOS."""

    kernel: str
    initrd: str
    params: str
    rootfs: str
    token: str

    def artifacts(self) -> dict[str, str]:
        """In BOS's terms."""
        return {
            "kernel": self.kernel,
            "kernel_parameters": self.params,
            "initrd": self.initrd,
        }


@dataclass(frozen=True, slots=True)
class _Root:
    """`root=<protocol>:<path>:<etag>[:<passthrough>]`."""

    protocol: str
    path: str
    etag: str
    passthrough: str


async def boot(site: LabSite, component: JsonObject) -> Booted:
    """Boot a node.

    Raises:
        BootFailed: The text is what its console shows.
    """
    record = _boot_record(site, component)
    await _load(site, component, record)
    root = _root_of(record.get("params", ""))
    if root is not None:
        _require_provider(site, root)
        await _require_rootfs(site, root)
    return Booted(
        kernel=record.get("kernel", ""),
        initrd=record.get("initrd", ""),
        params=record.get("params", ""),
        rootfs="" if root is None else root.path,
        token=(site.state.kind("bss_tokens").get(component["ID"]) or {}).get("token", ""),
    )


def _boot_record(site: LabSite, component: JsonObject) -> JsonObject:
    """What BSS answers to the node: its own record, its role's, or the default."""
    for name in (component["ID"], component.get("Role", ""), "Default"):
        found = site.state.boot_parameters.get(name)
        if found is not None and found.get("kernel"):
            return found
    raise BootFailed("iPXE: BSS has no boot script for this node (404)")


async def _load(site: LabSite, component: JsonObject, record: JsonObject) -> None:
    for part in ("kernel", "initrd"):
        path = record.get(part, "")
        if path and await _head(site, path) is None:
            raise BootFailed(f"iPXE: {path}: HTTP 404 Not Found ({part})")
    head = await site.objects.read(*split_s3(record["kernel"]), _HEAD_BYTES)
    wanted = "aarch64" if component.get("Arch") == "ARM" else "x86_64"
    actual = _arch_of(head) or _recorded_arch(site, record["kernel"]) or wanted
    if actual != wanted:
        raise BootFailed(
            f"iPXE: {record['kernel']}: Exec format error (a kernel for {actual} on {wanted})"
        )


def _arch_of(head: bytes) -> str:
    """The architecture that a kernel is built for, by its magic; "" if it has none."""
    for (offset, magic), arch in ((_ARM_MAGIC, "aarch64"), (_X86_MAGIC, "x86_64")):
        if head[offset : offset + len(magic)] == magic:
            return arch
    return ""


def _recorded_arch(site: LabSite, kernel: str) -> str:
    image = _IMAGE_ID.fullmatch(kernel)
    record = site.state.images.get(image[1]) if image else None
    return str((record or {}).get("arch", ""))


def _root_of(params: str) -> _Root | None:
    """The root file system that the kernel command line names; None if it is the initrd."""
    words = [word for word in params.split() if word.startswith("root=")]
    if not words:
        return None
    found = re.fullmatch(r"root=([a-z0-9-]*):(s3://[^:]+):([^:]*)(?::(.*))?", words[-1])
    if found is None:
        raise BootFailed(f"dracut: FATAL: Don't know how to handle '{words[-1]}'")
    return _Root(found[1], found[2], found[3], found[4] or "")


def _require_provider(site: LabSite, root: _Root) -> None:
    offered = {"craycps-s3": site.profile.has_cps, "sbps-s3": site.profile.has_sbps}
    if not offered.get(root.protocol):
        raise BootFailed(
            f"dracut: FATAL: Don't know how to handle 'root={root.protocol}': "
            f"CSM {site.profile.release} provides no such root file systems"
        )
    if root.protocol != "sbps-s3":
        return
    named = _SBPS_NAME.search(root.passthrough)
    if named is None or named["domain"] != site.domain:
        name = named[0] if named else root.passthrough or "(nothing)"
        raise BootFailed(
            f"dracut: sbps: no SRV record for {name}\ndracut: FATAL: no iSCSI target was found"
        )
    image = _IMAGE_ID.fullmatch(root.path)
    record = (site.state.images.get(image[1]) if image else None) or {}
    if (record.get("metadata") or {}).get("sbps-project") != "true":
        raise BootFailed(f"dracut: sbps: {root.path} is not projected\ndracut: FATAL: no root")


async def _require_rootfs(site: LabSite, root: _Root) -> None:
    info = await _head(site, root.path)
    if info is None:
        raise BootFailed(f"dracut: {root.path} does not exist\ndracut: FATAL: no root")
    if info.etag != root.etag:
        raise BootFailed(
            f"dracut: {root.path} has etag {info.etag}, root= asks for {root.etag or '(nothing)'}"
            "\ndracut: FATAL: no root"
        )


async def _head(site: LabSite, path: str) -> ObjectInfo | None:
    return await site.objects.head(*split_s3(path)) if path.startswith("s3://") else None
