# SPDX-License-Identifier: Apache-2.0
"""The format on disk is the one that docs/format.md promises, and that manta's restore reads."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import poya
from bundle.places import (
    CONFIGURATION,
    IMAGE,
    TEMPLATE,
    MantaBundle,
    back_up,
    capture,
    files_of_image,
    names_below,
    prepare_backup,
    put_index,
    rich_bundle,
)
from poya.errors import BundleDamaged
from poya.model.inventory import Interest
from poya.model.records import Node
from poya.model.vcluster import Selector
from poya.sites.bundle import BundleTarget, bundle_schema, open_bundle
from poya.sites.bundle.index import FORMAT, VERSION, Origin, decode_index
from poya.sites.bundle.layout import lay_out, new_index
from poya.sites.bundle.ledger import Ledger

KERNEL = f"{IMAGE}/kernel"
DOCS = Path(__file__).parents[2] / "docs" / "format.md"


def read(path: Path) -> Any:
    return json.loads(path.read_bytes())


async def test_the_index_says_what_the_documentation_says(tmp_path: Path) -> None:
    origin = MantaBundle().write(tmp_path / "origin")
    await back_up(open_bundle(origin), tmp_path / "backup")
    index = read(tmp_path / "backup" / "bundle.json")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", index["origin"].pop("created"))
    files = index.pop("files")
    assert re.fullmatch("[0-9a-f]{64}", index.pop("sha256"))
    assert index == {
        "format": "poya-bundle",
        "version": 1,
        "vcluster": "gele",
        "origin": {
            "site": str(origin),
            "release": "bundle (manta)",
            "tool": f"poya {poya.__version__}",
        },
        "templates": [
            {"name": TEMPLATE, "file": f"{TEMPLATE}.json", "groups": f"{TEMPLATE}-hsm.json"}
        ],
        "groups": [{"name": "gele", "files": [f"{TEMPLATE}-hsm.json"]}],
        "configurations": [{"name": CONFIGURATION, "file": f"{CONFIGURATION}.json"}],
        "images": [
            {
                "id": IMAGE,
                "name": "cos",
                "record": f"{IMAGE}-ims.json",
                "manifest": f"{IMAGE}/manifest.json",
                "manifest_path": f"s3://boot-images/{IMAGE}/manifest.json",
                "artifacts": [
                    {
                        "name": name,
                        "path": f"s3://boot-images/{IMAGE}/{name}",
                        "file": f"{IMAGE}/{name}",
                    }
                    for name in files_of_image()
                ],
            }
        ],
        "nodes": [],
        "hardware": None,
    }
    assert set(files) == names_below(tmp_path / "backup") - {"bundle.json"}
    for name, entry in files.items():
        content = (tmp_path / "backup" / name).read_bytes()
        assert entry["size_bytes"] == len(content)
        assert entry["sha256"] == hashlib.sha256(content).hexdigest()
        assert entry["md5"] == hashlib.md5(content).hexdigest()


async def test_the_documented_example_has_the_members_of_a_real_index(tmp_path: Path) -> None:
    origin = MantaBundle().write(tmp_path / "origin")
    await back_up(open_bundle(origin), tmp_path / "backup")
    real = read(tmp_path / "backup" / "bundle.json")
    example = json.loads(DOCS.read_text().split("```json\n")[1].split("```")[0])
    assert example["format"] == FORMAT
    assert example["version"] == VERSION
    assert list(example) == list(real)
    for member in ("templates", "groups", "configurations", "images"):
        assert example[member][0].keys() == real[member][0].keys()
    kernel = f"{IMAGE}/kernel"
    assert example["files"][kernel].keys() == real["files"][kernel].keys()
    assert {e["role"] for e in real["files"].values()} == set(
        re.findall(r"`([a-z-]+)`", DOCS.read_text().split("| `role` |")[1].split("|")[0])
    )


def test_the_published_schema_is_that_of_the_code() -> None:
    published = DOCS.parent / "reference" / "bundle.schema.json"
    assert published.read_bytes() == bundle_schema(), "poya bundle schema > that file"


async def test_real_indexes_and_the_documented_one_are_valid_by_the_schema(tmp_path: Path) -> None:
    validator = Draft202012Validator(json.loads(bundle_schema()))
    Draft202012Validator.check_schema(validator.schema)
    origin = rich_bundle().write(tmp_path / "origin")
    backup = await prepare_backup(open_bundle(origin), tmp_path / "backup")
    Ledger(tmp_path / "begun", backup.vcluster).begin()
    with closing(backup.run.journal):
        await backup.carry_out()
    for directory in ("begun", "backup"):
        validator.validate(read(tmp_path / directory / "bundle.json"))
    documented = DOCS.read_text().split("```json\n")[1].split("```")[0]
    validator.validate(json.loads(documented.replace("…", "0" * 64)))


SCHEMA_REFUSES: dict[str, Callable[[dict[str, Any]], object]] = {
    "another format": lambda i: i.update(format="zip"),
    "another version": lambda i: i.update(version=2),
    "no images": lambda i: i.pop("images"),
    "a path upwards": lambda i: i["templates"][0].update(file="../x.json"),
    "a negative size": lambda i: i["files"][KERNEL].update(size_bytes=-1),
    "a huge size": lambda i: i["files"][KERNEL].update(size_bytes=2**60),
    "a short digest": lambda i: i["files"][KERNEL].update(sha256="abc"),
    "a group in no file": lambda i: i["groups"][0].update(files=[]),
}


@pytest.mark.parametrize("change", SCHEMA_REFUSES.values(), ids=SCHEMA_REFUSES)
async def test_schema_and_code_refuse_the_same(
    change: Callable[[dict[str, Any]], object], tmp_path: Path
) -> None:
    origin = MantaBundle().write(tmp_path / "origin")
    await back_up(open_bundle(origin), tmp_path / "backup")
    index = read(tmp_path / "backup" / "bundle.json")
    validator = Draft202012Validator(json.loads(bundle_schema()))
    assert validator.is_valid(index)
    change(index)
    assert not validator.is_valid(index)
    with pytest.raises(BundleDamaged):
        decode_index(index, "bundle.json")


async def test_the_time_is_that_of_the_clock_in_utc(tmp_path: Path) -> None:
    vcluster = await capture(MantaBundle().write(tmp_path / "origin"))
    noon = datetime(2026, 11, 24, 12, 0, 0, 999, tzinfo=UTC)
    target = BundleTarget(tmp_path / "backup", vcluster, clock=lambda: noon)
    await target.write(next(iter(refs(vcluster))), vcluster.templates[0].document, None)
    assert read(tmp_path / "backup" / "bundle.json")["origin"]["created"] == "2026-11-24T12:00:00Z"


def refs(vcluster: Any) -> list[Any]:
    from poya.model.records import EntityRef

    return [EntityRef("template", t.name) for t in vcluster.templates]


async def test_nodes_are_kept_as_hsm_knew_them(tmp_path: Path) -> None:
    from dataclasses import replace

    vcluster = await capture(MantaBundle().write(tmp_path / "origin"))
    node = Node("x1001c1s5b0n0", 1001, "ARM", "Compute", "Worker")
    known = replace(vcluster, nodes={node.xname: node})
    index = lay_out(known, new_index(known, Origin("alps", "poya", "now")))
    assert [(n.xname, n.nid, n.arch, n.role, n.subrole) for n in index.nodes] == [
        ("x1001c1s5b0n0", 1001, "ARM", "Compute", "Worker")
    ]


async def test_nodes_are_captured_again(tmp_path: Path) -> None:
    await back_up(open_bundle(MantaBundle().write(tmp_path / "origin")), tmp_path / "b")
    index = read(tmp_path / "b" / "bundle.json")
    index["nodes"] = [
        {"xname": "x1001c1s5b0n0", "nid": None, "arch": "ARM", "role": "", "subrole": ""},
        {"xname": "x9c9s9b9n9"},
    ]
    put_index(tmp_path / "b", index)
    nodes = (await capture(tmp_path / "b")).nodes
    assert nodes == {"x1001c1s5b0n0": Node("x1001c1s5b0n0", None, "ARM")}


async def test_members_and_roles_of_a_later_poya_are_ignored(tmp_path: Path) -> None:
    await back_up(open_bundle(MantaBundle().write(tmp_path / "origin")), tmp_path / "b")
    before = await capture(tmp_path / "b")
    index = read(tmp_path / "b" / "bundle.json")
    index["weather"] = "foggy"
    index["origin"]["operator"] = "mg"
    index["images"][0]["recipe"] = {"id": 1}
    index["files"]["recipe.tar"] = {"role": "recipe", "size_bytes": 1, "sha256": "0" * 64}
    put_index(tmp_path / "b", index)
    assert await capture(tmp_path / "b") == before


def test_laying_out_twice_changes_nothing(tmp_path: Path) -> None:
    import asyncio

    vcluster = asyncio.run(capture(rich_bundle().write(tmp_path / "origin")))
    index = lay_out(vcluster, new_index(vcluster, Origin("alps", "poya", "now")))
    assert lay_out(vcluster, index) == index


async def test_every_file_of_a_finished_bundle_is_in_its_index(tmp_path: Path) -> None:
    origin = rich_bundle().write(tmp_path / "origin")
    await back_up(open_bundle(origin), tmp_path / "b")
    index = read(tmp_path / "b" / "bundle.json")
    assert names_below(tmp_path / "b") == {*index["files"], "bundle.json"}


# Can manta's restore read it? The rules of its readers: a member that is missing or of another
# type is an error for serde, unknown ones are ignored, null is None where the type is an Option.


def manta_reads_template(value: Any) -> None:
    assert isinstance(value["name"], str)
    assert isinstance(value["boot_sets"]["compute"], dict)
    for boot_set in value["boot_sets"].values():
        assert isinstance(boot_set["path"], str)
        assert isinstance(boot_set["type"], str)
    assert isinstance(value["cfs"]["configuration"], str)
    assert value["boot_sets"]["compute"]["node_groups"]


def manta_reads_configuration(value: Any) -> None:
    assert isinstance(value["name"], str)
    assert isinstance(value["last_updated"], str)
    for layer in value["layers"]:
        assert isinstance(layer["clone_url"], str)
        assert isinstance(layer["playbook"], str)
        assert all(isinstance(layer.get(k), str | None) for k in ("name", "source", "commit"))


def manta_reads_groups(value: Any) -> None:
    assert isinstance(value, list)
    for group in value:
        assert isinstance(group["label"], str)
        assert isinstance(group["members"]["ids"], list)


async def test_mantas_restore_can_read_a_backup(tmp_path: Path) -> None:
    backup = tmp_path / "backup"
    await back_up(
        open_bundle(rich_bundle().write(tmp_path / "origin")),
        backup,
        Selector(templates=("Blue",)),
    )
    manta_reads_template(read(backup / "Blue.json"))
    manta_reads_configuration(read(backup / "shared.json"))
    manta_reads_groups(read(backup / "Blue-hsm.json"))
    records = read(backup / f"{IMAGE}-ims.json")
    assert isinstance(records, list)
    assert isinstance(records[0]["name"], str)
    for name in ("kernel", "initrd", "rootfs"):
        assert (backup / IMAGE / name).read_bytes() == files_of_image("a")[name]


async def test_a_backup_reads_the_same_without_its_index(tmp_path: Path) -> None:
    backup = tmp_path / "backup"
    await back_up(open_bundle(rich_bundle().write(tmp_path / "origin")), backup)
    with_index = await capture(backup)
    (backup / "bundle.json").unlink()
    without = await capture(backup)
    assert {t.name: t for t in without.templates} == {t.name: t for t in with_index.templates}
    assert {g.label: g for g in without.groups} == {g.label: g for g in with_index.groups}
    assert {i.id: i.content_digest() for i in without.images} == {
        i.id: i.content_digest() for i in with_index.images
    }


async def test_a_survey_tells_what_is_there(tmp_path: Path) -> None:
    origin = rich_bundle().write(tmp_path / "origin")
    await back_up(open_bundle(origin), tmp_path / "b")
    inventory = await BundleTarget(tmp_path / "b").survey(Interest())
    assert inventory.capabilities.is_verbatim
    assert inventory.nodes is None
    assert inventory.label == str(tmp_path / "b")
    assert {str(ref) for ref in inventory.entities} == {
        "BOS session template Blue",
        "BOS session template Green/2",
        "CFS configuration Blue",
        "CFS configuration shared",
        "HSM group gele",
        "HSM group login",
        "HSM group uan",
    }
    assert len(inventory.images) == 2
