# SPDX-License-Identifier: Apache-2.0
"""Node expressions: every name means something, or is told to mean nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poya.errors import NotFound, UsageError
from poya.model.node_expressions import Directory, select_nodes
from poya.model.records import Node

COMPUTE = tuple(f"x1000c{c}s{s}b0n{n}" for c in (0, 1) for s in (0, 1, 10) for n in (0, 1))
UAN = ("x3000c0s1b0n0", "x3000c0s2b0n0")
NODES = (
    *(Node(x, nid=1000 + i, role="Compute") for i, x in enumerate(COMPUTE)),
    *(Node(x, nid=2000 + i, role="Application", subrole="UAN") for i, x in enumerate(UAN)),
)
ALPS = Directory(
    "alps",
    NODES,
    groups={
        "blue": COMPUTE[:4],
        "green": COMPUTE[2:8],
        "compute": COMPUTE,
        "application": (UAN[0],),
        "empty": (),
        "bmcs": ("x1000c0s0b0",),
    },
    partitions={"p1": COMPUTE[6:]},
)


def selected(expression: str) -> tuple[str, ...]:
    return select_nodes(expression, ALPS)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("x1000c0s0b0n0", ("x1000c0s0b0n0",)),
        ("X1000C0S00B0N01", ("x1000c0s0b0n1",)),
        ("x1000c0s[0-1]b0n[0,1]", COMPUTE[:4]),
        ("x1000c1", COMPUTE[6:]),
        ("x1000c0s1", COMPUTE[2:4]),
        ("x1000c0s*n0", COMPUTE[0:6:2]),
        ("nid001000,nid1001", COMPUTE[:2]),
        ("nid[001000-001003]", COMPUTE[:4]),
        ("blue", COMPUTE[:4]),
        ("@blue", COMPUTE[:4]),
        ("group:BLUE", COMPUTE[:4]),
        ("p1", COMPUTE[6:]),
        ("Compute", COMPUTE),
        ("role:Application_UAN", UAN),
        ("application_uan", UAN),
        ("empty", ()),
        ("bmcs", ()),
        ("all!Compute", UAN),
        ("!Compute", UAN),
        ("&blue", COMPUTE[:4]),
        ("blue&green", COMPUTE[2:4]),
        ("blue,&green", COMPUTE[2:4]),
        ("blue,green!x1000c0s0b0n0", COMPUTE[1:8]),
        ("blue, !x1000c0s0b0n[0,1] , x3000", (*COMPUTE[2:4], *UAN)),
        ("blue x3000c0s1b0n0", (*COMPUTE[:4], UAN[0])),
    ],
)
def test_an_expression_means_these_nodes(expression: str, expected: tuple[str, ...]) -> None:
    assert selected(expression) == expected


def test_nodes_come_in_the_order_of_the_machine() -> None:
    assert selected("x1000c0s10b0n0,x1000c0s1b0n0") == ("x1000c0s1b0n0", "x1000c0s10b0n0")


@pytest.mark.parametrize(
    "unknown",
    [
        "x1000c0s7b0n0",
        "x1000c7",
        "x9*",
        "nid009999",
        "purple",
        "@purple",
        "role:Storage",
        "partition:p9",
        "blue!purple",
        "x1000c0s[0-1]b0n[0-2]",
    ],
)
def test_an_unknown_name_is_an_error(unknown: str) -> None:
    with pytest.raises(NotFound) as caught:
        selected(unknown)
    assert "alps" in caught.value.what


def test_every_unknown_name_is_told_at_once() -> None:
    with pytest.raises(NotFound) as caught:
        selected("purple,x1000c0s0b0n0,bleu")
    assert "'purple'" in caught.value.what
    assert "'bleu'" in caught.value.what


def test_a_near_miss_is_suggested() -> None:
    with pytest.raises(NotFound) as caught:
        selected("gren")
    assert caught.value.todo == "Did you mean 'green'?"


def test_a_name_of_two_things_must_say_which() -> None:
    with pytest.raises(UsageError) as caught:
        selected("application")
    assert caught.value.todo == "Say which: group:application or role:application."
    assert selected("compute") == COMPUTE  # a group and a role of the same nodes


@pytest.mark.parametrize("text", ["", " , ", "blue&", "!", "blue,&", "x[0-", "x[0-9][0-99999]n0"])
def test_a_malformed_expression_is_an_error(text: str) -> None:
    with pytest.raises(UsageError):
        selected(text)


@given(
    st.sets(st.sampled_from([n.xname for n in NODES])), st.sampled_from(["blue", "p1", "x3000"])
)
def test_union_intersection_and_exclusion_are_those_of_sets(chosen: set[str], other: str) -> None:
    one = ",".join(["empty", *sorted(chosen)])
    members = set(selected(other))
    assert set(selected(f"{one},{other}")) == chosen | members
    assert set(selected(f"{one}&{other}")) == chosen & members
    assert set(selected(f"{one}!{other}")) == chosen - members
