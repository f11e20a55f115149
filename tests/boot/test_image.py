# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from boot.image import HOSTNAME, BootableImage, build_bootable_image, cache_directory
from boot.packages import PackagesUnavailable
from boot.qemu import MARKER, BootFailed, boot, marker_line

_BOOT_TIMEOUT_S = 120
_LARGEST_BYTES = 60_000_000

pytestmark = pytest.mark.boot


def test_an_image_of_debian_packages_boots(bootable_image: BootableImage, qemu: str) -> None:
    console = boot(*bootable_image.files(), _BOOT_TIMEOUT_S, qemu)

    line = marker_line(console)
    assert line is not None
    assert line.startswith(f"{MARKER} {HOSTNAME} ")


def test_the_sample_image_boots(sample_image: BootableImage, qemu: str) -> None:
    console = boot(*sample_image.files(), _BOOT_TIMEOUT_S, qemu)

    assert marker_line(console)


def test_an_image_with_a_damaged_root_does_not_pass_for_booted(
    bootable_image: BootableImage, qemu: str, tmp_path: Path
) -> None:
    damaged = tmp_path / "rootfs"
    damaged.write_bytes(bytes(bootable_image.rootfs.stat().st_size))

    with pytest.raises(BootFailed, match="mounting /dev/vda on /root failed"):
        boot(bootable_image.kernel, bootable_image.initrd, damaged, _BOOT_TIMEOUT_S, qemu)


def test_an_image_is_small(bootable_image: BootableImage) -> None:
    assert sum(path.stat().st_size for path in bootable_image.files()) < _LARGEST_BYTES


def test_the_same_packages_give_the_same_bytes(
    bootable_image: BootableImage, tmp_path: Path
) -> None:
    try:
        again = build_bootable_image(tmp_path)
    except PackagesUnavailable as error:
        pytest.skip(" ".join(error.lines()))
    if again.kernel.read_bytes() != bootable_image.kernel.read_bytes():
        pytest.skip(f"The kept image has an older kernel; remove {cache_directory()}.")

    for first, second in zip(bootable_image.files(), again.files(), strict=True):
        assert first.read_bytes() == second.read_bytes(), first.name


def test_a_built_image_is_used_again(bootable_image: BootableImage) -> None:
    before = bootable_image.rootfs.stat()

    again = build_bootable_image(cache_directory())

    assert again == bootable_image
    assert again.rootfs.stat().st_ino == before.st_ino
