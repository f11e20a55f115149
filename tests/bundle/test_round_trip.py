# SPDX-License-Identifier: Apache-2.0
"""Backup and restore are the same migration in two directions: nothing is lost between them."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from bundle.places import (
    CONFIGURATION,
    IMAGE,
    OTHER_IMAGE,
    TEMPLATE,
    MantaBundle,
    back_up,
    boot_set,
    capture,
    files_of_image,
    names_below,
    put_index,
    record_of,
    rich_bundle,
    template_of,
)
from poya.model.vcluster import Selector, VCluster
from poya.sites.bundle import list_files, open_bundle
from poya.transfer import Guard


def comparable(vcluster: VCluster) -> VCluster:
    """The capture without where it was found."""
    return replace(
        vcluster,
        site="",
        release="",
        groups=tuple(sorted(vcluster.groups, key=lambda g: g.label)),
        templates=tuple(sorted(vcluster.templates, key=lambda t: t.name)),
        images=tuple(sorted(vcluster.images, key=lambda i: i.id)),
    )


@pytest.fixture(params=["simple", "rich"])
def origin(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    made = MantaBundle() if request.param == "simple" else rich_bundle()
    return made.write(tmp_path / "origin")


async def test_a_backup_captures_equal_to_its_source(origin: Path, tmp_path: Path) -> None:
    before = await capture(origin)
    await back_up(open_bundle(origin), tmp_path / "backup")
    after = await capture(tmp_path / "backup")
    assert comparable(after) == comparable(before)
    assert after.release == "bundle (bundle (manta))"
    assert after.site == str(tmp_path / "backup")


async def test_a_backup_of_a_backup_has_the_same_files(origin: Path, tmp_path: Path) -> None:
    await back_up(open_bundle(origin), tmp_path / "one")
    await back_up(open_bundle(tmp_path / "one"), tmp_path / "two")
    one, two = tmp_path / "one", tmp_path / "two"
    assert names_below(one) == names_below(two)
    for name in names_below(one) - {"bundle.json"}:
        assert (one / name).read_bytes() == (two / name).read_bytes()


async def test_files_are_called_as_operators_of_manta_know_them(tmp_path: Path) -> None:
    made = MantaBundle(images={IMAGE: dict(list(files_of_image().items())[:3])})
    await back_up(open_bundle(made.write(tmp_path / "origin")), tmp_path / "backup")
    assert names_below(tmp_path / "backup") == {
        "bundle.json",
        f"{TEMPLATE}.json",
        f"{TEMPLATE}-hsm.json",
        f"{CONFIGURATION}.json",
        f"{IMAGE}-ims.json",
        f"{IMAGE}/manifest.json",
        f"{IMAGE}/kernel",
        f"{IMAGE}/initrd",
        f"{IMAGE}/rootfs",
    }


async def test_the_listing_has_the_order_of_mantas_summary(tmp_path: Path) -> None:
    origin = MantaBundle().write(tmp_path / "origin")
    backup = tmp_path / "backup"
    await back_up(open_bundle(origin), backup)
    assert list_files(backup) == [
        ("BOS file", f"{backup}/{TEMPLATE}.json"),
        ("CFS file", f"{backup}/{CONFIGURATION}.json"),
        ("HSM file", f"{backup}/{TEMPLATE}-hsm.json"),
        ("IMS file", f"{backup}/{IMAGE}-ims.json"),
        ("Image name", "cos"),
        ("file", f"{backup}/{IMAGE}/manifest.json"),
        ("file", f"{backup}/{IMAGE}/initrd"),
        ("file", f"{backup}/{IMAGE}/kernel"),
        ("file", f"{backup}/{IMAGE}/rootfs"),
        ("file", f"{backup}/{IMAGE}/boot_parameters"),
    ]


async def test_a_group_of_two_templates_is_in_both_files(tmp_path: Path) -> None:
    origin = rich_bundle().write(tmp_path / "origin")
    await back_up(open_bundle(origin), tmp_path / "backup")

    def labels(name: str) -> list[str]:
        return [g["label"] for g in json.loads((tmp_path / "backup" / name).read_bytes())]

    assert sorted(labels("Blue-hsm.json")) == ["gele", "login"]
    assert sorted(labels("Green%2F2-hsm.json")) == ["gele", "uan"]


async def test_a_template_and_a_configuration_of_one_name_are_both_kept(tmp_path: Path) -> None:
    origin = rich_bundle().write(tmp_path / "origin")
    await back_up(open_bundle(origin), tmp_path / "backup")
    backup = tmp_path / "backup"
    assert "boot_sets" in json.loads((backup / "Blue.json").read_bytes())
    assert "layers" in json.loads((backup / "Blue.cfs.json").read_bytes())
    after = await capture(backup)
    assert {c.name for c in after.configurations} == {"Blue", "shared"}


async def test_records_are_kept_with_fields_that_poya_does_not_know(tmp_path: Path) -> None:
    made = MantaBundle()
    await back_up(open_bundle(made.write(tmp_path / "origin")), tmp_path / "backup")
    kept = json.loads((tmp_path / "backup" / f"{TEMPLATE}.json").read_bytes())
    assert kept == made.templates[0]
    assert (
        json.loads((tmp_path / "backup" / f"{CONFIGURATION}.json").read_bytes())
        == (made.configurations[0])
    )


async def test_a_second_backup_moves_and_writes_nothing(origin: Path, tmp_path: Path) -> None:
    await back_up(open_bundle(origin), tmp_path / "backup")
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "backup").rglob("*")}
    plan = await back_up(open_bundle(origin), tmp_path / "backup")
    assert plan.is_empty()
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "backup").rglob("*")} == before


async def test_another_template_is_added_to_a_finished_backup(tmp_path: Path) -> None:
    origin, backup = rich_bundle().write(tmp_path / "origin"), tmp_path / "backup"
    await back_up(open_bundle(origin), backup, Selector(templates=("Blue",)))
    assert [i.id for i in (await capture(backup)).images] == [IMAGE]
    await back_up(open_bundle(origin), backup)
    after = await capture(backup)
    assert {t.name for t in after.templates} == {"Blue", "Green/2"}
    assert {i.id for i in after.images} == {IMAGE, OTHER_IMAGE}
    assert {gap.id for gap in after.gaps} <= {"arch-inferred"}


async def test_artifacts_that_share_a_file_name_are_kept_apart(tmp_path: Path) -> None:
    files = files_of_image()
    origin = MantaBundle(images={IMAGE: files}).write(tmp_path / "first")
    await back_up(open_bundle(origin), tmp_path / "one")
    index = json.loads((tmp_path / "one" / "bundle.json").read_bytes())
    manifest = json.loads((tmp_path / "one" / IMAGE / "manifest.json").read_bytes())
    # As IMS makes them when an image has debug files below its prefix.
    manifest["artifacts"][3]["link"]["path"] = f"s3://boot-images/{IMAGE}/debug/kernel"
    rename(tmp_path / "one", index, manifest)
    plan = await back_up(open_bundle(tmp_path / "one"), tmp_path / "two")
    written = json.loads((tmp_path / "two" / "bundle.json").read_bytes())
    names = [a["name"] for a in written["images"][0]["artifacts"]]
    assert names == [a.name for a in plan.images[0].artifacts]
    assert (tmp_path / "two" / IMAGE / "kernel").read_bytes() == files["kernel"]
    assert (tmp_path / "two" / IMAGE / "kernel.2").read_bytes() == b"quiet"


def rename(directory: Path, index: dict[str, object], manifest: dict[str, object]) -> None:
    """Put an altered manifest in place, with an index that agrees."""
    import hashlib

    raw = json.dumps(manifest).encode()
    (directory / IMAGE / "manifest.json").write_bytes(raw)
    text = json.dumps(index).replace(f"{IMAGE}/boot_parameters", f"{IMAGE}/debug/kernel", 1)
    changed = json.loads(text)
    changed["files"][f"{IMAGE}/manifest.json"] |= {
        "size_bytes": len(raw),
        "sha256": hashlib.sha256(raw).hexdigest(),
    }
    for artifact in changed["images"][0]["artifacts"]:
        if artifact["name"] == "boot_parameters":
            artifact["path"] = f"s3://boot-images/{IMAGE}/debug/kernel"
            artifact["file"] = f"{IMAGE}/boot_parameters"
    put_index(directory, changed)


async def test_two_images_of_the_same_name_are_both_kept(tmp_path: Path) -> None:
    made = MantaBundle(
        templates=[template_of(compute=boot_set(IMAGE), uan=boot_set(OTHER_IMAGE))],
        images={IMAGE: files_of_image("a"), OTHER_IMAGE: files_of_image("b")},
        records={OTHER_IMAGE: record_of(OTHER_IMAGE, "cos", arch="x86_64")},
    )
    await back_up(open_bundle(made.write(tmp_path / "origin")), tmp_path / "backup")
    assert {i.id for i in (await capture(tmp_path / "backup")).images} == {IMAGE, OTHER_IMAGE}


async def test_the_multipart_etag_of_a_file_survives_with_its_part_size(tmp_path: Path) -> None:
    from poya.transfer.etags import MIB, EtagHasher

    content = os.urandom(9 * MIB + 11)
    hasher = EtagHasher(5 * MIB)
    hasher.update(content)
    origin = MantaBundle(images={IMAGE: files_of_image() | {"rootfs": content}}).write(
        tmp_path / "origin"
    )
    path = origin / IMAGE / "manifest.json"
    manifest = json.loads(path.read_bytes())
    manifest["artifacts"][0]["link"]["etag"] = hasher.etag()
    path.write_text(json.dumps(manifest))
    await back_up(open_bundle(origin), tmp_path / "backup")
    index = json.loads((tmp_path / "backup" / "bundle.json").read_bytes())
    entry = index["files"][f"{IMAGE}/rootfs"]
    assert (entry["etag"], entry["part_size_bytes"]) == (hasher.etag(), 5 * MIB)
    after = await capture(tmp_path / "backup")
    assert after.images[0].manifest is not None
    assert after.images[0].manifest.artifacts[0].stored_etag == hasher.etag()


async def test_readable_gives_the_bytes_of_an_artifact_without_a_capture(origin: Path) -> None:
    source = open_bundle(origin)
    readable = await source.readable(f"s3://boot-images/{IMAGE}/rootfs")
    content = files_of_image("a")["rootfs"]
    reader = readable.open(Guard())
    buffer = bytearray(len(content))
    reader.read_into(0, memoryview(buffer), Guard())
    reader.close()
    assert bytes(buffer) == content


async def test_restore_works_from_a_directory_that_cannot_be_written(
    origin: Path, tmp_path: Path
) -> None:
    paths = [origin, *origin.rglob("*")]
    before = {p: p.stat().st_mtime_ns for p in paths}
    for path in paths:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        await back_up(open_bundle(origin), tmp_path / "copy")
        assert {p: p.stat().st_mtime_ns for p in [origin, *origin.rglob("*")]} == before
    finally:
        for path in paths:
            path.chmod(0o755 if path.is_dir() else 0o644)


async def test_a_backup_of_documents_with_secrets_is_warned_of(tmp_path: Path) -> None:
    bundle = MantaBundle()
    compute = bundle.templates[0]["boot_sets"]["compute"]
    compute["kernel_parameters"] = "quiet ldap_password=s3cret"
    plan = await back_up(open_bundle(bundle.write(tmp_path / "origin")), tmp_path / "b")
    found = [finding for finding in plan.findings if finding.id == "secret-in-document"]
    assert [finding.severity for finding in found] == ["warning"]
    assert "boot_sets/compute/kernel_parameters: secret parameter" in found[0].evidence
    assert "s3cret" not in str(found)
