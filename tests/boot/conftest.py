# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

from boot.image import BootableImage, build_bootable_image, cache_directory
from boot.packages import PackagesUnavailable
from boot.qemu import QEMU

_CHECKOUT = Path(__file__).parents[2]
_SQUASHFS_MAGIC = b"hsqs"


def _cannot(reason: str) -> NoReturn:
    """Skip, or fail where the boot test was demanded: there a skip would pass for a success."""
    if os.environ.get("POYA_CI_BOOT") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def bootable_image() -> BootableImage:
    """An image made of Debian packages on this machine, kept between runs."""
    try:
        return build_bootable_image(cache_directory())
    except PackagesUnavailable as error:
        _cannot(" ".join(error.lines()))


@pytest.fixture(scope="session")
def sample_image() -> BootableImage:
    """The bootable image among the samples beside the checkout."""
    samples = _CHECKOUT / os.environ.get("POYA_SAMPLES", "samples")
    for rootfs in sorted(samples.glob("*/*/rootfs")):
        with rootfs.open("rb") as file:
            if file.read(len(_SQUASHFS_MAGIC)) == _SQUASHFS_MAGIC:
                return BootableImage.within(rootfs.parent)
    pytest.skip("No bootable image in the samples beside the checkout (see POYA_SAMPLES).")


@pytest.fixture(scope="session")
def qemu() -> str:
    """The emulator's name, where it is installed."""
    if shutil.which(QEMU) is None:
        _cannot(f"{QEMU} is not installed (scripts/test-boot does it).")
    return QEMU
