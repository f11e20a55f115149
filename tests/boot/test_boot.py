# SPDX-License-Identifier: Apache-2.0
"""An image that poya brought to a site boots from what that site's S3 gives back."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from boot.image import BootableImage
from boot.qemu import boot, marker_line
from migration.console import Operator
from poya.lab.pytest_plugin import LabPair

pytestmark = pytest.mark.boot

_BOOT_TIMEOUT_S = 120
_IMAGE_ID = "5d1c2b9a-0b5e-4f51-8c5a-0b6c8f6f4a10"
_NAME = "boot-me"
_TYPES = {"kernel": "kernel", "initrd": "initrd", "rootfs": "rootfs.squashfs"}


def test_a_restored_image_boots(
    bootable_image: BootableImage, qemu: str, lab_pair: LabPair, tmp_path: Path
) -> None:
    """Restored from a bundle as manta leaves it, read back through S3, booted."""
    bundle = bundle_as_manta_leaves_it(tmp_path / "bundle", bootable_image)
    _restore_and_boot(Operator(lab_pair.config_path), ("--bundle", str(bundle)), tmp_path, qemu)


def test_the_sample_bundle_boots_after_its_restore(
    sample_image: BootableImage, qemu: str, lab_pair: LabPair, tmp_path: Path
) -> None:
    bundle = sample_image.rootfs.parent.parent
    operator = Operator(lab_pair.config_path)
    _restore_and_boot(operator, ("--bundle", str(bundle)), tmp_path, qemu)


def _restore_and_boot(
    operator: Operator, source: tuple[str, ...], tmp_path: Path, qemu: str
) -> None:
    nodes = "x2000c0s[1-2]b0n[0,1]"
    answer = operator.must(
        "migrate", "restore", *source, "--site", "prealps", "--nodes", nodes, "--yes"
    )
    assert ": Valid" in answer.out
    template = next(
        name
        for name in operator.must("get", "templates", "--site", "prealps", "--output", "names")
        .out.splitlines()
        if name.startswith(("gele", _NAME))
    )  # fmt: skip
    read_back = tmp_path / "read-back"
    operator.must("migrate", "backup", "-b", template, "-d", str(read_back), "--site", "prealps")
    directory = next(path.parent for path in read_back.glob("*/rootfs"))

    files = [directory / name for name in ("kernel", "initrd", "rootfs")]
    console = boot(files[0], files[1], files[2], _BOOT_TIMEOUT_S, qemu)

    assert marker_line(console)


def bundle_as_manta_leaves_it(directory: Path, image: BootableImage) -> Path:
    """A bundle in manta's layout around an image's three files."""
    image_directory = directory / _IMAGE_ID
    image_directory.mkdir(parents=True)
    artifacts: list[dict[str, Any]] = []
    for path, name in zip(image.files(), ("kernel", "initrd", "rootfs"), strict=True):
        shutil.copy(path, image_directory / name)
        md5 = hashlib.md5(path.read_bytes()).hexdigest()
        link = {"etag": md5, "path": f"s3://boot-images/{_IMAGE_ID}/{name}", "type": "s3"}
        media_type = f"application/vnd.cray.image.{_TYPES[name]}"
        artifacts.append({"link": link, "md5": md5, "type": media_type})
    manifest = {"created": "2024-05-06 11:22:33", "version": "1.0", "artifacts": artifacts}
    manifest_path = f"s3://boot-images/{_IMAGE_ID}/manifest.json"
    boot_set = {"path": manifest_path, "type": "s3", "arch": "X86", "node_groups": [_NAME]}
    files: dict[str, Any] = {
        f"{_IMAGE_ID}/manifest.json": manifest,
        f"{_IMAGE_ID}-ims.json": [
            {
                "id": _IMAGE_ID,
                "name": f"{_NAME}-image",
                "link": {"path": manifest_path, "etag": "", "type": "s3"},
            }
        ],
        f"{_NAME}-hsm.json": [{"label": _NAME, "members": {"ids": ["x1c0s0b0n0"]}}],
        f"{_NAME}-config.json": {
            "name": f"{_NAME}-config",
            "last_updated": "2024-05-06T11:22:33Z",
            "layers": [],
        },
        f"{_NAME}.json": {
            "name": _NAME,
            "cfs": {"configuration": f"{_NAME}-config"},
            "boot_sets": {"compute": boot_set},
        },
    }
    for name, value in files.items():
        (directory / name).write_text(json.dumps(value))
    return directory
