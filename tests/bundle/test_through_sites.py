# SPDX-License-Identifier: Apache-2.0
"""From an emulated CSM into a bundle, and from the bundle to another CSM, by command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from migration.console import CONFIGURATION, NODES, TEMPLATE, Operator
from poya.lab.pytest_plugin import LabPair, TestSite


def etags(site: TestSite) -> dict[str, str]:
    """The etag of each artifact of gele's images, by image name and file name."""
    stored = {f"s3://{row.bucket}/{row.key}": row.etag for row in site.ground.objects.rows()}
    images = {
        r["name"]: r for r in site.site.state.images.values() if r["name"].startswith("gele")
    }
    found: dict[str, str] = {}
    for name, record in images.items():
        prefix = record["link"]["path"].removesuffix("manifest.json")
        for path, etag in stored.items():
            if path.startswith(prefix) and not path.endswith("manifest.json"):
                found[f"{name}/{path.removeprefix(prefix)}"] = etag
    return found


@pytest.mark.slow
def test_a_backup_is_restored_with_equal_etags(lab_pair: LabPair, tmp_path: Path) -> None:
    operator, place = Operator(lab_pair.config_path), tmp_path / "gele"
    told = operator.must(
        "migrate", "backup", "-b", TEMPLATE, "-d", str(place), "--site", "alps", "--yes"
    )
    assert f"BOS file: {place}/{TEMPLATE}.json" in told.out
    index = json.loads((place / "bundle.json").read_bytes())
    assert {node["arch"] for node in index["nodes"]} == {"ARM", "X86"}
    assert index["origin"]["site"] == "alps"
    operator.must(
        "migrate",
        "restore",
        "--bundle",
        str(place),
        "--site",
        "prealps",
        "--nodes",
        NODES,
        "--yes",
    )
    before, after = etags(lab_pair.alps), etags(lab_pair.prealps)
    assert len(after) == 8
    assert {name: before[name] for name in after} == after
    assert any("-" in etag for etag in after.values()), "one was uploaded in parts"


@pytest.mark.slow
def test_the_files_of_a_backup_are_restored_one_by_one(lab_pair: LabPair, tmp_path: Path) -> None:
    operator, place = Operator(lab_pair.config_path), tmp_path / "gele"
    operator.must("migrate", "backup", "-b", TEMPLATE, "-d", str(place), "--site", "alps", "--yes")
    index = json.loads((place / "bundle.json").read_bytes())
    images = [
        (place / image["record"], (place / image["manifest"]).parent) for image in index["images"]
    ]
    (place / "bundle.json").unlink()
    words = [w for record, files in images for w in ("--ims-file", record, "--image-dir", files)]
    operator.must(
        "migrate",
        "restore",
        *("--bos-file", f"{place}/{TEMPLATE}.json"),
        *("--cfs-file", f"{place}/{CONFIGURATION}.json"),
        *("--hsm-file", f"{place}/{TEMPLATE}-hsm.json"),
        *(str(word) for word in words),
        *("--site", "prealps", "--nodes", NODES, "--yes"),
    )
    assert len(etags(lab_pair.prealps)) == 8
