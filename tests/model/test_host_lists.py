# SPDX-License-Identifier: Apache-2.0
"""Host lists: what is folded expands to what it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poya.errors import UsageError
from poya.model.host_lists import expand_item, fold, split_items

NUMBERS = st.integers(0, 12).map(str) | st.sampled_from(["00", "01", "007", "010"])
XNAMES = st.tuples(NUMBERS, NUMBERS, NUMBERS).map(lambda n: f"x{n[0]}c{n[1]}n{n[2]}")


def expanded(text: str) -> list[str]:
    return [name for item in split_items(text) for name in expand_item(item)]


@given(st.sets(XNAMES | st.from_regex(r"[a-z]{1,3}(-[0-9]{1,3})?", fullmatch=True), max_size=30))
def test_what_is_folded_expands_to_the_same_names(names: set[str]) -> None:
    back = expanded(fold(names))
    assert set(back) == names
    assert len(back) == len(names)


@pytest.mark.parametrize(
    ("names", "folded"),
    [
        ([], ""),
        (["x1000c0s0b0n0"], "x1000c0s0b0n0"),
        (
            [f"x1000c0s{s}b{b}n0" for s in range(4) for b in range(2)],
            "x1000c0s[0-3]b[0-1]n0",
        ),
        (["x2c0", "x10c0", "x11c0"], "x[2,10-11]c0"),
        (["nid000009", "nid000010"], "nid[000009-000010]"),
        (["n9", "n10"], "n[9-10]"),
        (["n09", "n9"], "n[9,09]"),
    ],
)
def test_neighbours_become_ranges(names: list[str], folded: str) -> None:
    assert fold(names) == folded


@pytest.mark.parametrize("item", ["x[0-", "x0]", "x[a]", "x[2-1]", "x[]", "x[0-999999999]"])
def test_a_malformed_bracket_is_an_error(item: str) -> None:
    with pytest.raises(UsageError):
        list(expand_item(item))
