# SPDX-License-Identifier: Apache-2.0
"""Bundles with random damage: refused by name or captured as they were, never a bug."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bundle.places import MantaBundle, back_up, put_index, rich_bundle
from poya.errors import PoyaError
from poya.model.vcluster import Selector, VCluster
from poya.sites.bundle import examine, open_bundle
from poya.sites.bundle.overview import overview_of

JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(["../x", "/etc/passwd", "bundle.json", "é", "e\u0301", "\x1b[2J", "a\0"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("pristine")
    rich_bundle().write(place / "origin")
    asyncio.run(back_up(open_bundle(place / "origin"), place / "poya"))
    MantaBundle().write(place / "manta")
    return place


def capture(directory: Path) -> VCluster:
    source = open_bundle(directory, refuses_damage=True)
    return asyncio.run(source.capture(Selector()))


def nodes_of(value: Any) -> list[tuple[Any, Any]]:
    """Every place of a JSON value: what holds it, and under which key or number."""
    found: list[tuple[Any, Any]] = []
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, child in list(items):
        found.append((value, key))
        if isinstance(child, dict | list):
            found += nodes_of(child)
    return found


def mutate(value: Any, data: st.DataObject) -> Any:
    """The value with one place changed, taken out or doubled."""
    value = copy.deepcopy(value)
    places = nodes_of(value)
    if not places:
        return data.draw(JSON_VALUES)
    holder, key = places[data.draw(st.integers(0, len(places) - 1))]
    what = data.draw(st.sampled_from(["replace", "replace", "remove", "double"]))
    if what == "replace":
        holder[key] = data.draw(JSON_VALUES)
    elif what == "remove":
        del holder[key]
    elif isinstance(holder, list):
        holder.append(copy.deepcopy(holder[key]))
    else:
        holder[f"{key}2"] = copy.deepcopy(holder[key])
    return value


def attempt(directory: Path, expected: VCluster) -> None:
    """Everything that reads a bundle: only errors of ours, and no lie."""
    with contextlib.suppress(PoyaError):
        found = capture(directory)
        assert {i.id for i in found.images} <= {i.id for i in expected.images}
        assert {t.document for t in found.templates} <= {t.document for t in expected.templates}
    for look in (lambda: examine(directory, is_deep=True), lambda: overview_of(directory)):
        with contextlib.suppress(PoyaError):
            look()


@pytest.mark.parametrize("base", ["poya", "manta"])
@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_one_place_of_a_record_changed(
    base: str, data: st.DataObject, pristine: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    directory = shutil.copytree(pristine / base, tmp_path_factory.mktemp("fuzz") / "bundle")
    names = sorted(str(p.relative_to(directory)) for p in directory.rglob("*.json"))
    if base == "poya":
        names += ["bundle.json"] * len(names)
    path = directory / data.draw(st.sampled_from(names))
    value = mutate(json.loads(path.read_bytes()), data)
    if path.name == "bundle.json" and value and data.draw(st.booleans()):
        put_index(directory, value)
    else:
        path.write_text(json.dumps(value))
    try:
        expected = asyncio.run(open_bundle(pristine / base).capture(Selector()))
        if base == "manta":  # nothing vouches for its records, so they may say anything
            with_errors_of_ours(directory)
        else:
            attempt(directory, expected)
    finally:
        shutil.rmtree(directory)


def with_errors_of_ours(directory: Path) -> None:
    for look in (lambda: capture(directory), lambda: overview_of(directory)):
        with contextlib.suppress(PoyaError):
            look()


@pytest.mark.parametrize("base", ["poya", "manta"])
@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_some_bytes_of_a_file_changed(
    base: str, data: st.DataObject, pristine: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    directory = shutil.copytree(pristine / base, tmp_path_factory.mktemp("fuzz") / "bundle")
    names = sorted(str(p.relative_to(directory)) for p in directory.rglob("*") if p.is_file())
    path = directory / data.draw(st.sampled_from(names))
    content = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(content)))
    length = data.draw(st.sampled_from([0, 1, 4, len(content)]))
    content[at : at + length] = data.draw(st.binary(max_size=8))
    path.write_bytes(bytes(content))
    try:
        with_errors_of_ours(directory)
        if (
            base == "poya"
            and bytes(content) != (pristine / base / path.relative_to(directory)).read_bytes()
        ):
            damaged = not is_restorable(directory)
            assert damaged or path.name == "bundle.json"
    finally:
        shutil.rmtree(directory)


def is_restorable(directory: Path) -> bool:
    try:
        capture(directory)
    except PoyaError:
        return False
    return True
