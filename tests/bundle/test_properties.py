# SPDX-License-Identifier: Apache-2.0
"""Whatever a vCluster is called and made of: it survives the bundle, and manta's layout."""

from __future__ import annotations

import asyncio
import json
import shutil
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bundle.places import (
    ARM_KERNEL,
    X86_KERNEL,
    back_up,
    boot_set,
    capture,
    files_of_image,
    manifest_of,
    names_below,
    put,
    record_of,
)
from poya.model.vcluster import VCluster
from poya.sites.bundle import examine, open_bundle
from poya.sites.bundle.manta import export_for_manta

QUICK = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

_NASTY = "abAB01.-_ é\u0301/~%'\"\\\n\x1b漢🐄+"
NAMES = st.text(_NASTY, min_size=1, max_size=12) | st.sampled_from(
    [
        "..",
        ".",
        "bundle",
        "bundle.json",
        "manifest.json",
        "CON",
        "x" * 300,
        "a-hsm",
        "a.cfs",
        "../x",
    ]
)
FUTURE: st.SearchStrategy[dict[str, Any]] = st.dictionaries(
    st.sampled_from(["field_of_tomorrow", "x-é"]),
    st.sampled_from([None, 0, 1.5, "ü", [{"a": []}], {"b": [True, 10**30]}]),
    max_size=2,
)


def distinct(names: st.SearchStrategy[str], least: int, most: int) -> st.SearchStrategy[list[str]]:
    return st.lists(
        names, min_size=least, max_size=most, unique_by=lambda n: unicodedata.normalize("NFC", n)
    )


LABELS = distinct(st.text("abcxyz01-._", min_size=1, max_size=8), 0, 4)
IDS = distinct(st.uuids().map(str), 1, 3)


@st.composite
def layouts(draw: st.DrawFn) -> dict[str, Any]:
    """The records and images of a directory of manta's, consistent in themselves."""
    labels, ids = draw(LABELS), draw(IDS)
    configurations = draw(distinct(NAMES, 1, 3))
    templates = draw(distinct(NAMES, 1, 3))
    images = {}
    for number, image_id in enumerate(ids):
        kernel = draw(st.sampled_from([X86_KERNEL, ARM_KERNEL]))
        files = files_of_image(str(number), kernel)
        for name in draw(st.sampled_from([(), ("boot_parameters",)])):
            del files[name]
        arch = "x86_64" if kernel is X86_KERNEL else "aarch64"
        more = draw(FUTURE) | draw(st.sampled_from([{}, {"metadata": {"k": "é"}}]))
        images[image_id] = (record_of(image_id, f"image {number}", arch=arch, **more), files)
    return {
        "templates": [_template(draw, name, ids, labels, configurations) for name in templates],
        "configurations": [_configuration(draw, name) for name in configurations],
        "groups": [
            {"label": label, "description": "", "members": {"ids": [f"x1c0s{n}b0n0"]}}
            | draw(FUTURE)
            for n, label in enumerate(labels)
        ],
        "images": images,
    }


def _template(
    draw: st.DrawFn, name: str, ids: list[str], labels: list[str], configurations: list[str]
) -> dict[str, Any]:
    chosen = st.lists(st.sampled_from(labels), unique=True) if labels else st.just([])
    boot_sets = {
        key: boot_set(draw(st.sampled_from(ids)), node_groups=draw(chosen))
        for key in draw(st.sampled_from([("compute",), ("compute", "uan"), ("é",)]))
    }
    configuration = draw(st.sampled_from(configurations))
    return {
        "name": name,
        "enable_cfs": True,
        "cfs": {"configuration": configuration},
        "boot_sets": boot_sets,
        **draw(FUTURE),
    }


def _configuration(draw: st.DrawFn, name: str) -> dict[str, Any]:
    kinds: list[dict[str, Any]] = [{"commit": "4" * 40}, {"branch": "b"}]
    layers = [
        {"name": "l", "clone_url": "https://vcs/x.git", "playbook": "p.yml", **kind}
        for kind in draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=3))
    ]
    return {"name": name, "last_updated": "2026-01-01T00:00:00Z", "layers": layers} | draw(FUTURE)


def write(layout: dict[str, Any], directory: Path) -> Path:
    directory.mkdir(parents=True)
    for kind in ("templates", "configurations"):
        for number, record in enumerate(layout[kind]):
            put(directory / f"{kind}-{number}.json", record)
    put(directory / "groups.json", layout["groups"])
    for number, (image_id, (record, files)) in enumerate(layout["images"].items()):
        put(directory / f"image-{number}.json", [record])
        (directory / image_id).mkdir()
        for name, content in files.items():
            (directory / image_id / name).write_bytes(content)
        put(directory / image_id / "manifest.json", manifest_of(image_id, files))
    return directory


def meaning(vcluster: VCluster) -> dict[str, Any]:
    """All that a capture says; the order of records means nothing."""
    return {
        "templates": {t.name: t.document for t in vcluster.templates},
        "configurations": {c.name: c.document for c in vcluster.configurations},
        "groups": {group.label: group.document for group in vcluster.groups},
        "images": {
            image.id: (image.document, image.arch, image.content_digest())
            for image in vcluster.images
        },
    }


def unlisted(changes: tuple[str, ...]) -> list[str]:
    """What an export says to have changed, and that these layouts give no reason for."""
    reasons = ("the index:", "HSM group ")
    return [line for line in changes if not line.startswith(reasons)]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path


@QUICK
@given(layout=layouts())
def test_a_bundle_of_a_bundle_is_equal(layout: dict[str, Any], place: Path) -> None:
    shutil.rmtree(place / "p", ignore_errors=True)
    origin = write(layout, place / "p" / "origin")
    first, second = place / "p" / "first", place / "p" / "second"
    asyncio.run(back_up(open_bundle(origin), first))
    asyncio.run(back_up(open_bundle(first), second))
    before, after, again = (asyncio.run(capture(d)) for d in (origin, first, second))
    assert meaning(before) == meaning(after) == meaning(again)
    assert names_below(first) == names_below(second)
    for name in names_below(first) - {"bundle.json"}:
        assert (first / name).read_bytes() == (second / name).read_bytes()
    indexes = [json.loads((d / "bundle.json").read_bytes()) for d in (first, second)]
    for index in indexes:
        del index["origin"], index["sha256"]
    assert indexes[0] == indexes[1]
    assert examine(second, is_deep=True).restorable() == tuple(
        t["name"] for t in indexes[1]["templates"]
    )
    # Nothing was called after a name in a way that leads anywhere else.
    assert {p.name for p in (place / "p").iterdir()} == {
        "origin",
        "first",
        "second",
        *(p.name for p in (place / "p").glob("*.journal*")),
    }


@QUICK
@given(layout=layouts())
def test_by_mantas_layout_only_what_is_listed_is_lost(layout: dict[str, Any], place: Path) -> None:
    shutil.rmtree(place / "p", ignore_errors=True)
    origin = write(layout, place / "p" / "origin")
    bundle, away, back = (place / "p" / name for name in ("bundle", "away", "back"))
    asyncio.run(back_up(open_bundle(origin), bundle))
    done = export_for_manta(bundle, away)
    assert unlisted(done.changed) == []
    asyncio.run(back_up(open_bundle(away), back))
    before, after = (asyncio.run(capture(d)) for d in (bundle, back))
    images = {i.id: (i.document, i.arch, i.content_digest()) for i in after.images}
    assert images == meaning(before)["images"]
    assert {g.label: g.members for g in after.groups} == {
        g.label: g.members for g in before.groups
    }
    assert {c.name: c.layers for c in after.configurations} == {
        c.name: c.layers for c in before.configurations
    }
    assert {t.name: t.boot_sets for t in after.templates} == {
        t.name: t.boot_sets for t in before.templates
    }
