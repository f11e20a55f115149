# SPDX-License-Identifier: Apache-2.0
"""Which architecture a kernel file is for, told by its own first bytes.

Formats: Linux Documentation/arch/x86/boot.rst (bzImage), Documentation/arch/arm64/booting.rst
(Image), drivers/firmware/efi/libstub/zboot-header.S (EFI zboot), PE and ELF headers.
"""

from __future__ import annotations

import os
import zlib
from pathlib import Path

from poya.sites.bundle.reading import open_regular

_HEAD_BYTES = 64 * 1024
_PE_MACHINES = {0x8664: "x86_64", 0xAA64: "aarch64"}
_ELF_MACHINES = {62: "x86_64", 183: "aarch64"}


def kernel_arch(path: Path) -> tuple[str, str]:
    """The architecture in IMS's words (`x86_64`, `aarch64`) and what shows it; empty if nothing.

    Raises:
        BundleDamaged: The file cannot be read.
    """
    with open_regular(path) as descriptor:
        return arch_of(os.pread(descriptor, _HEAD_BYTES, 0))


def arch_of(head: bytes) -> tuple[str, str]:
    """As `kernel_arch`, from the first 64 KiB of the file."""
    if head[:2] == b"\x1f\x8b":
        arch, evidence = _plain_arch(_unzipped(head))
        return arch, f"gzip around {evidence}" if arch else ""
    return _plain_arch(head)


def _plain_arch(head: bytes) -> tuple[str, str]:
    if head[0x202:0x206] == b"HdrS":
        return "x86_64", "bzImage: 'HdrS' at 0x202"
    if head[56:60] == b"ARM\x64":
        return "aarch64", "arm64 Image: 'ARM\\x64' at 56"
    if head[:2] == b"MZ":
        start = int.from_bytes(head[0x3C:0x40], "little")
        machine = int.from_bytes(head[start + 4 : start + 6], "little")
        if head[start : start + 4] == b"PE\0\0" and machine in _PE_MACHINES:
            return _PE_MACHINES[machine], f"PE header: machine {machine:#x}"
    if head[:4] == b"\x7fELF":
        machine = int.from_bytes(head[18:20], "little")
        if machine in _ELF_MACHINES:
            return _ELF_MACHINES[machine], f"ELF header: machine {machine}"
    return "", ""


def _unzipped(head: bytes) -> bytes:
    """The first bytes of a gzip stream, of which only the beginning is at hand."""
    try:
        return zlib.decompressobj(wbits=31).decompress(head, _HEAD_BYTES)
    except zlib.error:
        return b""
