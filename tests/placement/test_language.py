"""The demand language: what it accepts, how it is written back, where its errors point."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poya.errors import UsageError
from poya.placement.parsing import parse_demand
from poya.placement.predicates import RESERVED
from poya.placement.printing import print_demand
from poya.placement.syntax import (
    TEXT_FIELDS,
    And,
    Count,
    Demand,
    NodeClass,
    Not,
    Or,
    Predicate,
    Same,
    Text,
    Total,
)
from poya.placement.tokens import DemandError

QUICK = settings(max_examples=40)
_ALIASES = {"gpu", "gpus", "cpu", "cpus", "nic", "nics", "accelerator", "processor"}
_NAMES = st.from_regex(r"[a-z][a-z0-9_.-]{0,8}", fullmatch=True).filter(
    lambda name: name not in RESERVED and name not in TEXT_FIELDS and name not in _ALIASES
)
_COMPONENTS = _NAMES.filter(lambda name: name != "memory")
_NUMBERS = st.integers(1, 10**6)
_OPERATORS = st.sampled_from([">=", ">", "<=", "<", "=", "!="])
_WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=12)


def _counts() -> st.SearchStrategy[Predicate]:
    return st.builds(Count, _COMPONENTS, _OPERATORS, st.integers(0, 10**6)) | st.builds(
        Count, st.just("memory"), _OPERATORS, _NUMBERS
    )


def _joined(inner: st.SearchStrategy[Predicate], kind: type) -> st.SearchStrategy[Predicate]:
    operands = inner.filter(lambda predicate: not isinstance(predicate, kind))
    return st.lists(operands, min_size=2, max_size=3).map(lambda found: kind(tuple(found)))


def _predicates() -> st.SearchStrategy[Predicate]:
    texts = st.builds(
        Text, st.sampled_from(TEXT_FIELDS), st.lists(_WORDS, min_size=1, max_size=3).map(tuple)
    )
    return st.recursive(
        _counts() | texts,
        lambda inner: st.builds(Not, inner) | _joined(inner, And) | _joined(inner, Or),
        max_leaves=6,
    )


_SAMES: list[tuple[Same, ...]] = [(), ("firmware",), ("model",), ("firmware", "model")]
_MAYBE = st.none() | st.integers(1, 99)


@st.composite
def _classes(draw: st.DrawFn, name: str) -> NodeClass:
    totals: tuple[Total, ...] = ()
    nodes = draw(st.none() | _NUMBERS)
    if nodes is None:
        names = draw(
            st.lists(_COMPONENTS | st.just("memory"), min_size=1, max_size=3, unique=True)
        )
        totals = tuple(Total(each, draw(_NUMBERS)) for each in names)
    return NodeClass(
        name,
        nodes,
        totals,
        draw(st.none() | _predicates()),
        draw(st.booleans()),
        most_cabinets=draw(_MAYBE),
        most_switch_groups=draw(_MAYBE),
        most_per_blade=draw(_MAYBE),
        most_per_cabinet=draw(_MAYBE),
        same=draw(st.sampled_from(_SAMES)),
        prefer=tuple(draw(st.lists(_predicates(), max_size=2))),
        spares=draw(st.integers(0, 5)) if nodes is not None else 0,
    )


@st.composite
def demands(draw: st.DrawFn) -> Demand:
    names = draw(st.lists(_NAMES, min_size=1, max_size=3, unique=True))
    classes = tuple(draw(_classes(name)) for name in names)
    return Demand(classes, draw(_MAYBE), draw(_MAYBE), draw(st.booleans()))


@QUICK
@given(demands())
def test_what_is_printed_reads_back_as_the_same_tree(demand: Demand) -> None:
    assert parse_demand(print_demand(demand)) == demand


@given(st.text(max_size=60) | st.text("a4x:;,()<>=!\"'# \nmemoryandnodes", max_size=40))
def test_any_text_is_a_demand_or_a_clear_error_that_points_into_it(text: str) -> None:
    fault = _fault(text)
    if fault is None:
        demand = parse_demand(text)
        assert parse_demand(print_demand(demand)) == demand
    else:
        assert 0 <= fault.at <= len(text)
        assert fault.why.endswith("^")


def _fault(text: str) -> DemandError | None:
    try:
        parse_demand(text)
    except DemandError as error:
        return error
    return None


def test_mantas_pattern_is_totals_over_the_whole_vcluster() -> None:
    assert parse_demand("a100:4:EPYC:10:memory:4") == Demand(
        (
            NodeClass(
                "nodes",
                totals=(Total("a100", 4), Total("epyc", 10), Total("memory", 4 * 16 * 1024)),
            ),
        )
    )


def test_clauses_and_statements_in_any_lay_out() -> None:
    one_line = "gpu: 2 nodes where a100 >= 4, whole blades; keep members"
    laid_out = """
        # what the solver of the weather service needs
        gpu: 2 nodes
             where a100 >= 4,
             whole blades
        keep members
    """
    assert parse_demand(one_line) == parse_demand(laid_out)


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("a100:4:epyc", "end", "no number after it"),
        ("gele:a100:4", "a100", "not a number of gele"),
        ("a100:4:a100:2", "a100:2", "comes twice"),
        ("4 nodes where a100 >= four", "four", "a number is expected"),
        ("4 nodes where memory >= 512", "512", "with its unit"),
        ("4 nodes where a100 >= 4GiB", "4GiB", "without a unit"),
        ("4 nodes where (a100 >= 4", "(a100", "never closed"),
        ("4 nodes where arch >= 3", ">=", "'=', '!=' or 'in'"),
        ("4 nodes, whole cabinets", "cabinets", "'blades' is expected"),
        ("4 nodes, at most 1 per rack", "rack", "'cabinet' is expected"),
        ("4 nodes, 2 spares, 3 spares", "3 spares", "said twice"),
        ("0 nodes", "0", "not between 1"),
        ("4 nodes; 5 nodes", "5", "a class 'nodes' already"),
        ("total 4 a100, 1 spare", "1 spare", "go with a number of nodes"),
        ("total 0 a100", "0", "always there"),
        ("4 nodes where model = \"EX", "\"EX", "never closed"),
        ("4 nodes where a100 >= 4 $(reboot)", "$", "has no meaning"),
        ("4 nodes where __import__", "__import__", "has no meaning"),
    ],
)  # fmt: skip
def test_an_error_points_at_the_character(text: str, place: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_demand(text)
    error = caught.value
    assert isinstance(error, DemandError)
    assert error.at == (len(text) if place == "end" else text.index(place))
    assert words in error.what
    line, caret = error.why.split("\n")
    assert line == text
    assert caret.index("^") == error.at


def test_a_long_line_is_cut_around_the_fault() -> None:
    text = "n: 4 nodes where " + " and ".join(f"part{i} >= 1" for i in range(50)) + " and $"
    with pytest.raises(DemandError) as caught:
        parse_demand(text)
    line, caret = caught.value.why.split("\n")
    assert len(line) < 70
    assert line[caret.index("^")] == "$"


def test_deep_nesting_is_refused_and_not_followed() -> None:
    with pytest.raises(DemandError, match="nested too deep"):
        parse_demand("4 nodes where " + "(" * 10_000 + "a100")
