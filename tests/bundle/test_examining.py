# SPDX-License-Identifier: Apache-2.0
"""A damaged bundle names its files, says what can still be restored, and restores that."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bundle.places import (
    IMAGE,
    OTHER_IMAGE,
    MantaBundle,
    back_up,
    capture,
    put,
    put_index,
    rich_bundle,
)
from poya.cli.main import root
from poya.errors import BundleDamaged
from poya.model.vcluster import Selector
from poya.sites.bundle import examine, open_bundle
from poya.sites.bundle.overview import overview_of

BLUE, GREEN = "Blue", "Green/2"
# The files of the two templates and of the configurations that have their names.
GREEN_FILE, BLUE_CONFIGURATION = "Green%2F2.json", "Blue.cfs.json"


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import asyncio

    place = tmp_path_factory.mktemp("pristine")
    origin = rich_bundle().write(place / "origin")
    asyncio.run(back_up(open_bundle(origin), place / "backup"))
    return place / "backup"


@pytest.fixture
def backup(pristine: Path, tmp_path: Path) -> Path:
    return shutil.copytree(pristine, tmp_path / "backup")


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


@pytest.mark.parametrize("is_deep", [False, True])
def test_a_good_bundle_is_good(is_deep: bool, backup: Path) -> None:
    found = examine(backup, is_deep=is_deep)
    assert {file.verdict for file in found.files} == {"ok"}
    assert found.restorable() == (BLUE, GREEN)


def test_every_flipped_file_is_found_by_reading_every_byte(backup: Path) -> None:
    for name in examine(backup, is_deep=False).index.files:
        path = backup / name
        before = path.read_bytes()
        flip(path)
        damaged = examine(backup, is_deep=True).damaged()
        assert [(file.file, file.verdict) for file in damaged] == [(name, "altered")], name
        path.write_bytes(before)


def test_the_fast_look_reads_records_and_measures_artifacts(backup: Path) -> None:
    flip(backup / IMAGE / "rootfs")
    assert examine(backup, is_deep=False).damaged() == ()
    flip(backup / GREEN_FILE)
    os.truncate(backup / OTHER_IMAGE / "kernel", 3)
    found = {file.file: file.evidence for file in examine(backup, is_deep=False).damaged()}
    assert set(found) == {GREEN_FILE, f"{OTHER_IMAGE}/kernel"}
    assert found[f"{OTHER_IMAGE}/kernel"].startswith("bytes 3, expected ")


def remove(name: str) -> Callable[[Path], None]:
    return lambda directory: (directory / name).unlink()


def garble(name: str) -> Callable[[Path], None]:
    def damage(directory: Path) -> None:
        (directory / name).write_bytes(b'{"name": "cut sh')

    return damage


@pytest.mark.parametrize(
    ("damage", "lost"),
    [
        (garble(GREEN_FILE), {GREEN}),
        (remove(GREEN_FILE), {GREEN}),
        (remove(f"{OTHER_IMAGE}/kernel"), {GREEN}),
        (remove(f"{OTHER_IMAGE}-ims.json"), {GREEN}),
        (garble(BLUE_CONFIGURATION), {GREEN}),
        (remove(f"{IMAGE}/rootfs"), {BLUE, GREEN}),
        (garble("shared.json"), {BLUE, GREEN}),
        (remove("Blue.json"), {BLUE}),
    ],
)
async def test_what_is_not_damaged_can_be_restored_and_the_rest_is_named(
    damage: Callable[[Path], None], lost: set[str], backup: Path
) -> None:
    damage(backup)
    found = examine(backup, is_deep=False)
    assert set(found.restorable()) == {BLUE, GREEN} - lost
    assert {name for name, files in found.damaged_for.items() if files} == lost
    for name in (BLUE, GREEN):
        selector = Selector(templates=(name,))
        try:
            vcluster = await capture(backup, selector)
        except BundleDamaged:
            assert name in lost
        else:
            gaps = {gap.id for gap in vcluster.gaps} - {"arch-inferred"}
            assert bool(gaps) == (name in lost)


async def test_the_refusal_says_what_can_still_be_restored(backup: Path) -> None:
    garble(GREEN_FILE)(backup)
    with pytest.raises(BundleDamaged, match="Green") as caught:
        await capture(backup)
    assert caught.value.todo.endswith("What is not damaged can still be restored: --template Blue")
    with pytest.raises(BundleDamaged, match="Green"):
        await capture(backup, Selector(templates=(GREEN,)))


async def test_a_group_file_counts_for_the_template_that_names_it(backup: Path) -> None:
    groups = json.loads((backup / "Green%2F2-hsm.json").read_bytes())
    put(backup / "Green%2F2-hsm.json", [g for g in groups if g["label"] != "uan"])
    with pytest.raises(BundleDamaged, match="uan"):
        await capture(backup)
    assert (await capture(backup, Selector(templates=(BLUE,)))).gaps != ()  # gele is in it too


def test_strays_are_told_and_harm_nothing(backup: Path) -> None:
    (backup / "notes.txt").write_text("mine")
    (backup / IMAGE / "kernel.partial").write_text("left")
    (backup / "link").symlink_to("/etc/passwd")
    found = examine(backup, is_deep=True)
    strays = {file.file for file in found.files if file.verdict == "stray"}
    assert strays == {"notes.txt", f"{IMAGE}/kernel.partial", "link"}
    assert found.damaged() == ()


def unfinish(directory: Path) -> None:
    index: dict[str, Any] = json.loads((directory / "bundle.json").read_bytes())
    index["files"][f"{OTHER_IMAGE}/kernel"]["sha256"] = None
    put_index(directory, index)


def test_an_unfinished_backup_says_what_is_to_come(backup: Path) -> None:
    unfinish(backup)
    found = examine(backup, is_deep=True)
    assert [(f.file, f.verdict) for f in found.damaged()] == [
        (f"{OTHER_IMAGE}/kernel", "unfinished")
    ]
    assert found.restorable() == (BLUE,)
    assert overview_of(backup).unfinished == (f"{OTHER_IMAGE}/kernel",)


def run(*args: str) -> tuple[int, str, str]:
    import contextlib
    import io

    from poya.cli.main import run as run_cli

    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run_cli(list(args))
    return code, out.getvalue(), err.getvalue()


def test_verify_exits_with_10_and_names_the_file(backup: Path) -> None:
    assert run("bundle", "verify", str(backup))[0] == 0
    flip(backup / OTHER_IMAGE / "rootfs")
    assert run("bundle", "verify", str(backup))[0] == 0
    code, out, err = run("bundle", "verify", "--deep", str(backup))
    assert code == 10
    assert f"altered     {OTHER_IMAGE}/rootfs  sha256 " in out
    assert "1 file of" in err
    assert "--template Blue" in err


def test_verify_speaks_json(backup: Path) -> None:
    (backup / "Blue.json").unlink()
    code, out, _ = run("bundle", "verify", str(backup), "--output", "json")
    document = json.loads(out)
    assert code == 10
    assert {"name": BLUE, "restorable": False, "damaged": ["Blue.json"]} in document["templates"]


def test_verify_compares_a_bundle_of_mantas_with_its_manifests(tmp_path: Path) -> None:
    origin = MantaBundle().write(tmp_path / "b")
    assert run("bundle", "verify", str(origin))[0] == 0
    flip(origin / IMAGE / "rootfs")
    code, out, _ = run("bundle", "verify", str(origin))
    assert code == 10
    assert "artifact-altered" in out


def test_inspect_shows_what_is_in_it(backup: Path) -> None:
    result = CliRunner().invoke(root, ["bundle", "inspect", str(backup)])
    assert result.exit_code == 0
    for text in (
        BLUE,
        GREEN,
        "boot set uan",
        "CFS configuration shared",
        "HSM group login",
        IMAGE,
    ):
        assert text in result.output
    document = json.loads(
        CliRunner().invoke(root, ["bundle", "inspect", str(backup), "--output", "json"]).output
    )
    assert document["format"] == "poya-bundle"
    assert [t["name"] for t in document["templates"]] == [BLUE, GREEN]
    assert document["images"][0]["kernel_arch"] == "x86_64"
