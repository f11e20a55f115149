"""Killed at any byte of a part, with several streams at work: little is sent again, nothing is lost."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Generator
from dataclasses import replace
from functools import partial

import pytest

from faults.fuse import Fuse
from faults.rows import at_the_end, goes_to_the_end
from faults.scale import SHARDS, WHOLE, share
from faults.situations import FRESH, PART_BYTES
from faults.wiring import Wiring
from faults.world import Attempt, World
from poya.transfer import Exchanger, Guard, HttpRequest, HttpResponse, Limits
from poya.transfer.http import StreamBody

shards = pytest.mark.parametrize("shard", SHARDS)
_STREAMS = 4
_CHUNK_BYTES = 16 * 1024
# The parts of gele's images, as `situations` makes them, in chunks.
_CHUNKS = (PART_BYTES + 40_000) // _CHUNK_BYTES
_ROWS = 400 if WHOLE else 2


class Dripping:
    """Sends bodies chunk by chunk, and passes a point before each of them."""

    def __init__(self, inner: Exchanger, fuse: Fuse) -> None:
        self._inner, self._fuse = inner, fuse
        self._numbers = itertools.count()

    def exchange(self, request: HttpRequest, guard: Guard) -> HttpResponse:
        body = request.body
        if "partNumber" not in request.target or isinstance(body, StreamBody):
            return self._inner.exchange(request, guard)
        whole = memoryview(body)

        def chunks() -> Generator[memoryview, None, None]:
            for start in range(0, len(whole), _CHUNK_BYTES):
                self._fuse.point(f"chunk {next(self._numbers)} of a part")
                yield whole[start : start + _CHUNK_BYTES]

        dripping = replace(request, body=StreamBody(len(whole), chunks))
        return self._inner.exchange(dripping, guard)


@shards
def test_killed_inside_a_part_it_goes_on_and_sends_little_again(world: World, shard: int) -> None:
    draw, scene = random.Random(4), world.scene(FRESH)
    for at in share([draw.randrange(_CHUNKS) for _ in range(_ROWS)], shard, _ROWS):
        fuse = Fuse(f"chunk {at} of")
        limits = Limits(parallel=_STREAMS, objects=_STREAMS)
        wiring = Wiring(limits=limits, exchange=partial(Dripping, fuse=fuse))
        attempt = world.start(scene, wiring)
        assert attempt.goes(fuse).is_crashed, at
        attempt.wiring = replace(wiring, exchange=Wiring().exchange)
        found = [*goes_to_the_end(attempt), *sent_again(attempt), *at_the_end(attempt)]
        assert not found, (at, found)


def sent_again(attempt: Attempt) -> list[str]:
    """Parts that arrived and were sent once more; one a stream may have been on its way."""
    arrived = Counter(
        (r.path, r.query)
        for r in attempt.world.pair.prealps.requests(mutating=True)
        if r.method == "PUT" and "partNumber" in r.query and r.status == 200
    )
    again = sum(count - 1 for count in arrived.values())
    return [f"{again} parts arrived twice"] if again > 0 else []
