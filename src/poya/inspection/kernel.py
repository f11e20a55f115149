# SPDX-License-Identifier: Apache-2.0
"""What a kernel file tells of itself: its architecture and its release.

Formats: Linux Documentation/arch/x86/boot.rst (bzImage), Documentation/arch/arm64/booting.rst
(Image), drivers/firmware/efi/libstub/zboot-header.S (EFI zboot), PE and ELF headers.
"""

from __future__ import annotations

import re
import zlib

from poya.inspection.decompression import MAGIC_BYTES, packing_of, unpack
from poya.inspection.ranges import KIB, Metered
from poya.inspection.stream import ByteStream, stream_of

HEAD_BYTES = 64 * KIB
ELF_MACHINES = {62: "x86_64", 183: "aarch64"}
_PE_MACHINES = {0x8664: "x86_64", 0xAA64: "aarch64"}
_SETUP_HEADER, _VERSION_POINTER, _VERSION_BASE = 0x202, 0x20E, 0x200
_ZBOOT_MAGIC, _ZBOOT_AT = b"zimg", 4
_RELEASE_BYTES = 128
# The kernel's banner; `uname -r` is its third word.
_BANNER = re.compile(rb"Linux version ([0-9][0-9A-Za-z.+_~-]{2,63}) ")
_BANNER_BYTES = 128


def arch_of(head: bytes) -> tuple[str, str]:
    """The architecture in IMS's words (`x86_64`, `aarch64`) and what shows it; empty if nothing.

    Args:
        head: The first 64 KiB of the file.
    """
    if head[:2] == b"\x1f\x8b":
        arch, evidence = _plain_arch(_unzipped(head))
        return arch, f"gzip around {evidence}" if arch else ""
    return _plain_arch(head)


def release_of(ranges: Metered) -> str:
    """What `uname -r` will say; empty if the file does not tell.

    A bzImage says it in its header. An arm64 kernel has it somewhere inside, so the file is read
    up to there.

    Raises:
        ImageUnreadable: It is compressed and damaged.
        TooMuchToRead: The limits are reached.
    """
    head = ranges.read(0, min(HEAD_BYTES, ranges.size_bytes))
    if head[_SETUP_HEADER : _SETUP_HEADER + 4] == b"HdrS":
        return _release_of_bzimage(head)
    return _release_in_banner(_unpacked(ranges))


def elf_arch(head: bytes) -> str:
    """The architecture that a program is for; empty if it is no ELF file or for another one."""
    if head[:4] != b"\x7fELF":
        return ""
    return ELF_MACHINES.get(int.from_bytes(head[18:20], "little"), "")


def _plain_arch(head: bytes) -> tuple[str, str]:
    if head[_SETUP_HEADER : _SETUP_HEADER + 4] == b"HdrS":
        return "x86_64", "bzImage: 'HdrS' at 0x202"
    if head[56:60] == b"ARM\x64":
        return "aarch64", "arm64 Image: 'ARM\\x64' at 56"
    if head[:2] == b"MZ":
        start = int.from_bytes(head[0x3C:0x40], "little")
        machine = int.from_bytes(head[start + 4 : start + 6], "little")
        if head[start : start + 4] == b"PE\0\0" and machine in _PE_MACHINES:
            return _PE_MACHINES[machine], f"PE header: machine {machine:#x}"
    if elf_arch(head):
        machine = int.from_bytes(head[18:20], "little")
        return elf_arch(head), f"ELF header: machine {machine}"
    return "", ""


def _unzipped(head: bytes) -> bytes:
    """The first bytes of a gzip stream, of which only the beginning is at hand."""
    try:
        return zlib.decompressobj(wbits=31).decompress(head, HEAD_BYTES)
    except zlib.error:
        return b""


def _release_of_bzimage(head: bytes) -> str:
    pointer = int.from_bytes(head[_VERSION_POINTER : _VERSION_POINTER + 2], "little")
    if not pointer:
        return ""
    start = _VERSION_BASE + pointer
    text = head[start : start + _RELEASE_BYTES].partition(b"\0")[0]
    words = text.split()
    return words[0].decode("ascii", "replace") if words else ""


def _unpacked(ranges: Metered) -> ByteStream:
    """The kernel proper: out of gzip, out of an EFI zboot image, or the file itself."""
    stream = stream_of(ranges)
    head = stream.peek(HEAD_BYTES)
    if head[_ZBOOT_AT : _ZBOOT_AT + 4] == _ZBOOT_MAGIC:
        stream.skip(int.from_bytes(head[8:12], "little"))
    if packing_of(stream.peek(MAGIC_BYTES)):
        return ByteStream(unpack(stream, ranges.meter))
    return stream


def _release_in_banner(stream: ByteStream) -> str:
    before = b""
    for piece in iter(stream.take_some, b""):
        window = before + piece
        found = _BANNER.search(window)
        if found:
            return found[1].decode("ascii")
        before = window[-_BANNER_BYTES:]
    return ""
