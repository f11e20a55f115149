# SPDX-License-Identifier: Apache-2.0
"""A bundle is hostile input: what is wrong with it is named, and nothing outside is touched."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from bundle.places import (
    CONFIGURATION,
    IMAGE,
    TEMPLATE,
    MantaBundle,
    back_up,
    capture,
    files_of_image,
    put,
    put_index,
)
from poya.errors import BundleDamaged, PoyaError, UsageError
from poya.model.intent import Intent
from poya.model.vcluster import VCluster
from poya.planning import interest_of, make_plan
from poya.sites.bundle import BundleTarget, open_bundle

Damage: TypeAlias = Callable[[Path], None]


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup that no test changes."""
    place = tmp_path_factory.mktemp("pristine")
    origin = MantaBundle().write(place / "origin")
    asyncio.run(back_up(open_bundle(origin), place / "backup"))
    return place / "backup"


@pytest.fixture
def backup(pristine: Path, tmp_path: Path) -> Path:
    return shutil.copytree(pristine, tmp_path / "backup")


@pytest.fixture
def manta(tmp_path: Path) -> Path:
    return MantaBundle().write(tmp_path / "manta")


def edit(change: Callable[[dict[str, Any]], None]) -> Damage:
    """Change the index."""

    def damage(directory: Path) -> None:
        index = json.loads((directory / "bundle.json").read_bytes())
        change(index)
        put_index(directory, index)

    return damage


def write(name: str, content: bytes) -> Damage:
    def damage(directory: Path) -> None:
        (directory / name).write_bytes(content)

    return damage


def remove(name: str) -> Damage:
    return lambda directory: (directory / name).unlink()


def link(name: str) -> Damage:
    """Put a link to an equal file in the place of a file."""

    def damage(directory: Path) -> None:
        outside = directory.parent / "outside"
        (directory / name).rename(outside)
        (directory / name).symlink_to(outside)

    return damage


def pipe(name: str) -> Damage:
    def damage(directory: Path) -> None:
        (directory / name).unlink()
        os.mkfifo(directory / name)

    return damage


def name_file(name: str) -> Damage:
    """Have the index name another file for the template."""

    def change(index: dict[str, Any]) -> None:
        index["files"][name] = index["files"].pop(f"{TEMPLATE}.json")
        index["templates"][0]["file"] = name

    return edit(change)


def set_version(version: Any) -> Damage:
    return edit(lambda index: index.update(version=version))


def name_twice(directory: Path) -> None:
    path = directory / "bundle.json"
    path.write_bytes(path.read_bytes().replace(b'"version": 1,', b'"version": 1, "version": 1,'))


REFUSED: dict[str, Damage] = {
    "index is not JSON": write("bundle.json", b'{"format": '),
    "index is empty": write("bundle.json", b""),
    "index is a list": write("bundle.json", b"[]"),
    "index of something else": write("bundle.json", b'{"format": "zip", "version": 1}'),
    "unknown version": set_version(2),
    "version as text": set_version("1"),
    "version true": set_version(True),
    "key named twice": name_twice,
    "index too large": write("bundle.json", b" " * (16 * 1024 * 1024 + 1)),
    "index too deep": write("bundle.json", b'{"a":' * 70 + b"1" + b"}" * 70),
    "index is a link": link("bundle.json"),
    "index is a pipe": pipe("bundle.json"),
    "absolute path": name_file("/etc/passwd"),
    "path upwards": name_file("../outside.json"),
    "path with a dot": name_file("./x.json"),
    "hidden file": name_file(".bashrc"),
    "index as a record": name_file("bundle.json"),
    "file not listed": edit(lambda i: i["files"].pop(f"{TEMPLATE}.json")),
    "entity named twice": edit(lambda i: i["templates"].append(i["templates"][0])),
    "group in no file": edit(lambda i: i["groups"][0].update(files=[])),
    "member missing": edit(lambda i: i.pop("images")),
    "member of another type": edit(lambda i: i.update(files=[])),
    "negative size": edit(lambda i: i["files"][f"{IMAGE}/kernel"].update(size_bytes=-1)),
    "part size zero": edit(lambda i: i["files"][f"{IMAGE}/kernel"].update(part_size_bytes=0)),
    "not finished": edit(lambda i: i["files"][f"{IMAGE}/kernel"].update(sha256=None)),
    "record missing": remove(f"{TEMPLATE}.json"),
    "record cut short": write(f"{TEMPLATE}.json", b'{"name": "x", "boot_se'),
    "record is another's": write(f"{CONFIGURATION}.json", b'{"layers": []}'),
    "record is a link": link(f"{CONFIGURATION}.json"),
    "record is a pipe": pipe(f"{CONFIGURATION}.json"),
    "record too large": write(f"{TEMPLATE}.json", b"[" + b" " * (16 * 1024 * 1024)),
    "groups are no list": write(f"{TEMPLATE}-hsm.json", b"{}"),
    "group not in its file": write(f"{TEMPLATE}-hsm.json", b"[]"),
    "record of another image": write(f"{IMAGE}-ims.json", b'[{"id": "x", "name": "y"}]'),
    "manifest is a link": link(f"{IMAGE}/manifest.json"),
    "NaN in a record": write(f"{TEMPLATE}.json", b'{"name": "x", "boot_sets": {}, "n": NaN}'),
}


@pytest.mark.parametrize("damage", REFUSED.values(), ids=REFUSED.keys())
async def test_refuses_a_damaged_bundle_naming_the_file(damage: Damage, backup: Path) -> None:
    damage(backup)
    with pytest.raises(BundleDamaged) as caught:
        await asyncio.wait_for(capture(backup), 5)
    assert str(backup) in caught.value.what
    assert caught.value.why or "index" in caught.value.what


def flip(name: str, *, at: int = 0) -> Damage:
    def damage(directory: Path) -> None:
        content = bytearray((directory / name).read_bytes())
        content[at] ^= 1
        (directory / name).write_bytes(bytes(content))

    return damage


def cut(name: str) -> Damage:
    return lambda directory: os.truncate(directory / name, 1)


def link_directory(directory: Path) -> None:
    outside = directory.parent / "outside"
    (directory / IMAGE).rename(outside)
    (directory / IMAGE).symlink_to(outside)


ROOTFS, KERNEL = f"{IMAGE}/rootfs", f"{IMAGE}/kernel"

TOLD: dict[str, tuple[Damage, str, str]] = {
    "bit of an artifact": (flip(ROOTFS, at=70_000), "artifact-altered", "md5 "),
    "artifact cut short": (cut(ROOTFS), "artifact-altered", "bytes 1, expected 128000"),
    "artifact missing": (remove(KERNEL), "artifact-gone", "There is no such file"),
    "artifact is a link": (link(KERNEL), "artifact-gone", "symbolic link"),
    "artifact is a pipe": (pipe(KERNEL), "artifact-gone", "not a regular file"),
    "image directory is a link": (link_directory, "artifact-gone", "a link"),
}
TOLD_BY_INDEX: dict[str, tuple[Damage, str, str]] = {
    "record edited": (
        lambda d: put(d / f"{CONFIGURATION}.json", {"name": CONFIGURATION, "layers": []}),
        "artifact-altered",
        "bytes ",
    ),
    "manifest altered": (flip(f"{IMAGE}/manifest.json", at=20), "artifact-altered", "sha256 "),
    "md5 of the index": (
        edit(lambda i: i["files"][KERNEL].update(md5="0" * 32)),
        "artifact-altered",
        "expected 00000",
    ),
}


@pytest.mark.parametrize(
    ("damage", "gap", "evidence"),
    [*TOLD.values(), *TOLD_BY_INDEX.values()],
    ids=[*TOLD, *TOLD_BY_INDEX],
)
async def test_tells_what_is_not_as_the_index_says(
    damage: Damage, gap: str, evidence: str, backup: Path
) -> None:
    damage(backup)
    vcluster = await asyncio.wait_for(capture(backup), 5)
    assert gap in {g.id for g in vcluster.gaps}
    assert any(evidence in g.evidence for g in vcluster.gaps if g.id == gap)
    assert await is_refused(vcluster, backup.parent / "new")


@pytest.mark.parametrize(("damage", "gap", "evidence"), TOLD.values(), ids=TOLD.keys())
async def test_tells_what_is_not_as_the_manifest_says(
    damage: Damage, gap: str, evidence: str, manta: Path
) -> None:
    if damage is link_directory:
        damage(manta)
        with pytest.raises(BundleDamaged, match="symbolic link|no directory"):
            open_bundle(manta)
        return
    damage(manta)
    vcluster = await asyncio.wait_for(capture(manta), 5)
    assert [g.id for g in vcluster.gaps] == [gap]
    if "bytes" not in evidence:
        assert evidence in vcluster.gaps[0].evidence


async def test_all_damage_is_told_at_once(backup: Path) -> None:
    flip(ROOTFS)(backup)
    remove(KERNEL)(backup)
    flip(f"{IMAGE}/initrd", at=5)(backup)
    gaps = [g.id for g in (await capture(backup)).gaps]
    assert sorted(gaps) == ["artifact-altered", "artifact-altered", "artifact-gone"]


async def is_refused(vcluster: VCluster, place: Path) -> bool:
    inventory = await BundleTarget(place, vcluster).survey(interest_of(vcluster))
    return bool(make_plan(vcluster, inventory, Intent()).blocking())


async def test_an_artifacts_label_cannot_lead_outside(manta: Path) -> None:
    (manta.parent / "secret").write_text("secret")
    path = manta / IMAGE / "manifest.json"
    manifest = json.loads(path.read_bytes())
    manifest["artifacts"][3]["link"]["path"] = f"s3://boot-images/{IMAGE}/.."
    path.write_text(json.dumps(manifest))
    vcluster = await capture(manta)
    assert [g.id for g in vcluster.gaps] == ["artifact-gone"]


@pytest.mark.parametrize("image_id", ["..", "../outside", "/etc", "."])
def test_an_image_id_cannot_lead_outside(image_id: str, manta: Path) -> None:
    put(manta / f"{IMAGE}-ims.json", [{"id": image_id, "name": "cos"}])
    with pytest.raises(BundleDamaged, match="no image can have"):
        open_bundle(manta)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.json", b'{"name": "half'),
        ("x.json", b'{"boot_sets": {}, "boot_sets": {}}'),
        ("x.json", b"\xff\xfe"),
        ("x.json", b'{"layers": 3, "name": "c"}'),
        ("x.json", b'{"boot_sets": [], "name": 3}'),
        ("x.json", b'[{"id": "a", "name": "b"}, {"id": "c", "name": "d"}]'),
        (f"{IMAGE}/manifest.json", b"{}x"),
    ],
)
async def test_a_file_of_mantas_that_cannot_be_understood_is_named(
    name: str, content: bytes, manta: Path
) -> None:
    (manta / name).write_bytes(content)
    if name == "x.json":
        with pytest.raises(BundleDamaged, match="x.json"):
            open_bundle(manta)
        return
    gaps = (await capture(manta)).gaps
    assert [g.id for g in gaps] == ["manifest-unreadable"]
    assert name in gaps[0].evidence


async def test_json_that_is_not_a_bundles_is_left_alone(manta: Path) -> None:
    put(manta / "notes.json", {"todo": "ask ops"})
    put(manta / ".cache.json", 3)
    (manta / "README").write_text("hello")
    assert (await capture(manta)).gaps == ()


@pytest.mark.parametrize("make", [lambda p: None, lambda p: p.mkdir(), lambda p: p.touch()])
def test_a_place_that_is_no_bundle_is_refused(
    make: Callable[[Path], None], tmp_path: Path
) -> None:
    place = tmp_path / "place"
    make(place)
    with pytest.raises(UsageError, match=str(place)):
        open_bundle(place)


async def test_a_part_size_is_not_looked_for_beyond_reason(manta: Path) -> None:
    # Two parts of a file allow a great many cuts; a lying etag must not cost a pass for each.
    content = b"\0" * (12 * 1024 * 1024)
    (manta / ROOTFS).write_bytes(content)
    path = manta / IMAGE / "manifest.json"
    manifest = json.loads(path.read_bytes())
    manifest["artifacts"][0]["md5"] = hashlib.md5(content).hexdigest()
    manifest["artifacts"][0]["link"]["etag"] = "0" * 32 + "-2"
    path.write_text(json.dumps(manifest))
    vcluster = await asyncio.wait_for(capture(manta), 10)
    assert vcluster.gaps == ()
    assert vcluster.images[0].manifest is not None
    assert vcluster.images[0].manifest.artifacts[0].stored_etag == ""


async def test_progress_is_told_of_every_byte(manta: Path) -> None:
    seen: dict[str, int] = {}

    def progress(path: Path, count: int) -> None:
        seen[path.name] = seen.get(path.name, 0) + count

    from poya.model.vcluster import Selector

    await open_bundle(manta, progress).capture(Selector())
    assert seen == {name: len(content) for name, content in files_of_image().items()}


async def test_a_capture_can_be_cancelled(manta: Path) -> None:
    from poya.model.vcluster import Selector

    with (manta / ROOTFS).open("wb") as file:
        file.truncate(20 * 1024**3)  # sparse: half a minute of hashing
    started = asyncio.Event()
    loop = asyncio.get_running_loop()

    def progress(_: Path, __: int) -> None:
        loop.call_soon_threadsafe(started.set)

    source = open_bundle(manta, progress)
    task = asyncio.create_task(source.capture(Selector()))
    await asyncio.wait_for(started.wait(), 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 5)


async def test_an_unfinished_backup_says_how_to_go_on(backup: Path) -> None:
    edit(lambda i: i["files"][KERNEL].update(sha256=None))(backup)
    with pytest.raises(PoyaError, match="not finished") as caught:
        await capture(backup)
    assert KERNEL in caught.value.why
    assert "poya migrate backup" in caught.value.todo


_STEERING = "x\x1b[2J\x07\n\u202e../../evil"


async def test_names_never_steer_a_terminal_or_a_path(tmp_path: Path) -> None:
    from bundle.places import template_of
    from bundle.watching import run

    bundle = MantaBundle()
    bundle.configurations[0]["name"] = _STEERING
    bundle.templates = [template_of(_STEERING, _STEERING)]
    bundle.groups[0]["description"] = _STEERING
    origin = tmp_path / "deep" / "origin"
    MantaBundle().write(origin)
    put(origin / f"{TEMPLATE}.json", bundle.templates[0])
    put(origin / f"{CONFIGURATION}.json", bundle.configurations[0])
    backup = tmp_path / "deep" / "backup"
    await back_up(open_bundle(origin), backup)
    assert {p.name for p in tmp_path.iterdir() if not p.name.startswith("run-")} >= {"deep"}
    assert not (tmp_path / "evil").exists()
    assert not (tmp_path / "deep" / "evil").exists()
    for verb in (("inspect",), ("verify",), ("list",), ("inspect", "--output", "json")):
        code, out, err = await asyncio.to_thread(run, "bundle", *verb, str(backup))
        assert code == 0, err
        # In JSON a letter that turns the writing around is data; control characters are escaped.
        for character in "\x1b\x07" if "json" in verb else "\x1b\x07\u202e":
            assert character not in out + err
