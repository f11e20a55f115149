"""Kernels tell their architecture and their release."""

from __future__ import annotations

import gzip
import struct

import pytest

from inspection.files import PACKERS, opened
from poya.errors import ImageUnreadable
from poya.inspection import arch_of
from poya.inspection.kernel import elf_arch, release_of

RELEASE = "5.14.21-150400.24.46_12.0.73-cray_shasta_c"
BANNER = f"Linux version {RELEASE} (geeko@buildhost) (gcc 7.5.0) #1 SMP\n".encode()


def bzimage(version: bytes = f"{RELEASE} (geeko@buildhost) #1 SMP\0".encode()) -> bytes:
    body = bytearray(16 * 1024)
    body[0x202:0x206] = b"HdrS"
    struct.pack_into("<H", body, 0x20E, 0x3000)
    body[0x3200 : 0x3200 + len(version)] = version
    return bytes(body)


def arm_image() -> bytes:
    body = bytearray(3 << 20)
    body[:2], body[56:60] = b"MZ", b"ARM\x64"
    # across the border of what is read at once
    body[(1 << 20) - 20 : (1 << 20) - 20 + len(BANNER)] = BANNER
    return bytes(body)


def zboot(packed: bytes) -> bytes:
    head = b"MZ\0\0zimg" + struct.pack("<II", 4096, len(packed)) + bytes(8)
    return head.ljust(4096, b"\0") + packed + bytes(100)


@pytest.mark.parametrize(
    "kernel",
    [
        bzimage(),
        arm_image(),
        gzip.compress(arm_image()),
        zboot(gzip.compress(arm_image())),
        zboot(PACKERS["zstd"](arm_image())),
    ],
    ids=["bzImage", "Image", "Image.gz", "zboot gzip", "zboot zstd"],
)
def test_the_release_is_found(kernel: bytes) -> None:
    assert release_of(opened(kernel)) == RELEASE


def test_a_bzimage_costs_one_request() -> None:
    ranges = opened(bzimage() + bytes(1 << 20))
    release_of(ranges)
    assert ranges.meter.used.requests == 1


@pytest.mark.parametrize(
    "kernel", [b"", b"MZ", bytes(100_000), bzimage(b"\0"), b"Linux version \xff\xff "]
)
def test_a_kernel_that_does_not_say_gives_nothing(kernel: bytes) -> None:
    assert release_of(opened(kernel)) == ""


def test_a_damaged_one_is_an_error() -> None:
    with pytest.raises(ImageUnreadable):
        release_of(opened(gzip.compress(arm_image())[:200]))


def test_programs_tell_their_architecture() -> None:
    for machine, arch in ((62, "x86_64"), (183, "aarch64"), (243, "")):
        head = b"\x7fELF".ljust(18, b"\0") + struct.pack("<H", machine)
        assert elf_arch(head) == arch
    assert elf_arch(b"#!/bin/sh\n") == ""
    assert arch_of(bzimage())[0] == "x86_64"
    assert arch_of(arm_image()[: 64 * 1024])[0] == "aarch64"
