# SPDX-License-Identifier: Apache-2.0
"""A rebuilt file: the target's store copies what it has of the old one, only the rest is sent."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poya.errors import Cancelled
from poya.transfer import (
    Advanced,
    Ancestor,
    Cancel,
    ChunkStore,
    Delta,
    Event,
    Expected,
    FileTarget,
    Job,
    Limits,
    Proof,
    Twin,
    copy,
)
from poya.transfer.chunking import Chunk, ChunkIndex, cutter, decode_index, joined
from poya.transfer.etags import MIB, MIN_PART_BYTES
from poya.transfer.layout import Part
from poya.transfer.recipes import Link, Piece, Recipe, recipe_for, stages
from transfer.conftest import Side
from transfer.content import Memory, content, md5_of
from transfer.fake_s3 import Seen

PART = 8 * MIB


def index_of(data: bytes) -> ChunkIndex:
    cut = cutter()
    assert cut is not None, "install poya[delta]"
    return ChunkIndex(cut(memoryview(data)))


def rebuilt(old: bytes, share: float, seed: int = 7, run: int = 400_000) -> bytes:
    """Some runs replaced, some inserted, some removed: that share of the bytes is new."""
    pick, pieces, at = random.Random(seed), [], 0
    while at < len(old):
        length = int(run * (0.5 + pick.random()) / share * (1 - share))
        pieces.append(old[at : at + length])
        at += length + pick.choice([0, run // 3, run])
        pieces.append(pick.randbytes(run))
    return b"".join(pieces)


def job(alps: Side, target: Side, data: bytes, delta: Delta, key: str = "new/rootfs") -> Job:
    etag = alps.fake.put(key, data, PART)
    known = Expected(len(data), md5_of(data), etag)
    return Job(key, alps.source(key), target.target(key), known, delta=delta)


def ancestor(target: Side, old: bytes, index: ChunkIndex | None = None) -> Ancestor:
    etag = target.fake.put("old/rootfs", old, PART)
    return Ancestor(Twin(target.place("old/rootfs"), etag), index or index_of(old))


def nothing_but(side: Side, *keys: str) -> bool:
    return set(side.fake.buckets["boot-images"]) == set(keys) and side.fake.uploads == {}


OLD = content(24 * MIB)


def test_a_rebuilt_file_sends_little_and_gets_the_equal_etag(alps: Side, prealps: Side) -> None:
    new = rebuilt(OLD, 0.075)
    delta = Delta("always", ancestor(prealps, OLD))
    wanted = job(alps, prealps, new, delta)
    [result] = copy([wanted])
    assert (result.etag, result.proof) == (wanted.expected.etag, Proof.MD5)
    assert prealps.fake.data("new/rootfs") == new
    assert result.moved_bytes == prealps.fake.received_bytes
    assert result.moved_bytes <= 0.20 * len(new)
    assert result.moved_bytes + result.copied_bytes == len(new)
    assert "copied at the target from s3://boot-images/old/rootfs" in result.note
    assert nothing_but(prealps, "old/rootfs", "new/rootfs")


def test_an_insertion_at_the_front_moves_everything_and_sends_little(
    alps: Side, prealps: Side
) -> None:
    new = content(1000, "front") + OLD + content(2000, "tail")
    [result] = copy([job(alps, prealps, new, Delta("always", ancestor(prealps, OLD)))])
    assert prealps.fake.data("new/rootfs") == new
    # The chunks at the seams of parts: each part is cut into chunks by itself.
    assert result.moved_bytes <= 12 * 64 * 1024 + 128 * 1024


def test_nothing_in_common_sends_everything(alps: Side, prealps: Side) -> None:
    new = content(10 * MIB, "other")
    [result] = copy([job(alps, prealps, new, Delta("always", ancestor(prealps, OLD)))])
    assert (result.moved_bytes, result.copied_bytes, result.note) == (len(new), 0, "")
    assert prealps.fake.data("new/rootfs") == new


def test_an_old_object_that_is_not_what_is_in_mind_costs_nothing_but_bytes(
    alps: Side, prealps: Side
) -> None:
    new = rebuilt(OLD, 0.05)
    liar = ancestor(prealps, content(24 * MIB, "someone else's"), index_of(OLD))
    wanted = job(alps, prealps, new, Delta("always", liar))
    [result] = copy([wanted], Limits(parallel=1))
    assert (result.etag, prealps.fake.data("new/rootfs")) == (wanted.expected.etag, new)
    assert result.moved_bytes == len(new)
    assert "is not what was kept in mind" in result.note
    assert nothing_but(prealps, "old/rootfs", "new/rootfs")


def test_an_old_object_that_is_gone_costs_nothing_but_bytes(alps: Side, prealps: Side) -> None:
    new = rebuilt(OLD, 0.05)
    gone = ancestor(prealps, OLD)
    prealps.fake.buckets["boot-images"].clear()
    [result] = copy([job(alps, prealps, new, Delta("always", gone))], Limits(parallel=1))
    assert prealps.fake.data("new/rootfs") == new
    assert result.moved_bytes == len(new)
    assert nothing_but(prealps, "new/rootfs")


def test_a_store_that_fails_now_and_then_changes_nothing(alps: Side, prealps: Side) -> None:
    new = rebuilt(OLD, 0.05)
    wanted = job(alps, prealps, new, Delta("always", ancestor(prealps, OLD)))
    for kind, action in (
        ("PUT part", "reset"), ("PUT part", "SlowDown"), ("POST upload", "InternalError"),
        ("POST uploads", "SlowDown"), ("PUT part", "lost_ack"),
    ):  # fmt: skip
        prealps.fake.fail(kind, action, after=3)
    [result] = copy([wanted])
    assert (result.etag, prealps.fake.data("new/rootfs")) == (wanted.expected.etag, new)
    assert "new/rootfs" in prealps.fake.buckets["boot-images"]


def test_what_was_put_together_is_kept_by_a_later_run(alps: Side, prealps: Side) -> None:
    new = rebuilt(OLD, 0.05)
    wanted = job(alps, prealps, new, Delta("always", ancestor(prealps, OLD)))
    memory, cancel, parts = Memory(), Cancel(), [0]

    def stop(seen: Seen) -> None:
        parts[0] += seen.kind == "PUT part" and seen.path.endswith("new/rootfs")
        if parts[0] == 3:
            cancel.set()

    prealps.fake.on_request = stop
    with pytest.raises(Cancelled):
        copy([wanted], Limits(parallel=1), memory=memory, cancel=cancel)
    prealps.fake.on_request = lambda _seen: None
    before = prealps.fake.received_bytes
    [result] = copy([wanted], memory=memory)
    assert (result.etag, prealps.fake.data("new/rootfs")) == (wanted.expected.etag, new)
    assert result.kept_bytes > 0
    assert prealps.fake.received_bytes - before < len(new) / 2
    assert nothing_but(prealps, "old/rootfs", "new/rootfs")


def test_the_chunks_of_what_was_moved_are_kept(alps: Side, prealps: Side, tmp_path: Path) -> None:
    store = ChunkStore(tmp_path / "chunks")
    first = job(alps, prealps, OLD, Delta(keep=lambda i: store.keep(md5_of(OLD), i)), "old/rootfs")
    [moved] = copy([first])
    index = store.find(md5_of(OLD), len(OLD))
    assert index is not None
    assert index.size_bytes == len(OLD)
    assert store.find(md5_of(OLD), 1) is None
    assert store.find("0" * 32, len(OLD)) is None

    new = rebuilt(OLD, 0.05)
    held = Ancestor(Twin(prealps.place("old/rootfs"), moved.etag), index)
    [result] = copy([job(alps, prealps, new, Delta("always", held))])
    assert prealps.fake.data("new/rootfs") == new
    assert result.moved_bytes <= 0.2 * len(new)


def test_a_damaged_index_is_none(tmp_path: Path) -> None:
    store = ChunkStore(tmp_path)
    store.keep("a" * 32, index_of(content(MIB)))
    raw = (tmp_path / ("a" * 32)).read_bytes()
    for damaged in (b"", raw[:-1], b"x" + raw, b"poya chunks 1\n123"):
        (tmp_path / ("a" * 32)).write_bytes(damaged)
        assert store.find("a" * 32, MIB) is None


def test_an_interrupted_transfer_still_keeps_all_chunks_in_the_end(
    alps: Side, prealps: Side, tmp_path: Path
) -> None:
    store, memory, cancel = ChunkStore(tmp_path / "chunks"), Memory(), Cancel()

    def begun() -> Job:
        known = store.find(md5_of(OLD), len(OLD))
        return job(
            alps, prealps, OLD, Delta("auto", None, lambda i: store.keep(md5_of(OLD), i), known)
        )

    def stop(event: Event) -> None:
        if isinstance(event, Advanced):
            cancel.set()

    with pytest.raises(Cancelled):
        copy([begun()], Limits(parallel=1), stop, cancel=cancel, memory=memory)
    [result] = copy([begun()], memory=memory)
    assert result.kept_bytes > 0
    index = store.find(md5_of(OLD), len(OLD))
    assert index is not None
    # Parts are cut by themselves.
    parts = (OLD[start : start + PART] for start in range(0, len(OLD), PART))
    assert index.chunks == tuple(chunk for part in parts for chunk in index_of(part).chunks)


def test_the_chunks_of_a_file_are_kept_where_it_is_and_found_there(
    alps: Side, prealps: Side, tmp_path: Path
) -> None:
    own, bundle = tmp_path / "own", tmp_path / "bundle" / ".chunks"
    bundle.parent.mkdir()
    store = ChunkStore(own, bundle)
    etag = alps.fake.put("rootfs", OLD, PART)
    known = Expected(len(OLD), md5_of(OLD), etag)
    delta = Delta(keep=lambda index: store.keep(md5_of(OLD), index))
    target = FileTarget(bundle.parent / "rootfs")
    copy([Job("rootfs", alps.source("rootfs"), target, known, sha256=True, delta=delta)])
    elsewhere = ChunkStore(tmp_path / "other machine", reads=[bundle])
    index = elsewhere.find(md5_of(OLD), len(OLD))
    assert index is not None
    elsewhere.keep("f" * 32, index)
    assert sorted(path.name for path in bundle.iterdir()) == [md5_of(OLD)]
    new = rebuilt(OLD, 0.05)
    [result] = copy([job(alps, prealps, new, Delta("always", ancestor(prealps, OLD, index)))])
    assert prealps.fake.data("new/rootfs") == new
    assert result.moved_bytes <= 0.2 * len(new)


def test_indexes_do_not_pile_up(tmp_path: Path) -> None:
    store = ChunkStore(tmp_path)
    for number in range(80):
        store.keep(f"{number:032}", ChunkIndex([Chunk(1, bytes(16))]))
    assert len(list(tmp_path.iterdir())) == 64


@given(st.lists(st.tuples(st.integers(1, 2**20), st.binary(min_size=16, max_size=16))))
def test_an_index_is_read_as_it_was_kept(entries: list[tuple[int, bytes]]) -> None:
    index = ChunkIndex([Chunk(size, digest) for size, digest in entries])
    again = decode_index(index.encode())
    assert again is not None
    assert (again.chunks, again.size_bytes) == (index.chunks, index.size_bytes)


def test_what_one_run_did_not_see_is_filled_in_from_the_other() -> None:
    parts = [Part(1, 0, 5), Part(2, 5, 7), Part(3, 12, 4)]
    first, second = [Chunk(5, b"a" * 16)], [Chunk(3, b"b" * 16), Chunk(4, b"c" * 16)]
    stopped = joined(parts, {2: second})
    assert (stopped.size_bytes, stopped.start_of(second[1])) == (16, 8)
    whole = joined(parts, {1: first, 3: [Chunk(4, b"d" * 16)]}, stopped)
    assert whole.chunks == (*first, *second, Chunk(4, b"d" * 16))


def test_nothing_is_found_in_what_nobody_saw() -> None:
    index = joined([Part(1, 0, 5), Part(2, 5, 7)], {1: [Chunk(5, b"a" * 16)]})
    assert index.start_of(Chunk(7, bytes(16))) is None
    assert index.within(3, 4) is None
    assert index.within(5, 9) is None


chunks = st.lists(
    st.builds(Chunk, st.integers(4096, 65536), st.integers(0, 30).map(lambda n: bytes([n]) * 16)),
    max_size=60,
)


@settings(max_examples=200)
@given(new=chunks, old=chunks)
def test_a_recipe_covers_the_part_and_copies_only_what_is_there(
    new: list[Chunk], old: list[Chunk]
) -> None:
    # One digest, one length: else they could not be the same bytes.
    sizes = {chunk.digest: chunk.size_bytes for chunk in [*old, *new]}
    new = [Chunk(sizes[c.digest], c.digest) for c in new]
    index = ChunkIndex([Chunk(sizes[c.digest], c.digest) for c in old])
    recipe = recipe_for(new, index)
    at = 0
    for piece in recipe.pieces:
        assert piece.start == at
        at += piece.size_bytes
        if piece.old_start is not None:
            assert piece.old_start + piece.size_bytes <= index.size_bytes
    assert at == sum(chunk.size_bytes for chunk in new)
    # Expand both sides into chunks: every copied range is the same chunks in the same order.
    by_start = {start: c for c, start in _starts(index.chunks)}
    mine = {start: c for c, start in _starts(new)}
    for piece in recipe.pieces:
        if piece.old_start is None:
            continue
        for start in [s for s in mine if piece.start <= s < piece.end]:
            assert by_start[piece.old_start + start - piece.start] == mine[start]


def _starts(found: list[Chunk] | tuple[Chunk, ...]) -> list[tuple[Chunk, int]]:
    pairs, at = [], 0
    for chunk in found:
        pairs.append((chunk, at))
        at += chunk.size_bytes
    return pairs


@given(st.lists(st.integers(1, 12 * MIB), min_size=1, max_size=20))
def test_only_the_last_of_a_stage_is_short(sizes: list[int]) -> None:
    pieces, at = [], 0
    for size in sizes:
        pieces.append(Piece(at, size, None))
        at += size
    staged = list(stages(pieces))
    assert [piece for group in staged for piece in group] == pieces
    assert all(p.size_bytes >= MIN_PART_BYTES for group in staged for p in group[:-1])


WHOLE = Recipe((Piece(0, 8 * MIB, 0),))
MIXED = Recipe((Piece(0, 4 * MIB, 0), Piece(4 * MIB, MIB, None), Piece(5 * MIB, 3 * MIB, 9)))
NEW = Recipe((Piece(0, 8 * MIB, None),))


def test_what_pays_is_measured() -> None:
    link = Link()
    assert link.is_worth(WHOLE, 8 * MIB)
    assert not link.is_worth(MIXED, 8 * MIB), "first the link must be known"
    link.note_sent(8 * MIB, 4.0)
    assert link.is_worth(MIXED, 8 * MIB)
    link.note_made(MIXED, 1.5)
    assert link.is_worth(MIXED, 8 * MIB)
    assert not link.is_worth(NEW, 8 * MIB)
    for _ in range(30):
        link.note_sent(8 * MIB, 0.05)
    assert not link.is_worth(MIXED, 8 * MIB), "a fast link is faster than copying"


def test_on_a_fast_link_everything_is_sent_and_the_reason_is_said(
    alps: Side, prealps: Side
) -> None:
    new = rebuilt(OLD, 0.05, run=100_000)
    wanted = job(alps, prealps, new, Delta("auto", ancestor(prealps, OLD)))

    def slow_copies(seen: Seen) -> None:
        if "x-amz-copy-source" in seen.headers:
            time.sleep(0.3)

    prealps.fake.on_request = slow_copies
    [result] = copy([wanted], Limits(parallel=2))
    assert prealps.fake.data("new/rootfs") == new
    assert result.moved_bytes > len(new) / 2
    assert "MiB/s" in result.note
