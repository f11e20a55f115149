# SPDX-License-Identifier: Apache-2.0
"""A document parted from its secrets tells none, and is whole again with them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poya.documents import Json
from poya.model.secrets import masked
from poya.model.withholding import put_back, slow_digest, withhold

TEXTS = st.text(max_size=12) | st.sampled_from(
    ["https://me:pass@host/x", "a/b~c", "quiet ldap_password=hunter22", "***", "", "password"]
)
VALUES = st.recursive(
    st.none() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_what_is_taken_out_can_be_put_back(value: Json) -> None:
    parted = withhold(value)
    assert masked(parted.clean) == parted.clean
    assert put_back(parted.clean, parted.taken) == value
    assert withhold(parted.clean).taken == {}


@given(VALUES)
def test_only_what_looks_like_a_secret_is_taken(value: Json) -> None:
    parted = withhold(value)
    assert bool(parted.taken) == (masked(value) != value)


def test_secrets_are_told_apart_and_known_again() -> None:
    assert slow_digest(b"one") == slow_digest(b"one") != slow_digest(b"other")


@pytest.mark.parametrize("pointer", ["/x/y", "/list/7", "/list/a", "/text/0"])
def test_there_is_nothing_to_put_back_where_no_place_is(pointer: str) -> None:
    with pytest.raises(KeyError):
        put_back({"list": [1], "text": "t"}, {pointer: "secret"})
