"""How much of the matrix is run: all of it by `make test-faults`, a sample in every other run.

POYA_FAULTS is a stride: 1 runs every row, 10 every tenth; unset, a few of each.
"""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from typing import TypeVar

_T = TypeVar("_T")

_STRIDE = int(os.environ.get("POYA_FAULTS", "0"))
WHOLE = _STRIDE > 0
# A shard is a test of its own, so that several processes can share the work.
SHARDS = range(8) if WHOLE else range(1)
_SEED = 20240101


def share(of: Sequence[_T], shard: int, sample: int) -> list[_T]:
    """This shard's part of the whole; or a sample, the same in every run."""
    if WHOLE:
        return list(of[::_STRIDE][shard :: len(SHARDS)])
    return random.Random(_SEED).sample(list(of), min(sample, len(of)))


def pairs(
    one: Sequence[int], other: Sequence[int], count: int, salt: str
) -> list[tuple[int, int]]:
    """Pairs of points, drawn the same in every run."""
    draw = random.Random(f"{_SEED} {salt}")
    return [(draw.choice(one), draw.choice(other)) for _ in range(count)]
