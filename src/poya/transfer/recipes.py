# SPDX-License-Identifier: Apache-2.0
"""How a part of a new object can be made of an old one, and whether that pays: pure decisions."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from poya.transfer.chunking import Chunk, ChunkIndex
from poya.transfer.etags import MIN_PART_BYTES

# Each piece that is shorter than a part costs four requests at the target.
_LEAST_COPY_BYTES = 128 * 1024
_WEIGHT = 0.3
_MARGIN = 0.9


@dataclass(frozen=True, slots=True)
class Piece:
    """A range of a part.

    Attributes:
        start: Offset within the part.
        size_bytes: Its length.
        old_start: Where the old object has the same bytes; None if they must be sent.
    """

    start: int
    size_bytes: int
    old_start: int | None

    @property
    def end(self) -> int:
        """The offset after it, within the part."""
        return self.start + self.size_bytes


@dataclass(frozen=True, slots=True)
class Recipe:
    """A part as pieces, in order and without gaps."""

    pieces: tuple[Piece, ...]

    @property
    def sent_bytes(self) -> int:
        """What must be sent."""
        return sum(piece.size_bytes for piece in self.pieces if piece.old_start is None)

    @property
    def copies(self) -> bool:
        """Whether anything can be copied."""
        return any(piece.old_start is not None for piece in self.pieces)

    @property
    def requests(self) -> int:
        """How many requests it takes to put it together."""
        if len(self.pieces) == 1:
            return 1
        return 4 * sum(1 for _ in stages(self.pieces)) + 2


def recipe_for(chunks: Sequence[Chunk], old: ChunkIndex) -> Recipe:
    """Find what the old object has of a part; runs too short to be worth a copy are sent."""
    found = list(_joined(_found(chunks, old)))
    worth = [
        piece
        if piece.old_start is None or piece.size_bytes >= _LEAST_COPY_BYTES or len(found) == 1
        else replace(piece, old_start=None)
        for piece in found
    ]
    return Recipe(tuple(_joined(worth)))


def stages(pieces: Sequence[Piece]) -> Iterator[tuple[Piece, ...]]:
    """The pieces in groups that one object can take up behind what it has already.

    Only the last part of an object may be shorter than 5 MiB: each group ends with its first short
    piece.
    """
    group: list[Piece] = []
    for piece in pieces:
        group.append(piece)
        if piece.size_bytes < MIN_PART_BYTES:
            yield tuple(group)
            group = []
    if group:
        yield tuple(group)


class Link:
    """What the way to the target and the target's store turn out to be able to do."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.bytes_per_s = 0.0
        self.request_s = 0.0

    def note_sent(self, size_bytes: int, took_s: float) -> None:
        """A part was sent as it is."""
        with self._lock:
            self.bytes_per_s = _smooth(self.bytes_per_s, size_bytes / max(took_s, 1e-6))

    def note_made(self, recipe: Recipe, took_s: float) -> None:
        """A part was put together at the target."""
        with self._lock:
            sending_s = recipe.sent_bytes / self.bytes_per_s if self.bytes_per_s else 0.0
            each_s = max(0.0, took_s - sending_s) / recipe.requests
            self.request_s = _smooth(self.request_s, each_s)

    def is_worth(self, recipe: Recipe, size_bytes: int) -> bool:
        """Whether putting a part together is faster than sending it."""
        if not recipe.copies:
            return False
        if not self.bytes_per_s:
            # A copy in one piece tells what requests cost; anything else first tells the link.
            return recipe.requests == 1
        if not self.request_s:
            return True
        making_s = recipe.sent_bytes / self.bytes_per_s + recipe.requests * self.request_s
        return making_s < _MARGIN * size_bytes / self.bytes_per_s


def _found(chunks: Sequence[Chunk], old: ChunkIndex) -> Iterator[Piece]:
    start = 0
    for chunk in chunks:
        yield Piece(start, chunk.size_bytes, old.start_of(chunk))
        start += chunk.size_bytes


def _joined(pieces: Sequence[Piece] | Iterator[Piece]) -> Iterator[Piece]:
    """Neighbours that go on in the old object too become one, and so do those to be sent."""
    last: Piece | None = None
    for piece in pieces:
        if last is not None and _follows(last, piece):
            last = replace(last, size_bytes=last.size_bytes + piece.size_bytes)
            continue
        if last is not None:
            yield last
        last = piece
    if last is not None:
        yield last


def _follows(last: Piece, piece: Piece) -> bool:
    if last.old_start is None or piece.old_start is None:
        return last.old_start is piece.old_start
    return last.old_start + last.size_bytes == piece.old_start


def _smooth(known: float, seen: float) -> float:
    return known + _WEIGHT * (seen - known) if known else seen
