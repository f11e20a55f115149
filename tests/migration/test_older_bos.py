"""A target whose BOS misses what later ones let pass."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

from poya.lab.pytest_plugin import TestSite, start_pair, stop_pair

NODES = "x9000c1s[1-4]b[0,1]n0,x3002c0s[17,19]b0n0"


def drop_boot_parameters(site: TestSite) -> None:
    """Take the boot parameters out of the manifests of gele's images, as many images have none."""
    objects, images = site.ground.objects, site.site.state.images
    for image in images.values():
        if image["name"].startswith("gele"):
            key = f"{image['id']}/manifest.json"
            manifest = json.loads(objects.read_now("boot-images", key))
            kept = [a for a in manifest["artifacts"] if "parameters" not in a["type"]]
            body = json.dumps(manifest | {"artifacts": kept}).encode()
            image["link"]["etag"] = asyncio.run(objects.write("boot-images", key, body)).etag
            images.put(image["id"], image)


def test_images_without_boot_parameters_come_to_csm_15_as_foreseen(tmp_path: Path) -> None:
    """BOS 2.10 warns of them, in words of its own: that is no mismatch."""
    pair = start_pair(tmp_path, ("1.5", "1.5"))
    try:
        drop_boot_parameters(pair.alps)
        moved = ("--from", "alps", "--to", "prealps", "--nodes", NODES, "--yes")
        done = subprocess.run(
            [sys.executable, "-m", "poya", "migrate", "run", "gele", *moved],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "POYA_CONFIG": str(pair.config_path)},
            timeout=120,
        )
    finally:
        stop_pair(pair)
    assert done.returncode == 0, done.stderr
    assert "as foreseen" in done.stdout
    assert "could not locate its boot_parameters" in done.stdout
