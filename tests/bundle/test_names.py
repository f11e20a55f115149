# SPDX-License-Identifier: Apache-2.0
"""Names become file names that are safe, different, and readable where they can be."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poya.sites.bundle.names import INDEX, Allocator, encode_name, is_safe_path

SAFE = re.compile(r"[A-Za-z0-9_%-][A-Za-z0-9._%+-]*")
NAMES = st.text(st.characters(exclude_categories=()), max_size=200)


@pytest.mark.parametrize(
    ("name", "spelt"),
    [
        ("gele-cos-template-23.06.0-1", "gele-cos-template-23.06.0-1"),
        ("a b/c", "a%20b%2Fc"),
        ("..", "%2E."),
        (".hidden", "%2Ehidden"),
        ("é", "%C3%A9"),
        ("100%", "100%25"),
        ("a+b", "a%2Bb"),
    ],
)
def test_spells_names(name: str, spelt: str) -> None:
    assert encode_name(name) == spelt


@given(NAMES.filter(bool))
def test_every_name_becomes_a_safe_file_name(name: str) -> None:
    spelt = encode_name(name)
    assert SAFE.fullmatch(spelt)
    assert len(spelt) <= 120
    assert is_safe_path(f"{spelt}-ims.json")


@given(NAMES, NAMES)
def test_different_names_are_spelt_differently(one: str, other: str) -> None:
    assert (encode_name(one) == encode_name(other)) == (one == other)


@given(st.text(alphabet="ab/", min_size=100, max_size=300), st.text(alphabet="ab", max_size=3))
def test_names_that_begin_alike_stay_different_when_they_are_cut(name: str, end: str) -> None:
    assert (encode_name(name) == encode_name(name + end)) == (not end)


@given(st.lists(st.tuples(st.sampled_from(["t", "c", "i", "g"]), NAMES), max_size=30))
def test_no_file_name_is_given_out_twice_on_any_file_system(wishes: list[tuple[str, str]]) -> None:
    suffixes = {
        "t": (".json", ".bos{}.json"),
        "c": (".json", ".cfs{}.json"),
        "i": ("", ".image{}"),
        "g": ("-hsm.json", "-hsm{}.json"),
    }
    allocator = Allocator([INDEX])
    given_out = [allocator.take(name, *suffixes[kind]).lower() for kind, name in wishes]
    assert len(set(given_out)) == len(given_out)
    assert INDEX not in given_out
    assert all(is_safe_path(name) for name in given_out)


def test_the_second_of_two_names_that_meet_takes_the_next_free_one() -> None:
    allocator = Allocator([INDEX])
    taken = [allocator.take("Blue", ".json", ".bos{}.json")]
    taken += [allocator.take(name, ".json", ".cfs{}.json") for name in ("Blue", "blue", "BLUE")]
    taken += [allocator.take("bundle", ".json", ".bos{}.json")]
    taken += [allocator.take("t", "-hsm.json", "-hsm{}.json") for _ in range(2)]
    assert taken == [
        "Blue.json",
        "Blue.cfs.json",
        "blue.cfs.2.json",
        "BLUE.cfs.3.json",
        "bundle.bos.json",
        "t-hsm.json",
        "t-hsm.2.json",
    ]


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/etc/passwd",
        "../x",
        "a/../../x",
        "a/b/c",
        "a//b",
        "./a",
        ".a",
        "a/.b",
        "a\0b",
        "a b",
        "bundle.json",
        "Bundle.JSON",
        "x" * 256,
        "a\n",
        "a\\b",
    ],
)
def test_an_index_may_not_name_such_a_path(path: str) -> None:
    assert not is_safe_path(path)
