# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poya.errors import UsageError
from poya.transfer.etags import (
    MAX_OBJECT_BYTES,
    MAX_PARTS,
    MIB,
    EtagHasher,
    candidate_part_sizes,
    choose_part_size,
    clean_etag,
    is_plain_md5,
    matching_part_size,
    multipart_etag,
    part_count,
    parts_for,
)
from poya.transfer.layout import (
    Layout,
    lay_out_file,
    lay_out_object,
    other_cuts,
)
from transfer.fake_s3 import etag_of

MEMORY = 256 * MIB
ETAG = "0" * 32
SIZES = st.integers(1, MAX_OBJECT_BYTES)


@pytest.mark.parametrize(
    ("etag", "count"),
    [(f"{ETAG}-131", 131), (f"{ETAG}-1", 1), (ETAG, None), (f"{ETAG}-0", None), ("", None)],
)
def test_tells_the_part_count(etag: str, count: int | None) -> None:
    assert part_count(etag) == count


@pytest.mark.parametrize("raw", ['"abc"', "abc", 'W/"abc"', ' "abc" '])
def test_etags_lose_their_quotes(raw: str) -> None:
    assert clean_etag(raw) == "abc"


def test_only_32_hex_digits_are_an_md5() -> None:
    assert is_plain_md5(ETAG)
    assert not is_plain_md5(f"{ETAG}-1")
    assert not is_plain_md5("")


@given(SIZES, st.integers(5 * MIB, 2 * 1024 * MIB))
def test_every_usual_cut_is_found_again(size_bytes: int, part_bytes: int) -> None:
    part_bytes -= part_bytes % MIB
    count = parts_for(size_bytes, part_bytes)
    candidates = candidate_part_sizes(size_bytes, count)
    assert all(parts_for(size_bytes, candidate) == count for candidate in candidates)
    assert candidates
    if count > 1 and size_bytes // (count * (count - 1)) < 32 * MIB:
        assert part_bytes in candidates


@given(st.integers(2, 10_000), st.integers(6 * MIB, 1 << 40))
def test_a_cut_by_division_is_found_again(count: int, size_bytes: int) -> None:
    part_bytes = -(-size_bytes // count)
    assert part_bytes in candidate_part_sizes(size_bytes, parts_for(size_bytes, part_bytes))


def test_the_usual_writers_come_first() -> None:
    assert candidate_part_sizes(2_540_000_000, 303)[0] == 8 * MIB
    assert candidate_part_sizes(24 * MIB, 3)[0] == 8 * MIB
    assert candidate_part_sizes(24 * MIB, 5)[0] == 5 * MIB


def test_an_impossible_count_has_no_candidate() -> None:
    assert candidate_part_sizes(3, 5) == []
    assert candidate_part_sizes(0, 2) == []
    assert candidate_part_sizes(10, 0) == []


@given(st.binary(max_size=200), st.integers(1, 50), st.lists(st.integers(1, 60), max_size=20))
def test_hashing_in_any_pieces_gives_the_etag(
    data: bytes, part_bytes: int, steps: list[int]
) -> None:
    hasher = EtagHasher(part_bytes)
    start = 0
    for step in [*steps, len(data)]:
        hasher.update(data[start : start + step])
        start += step
    assert hasher.etag() == etag_of(data, part_bytes)


def test_the_etag_of_parts_is_the_stores() -> None:
    data = b"0123456789"
    md5s = [hashlib.md5(data[i : i + 4]).hexdigest() for i in (0, 4, 8)]
    assert multipart_etag(md5s) == etag_of(data, 4)


def test_finds_the_part_size_that_gives_an_etag() -> None:
    data = bytes(11 * MIB) + b"end"
    assert matching_part_size([data], len(data), etag_of(data, 6 * MIB)) == 6 * MIB
    assert matching_part_size([data], len(data), etag_of(data + b"x", 6 * MIB)) is None
    assert matching_part_size([data], len(data), etag_of(data)) is None


@given(st.integers(0, MAX_OBJECT_BYTES), st.sampled_from([5 * MIB, 16 * MIB]))
def test_part_sizes_grow_with_the_object(size_bytes: int, wanted: int) -> None:
    chosen = choose_part_size(size_bytes, wanted)
    assert chosen >= wanted
    assert parts_for(size_bytes, chosen) <= MAX_PARTS
    assert chosen == wanted or parts_for(size_bytes, chosen - MIB) > MAX_PARTS


@given(
    st.integers(0, MAX_OBJECT_BYTES),
    st.one_of(st.just(""), st.just(ETAG), st.integers(1, 10_000).map(lambda n: f"{ETAG}-{n}")),
    st.integers(1, 1024 * MIB),
    st.booleans(),
)
def test_every_layout_covers_the_object_within_memory(
    size_bytes: int, etag: str, memory_bytes: int, to_file: bool
) -> None:
    layout = (lay_out_file if to_file else lay_out_object)(size_bytes, etag, memory_bytes)
    count = layout.count
    assert layout.part_size_bytes * (count - 1) < max(size_bytes, 1)
    assert layout.part_size_bytes * count >= size_bytes
    assert min(layout.chunk_bytes, size_bytes) <= max(1, memory_bytes // 2)
    if not to_file:
        assert count <= MAX_PARTS
        assert not layout.is_multipart or count == 1 or layout.part_size_bytes >= 5 * MIB
        assert layout.is_multipart or size_bytes <= max(memory_bytes, 16 * MIB)
    else:
        assert not layout.is_streamed


@given(st.integers(0, 100), st.integers(1, 30))
def test_parts_follow_each_other(size_bytes: int, part_bytes: int) -> None:
    parts = list(Layout(size_bytes, part_bytes, True, part_bytes).parts())
    assert [part.number for part in parts] == list(range(1, len(parts) + 1))
    assert b"".join(bytes(part.size_bytes) for part in parts) == bytes(size_bytes)
    assert all(a.start + a.size_bytes == b.start for a, b in itertools.pairwise(parts))


def test_the_sources_cut_is_used_again() -> None:
    size = 2_540_000_000
    layout = lay_out_object(size, f"{ETAG}-303", MEMORY)
    assert (layout.part_size_bytes, layout.is_multipart, layout.is_streamed) == (
        8 * MIB, True, False,
    )  # fmt: skip


def test_a_plain_etag_is_kept_by_a_single_put_as_long_as_memory_allows() -> None:
    assert not lay_out_object(200 * MIB, ETAG, MEMORY).is_multipart
    assert lay_out_object(257 * MIB, ETAG, MEMORY).is_multipart
    assert lay_out_object(17 * MIB, "", MEMORY).is_multipart
    assert not lay_out_object(16 * MIB, "", MEMORY).is_multipart


def test_parts_beyond_memory_are_streamed() -> None:
    assert lay_out_object(MAX_OBJECT_BYTES, "", MEMORY).is_streamed
    assert lay_out_object(3 * 1024 * MIB, f"{ETAG}-3", MEMORY).is_streamed


def test_objects_beyond_s3_are_refused() -> None:
    with pytest.raises(UsageError):
        lay_out_object(MAX_OBJECT_BYTES + 1, "", MEMORY)


def test_doubtful_cuts_are_hashed_too() -> None:
    assert other_cuts(24 * MIB, f"{ETAG}-3", 8 * MIB) == [10 * MIB, 9 * MIB, 11 * MIB]
    assert len(other_cuts(90 * MIB, f"{ETAG}-6", 15 * MIB)) == 2
    assert other_cuts(2_540_000_000, f"{ETAG}-303", 8 * MIB) == []
    assert other_cuts(2_540_000_000, ETAG, 16 * MIB) == []
