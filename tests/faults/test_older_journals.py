"""A run that an older poya began, and left at any point, is finished or taken back by this one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from faults.rows import How, goes_back_to_the_beginning, goes_to_the_end
from faults.scale import SHARDS, WHOLE, share
from faults.situations import OVERWRITE
from faults.world import Attempt, World
from journal.older import bring_forward_badly, turn_into_version_1

shards = pytest.mark.parametrize("shard", SHARDS)
_EVERY_NTH = 5 if WHOLE else 1


def first_version_2(path: Path) -> None:
    turn_into_version_1(path)
    bring_forward_badly(path)


@shards
@pytest.mark.parametrize("age", [turn_into_version_1, first_version_2])
def test_a_run_that_an_older_poya_began_is_finished_and_taken_back(
    world: World, age: Callable[[Path], None], shard: int
) -> None:
    scene = world.scene(OVERWRITE)
    found = []
    for at in share(range(2, len(scene.points["apply"]))[::_EVERY_NTH], shard, 1):
        attempt: Attempt = How().start(world, scene)
        How().dies(attempt, "apply", at)
        age(attempt.journal_path)
        wrong = goes_to_the_end(attempt) or goes_back_to_the_beginning(attempt)
        found += [f"{at}: {text}" for text in wrong]
    assert not found, "\n".join(found)
