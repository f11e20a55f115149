# SPDX-License-Identifier: Apache-2.0
"""A twin of a site: made from its names and structure, and good for a rehearsal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from poya.lab.keeping import pack, unpack
from poya.lab.lifecycle import Lab
from poya.lab.pytest_plugin import LabPair
from poya.lab.seed.catalog import put_maps
from poya.lab.state import SiteState
from poya.lab.wanted import Wanted

TEMPLATE = "gele-cos-template-23.06.0-1"
IMAGE = "3e0d418f-7757-4df0-b0f7-0b945495f7bf"


def poya(config: Path, *words: str) -> str:
    """Type a command of poya's; what it prints."""
    done = subprocess.run(
        [sys.executable, "-m", "poya", *words],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "POYA_CONFIG": str(config)},
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def structure(lab_pair: LabPair, tmp_path: Path) -> dict[str, Any]:
    """What is written down of alps, which has secrets to keep."""
    state = lab_pair.alps.site.state
    record = state.boot_parameters.get("x3000c0s17b0n0") or {}
    words = "spire_join_token=${SPIRE_JOIN_TOKEN} admin_password=hunter2"
    record |= {"params": f"{record['params']} {words}", "cloud-init": {"user-data": {"k": "v"}}}
    state.boot_parameters.put("x3000c0s17b0n0", record)
    switch = {"Xname": "x3000c0w22", "Parent": "x3000", "Type": "comptype_mgmt_switch"}
    snmp = {"SNMPAuthPassword": "hunter2", "SNMPUsername": "snmp", "Model": "S3048T"}
    switch |= {"Class": "River", "TypeString": "MgmtSwitch"}
    state.sls_hardware.put("x3000c0w22", {**switch, "ExtraProperties": snmp})
    file = tmp_path / "alps.json"
    poya(lab_pair.config_path, "lab", "import", "--from", "alps", "--save", str(file))
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def test_a_site_is_only_read(lab_pair: LabPair, structure: dict[str, Any]) -> None:
    assert structure["records"]["components"]
    assert lab_pair.alps.requests(mutating=True) == []
    objects = [r for r in lab_pair.alps.requests() if r.service == "s3" and r.method == "GET"]
    assert all(r.path.endswith("manifest.json") for r in objects)


def test_no_secret_leaves_the_site(structure: dict[str, Any]) -> None:
    text = json.dumps(structure)
    assert "hunter2" not in text
    assert "admin_password=left-out" in text
    assert "spire_join_token=${SPIRE_JOIN_TOKEN}" in text
    assert '"cloud-init"' not in text
    assert "S3048T" in text


def test_structure_names_what_a_twin_needs(structure: dict[str, Any]) -> None:
    assert (structure["release"], structure["domain"]) == ("1.5", "alps.example.org")
    image = next(i for i in structure["images"] if i["id"] == IMAGE)
    assert [a["size_bytes"] > 0 for a in image["artifacts"]] == [True] * 4
    assert set(structure["repositories"]) >= {"cos-config-management", "cscs-config-management"}


def test_the_product_catalog_is_taken_along(structure: dict[str, Any], lab_pair: LabPair) -> None:
    taken = structure["product_catalog"]["maps"]
    assert [one["name"] for one in taken] == ["cray-product-catalog"]
    state = SiteState.in_memory()
    put_maps(state, taken)
    key = "services/cray-product-catalog"
    twin, real = (s.kind("config_maps").get(key) for s in (state, lab_pair.alps.site.state))
    assert twin == real


def test_a_catalog_that_cannot_be_read_is_told_of(lab_pair: LabPair, tmp_path: Path) -> None:
    text = lab_pair.config_path.read_text()
    start = text.index("[sites.alps.kubernetes]")
    end = text.find("\n[", start + 1)
    config = tmp_path / "without.toml"
    config.write_text(text[:start] + (text[end:] if end > 0 else ""))
    file = tmp_path / "alps.json"
    words = ("lab", "import", "--from", "alps", "--save", str(file))
    done = subprocess.run(
        [sys.executable, "-m", "poya", *words],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "POYA_CONFIG": str(config)},
        timeout=120,
    )
    assert "The product catalog of alps is not read, and a twin has none" in done.stderr
    assert json.loads(file.read_text())["product_catalog"]["maps"] == []


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    made = Lab(tmp_path / "lab")
    yield made
    made.down()


def test_a_twin_is_migrated_as_the_site_would_be(
    structure: dict[str, Any], lab: Lab, tmp_path: Path
) -> None:
    """Tonight's migration: from the twin of alps to a site with room for it."""
    file = tmp_path / "twin.json"
    file.write_text(json.dumps(structure))
    lab.up(Wanted(sites=(("prealps", "1.6"),), image_bytes=1024 * 1024))
    where = ("--dir", str(lab.directory), "--object-size", "2M")
    poya(lab.config_path, "lab", "import", str(file), "--as", "alps", *where)
    templates = json.loads(
        poya(lab.config_path, "get", "templates", "--site", "alps", "--output", "json")
    )
    assert TEMPLATE in [t["name"] for t in templates]
    nodes = "x9000c1s[1-4]b[0,1]n0,x3002c0s[17,19]b0n0"
    moved = ("--from", "alps", "--to", "prealps", "--nodes", nodes, "--yes", "--output", "json")
    done = json.loads(poya(lab.config_path, "migrate", "run", "gele", *moved))
    assert done


def test_a_site_is_kept_in_a_file(lab: Lab, tmp_path: Path) -> None:
    lab.up(Wanted(sites=(("prealps", "1.6"),), image_bytes=1024 * 1024))
    lab.down()
    state = SiteState.open(lab.files("prealps").contents[0])
    state.groups.put("mine", {"label": "mine", "description": "", "members": {"ids": []}})
    state.close()
    file = tmp_path / "kept.tar.gz"
    assert pack(lab, "prealps", file) == file.stat().st_size
    unpack(lab, "again", file)
    lab.down()
    again = SiteState.open(lab.files("again").contents[0])
    assert "mine" in again.groups
    again.close()
