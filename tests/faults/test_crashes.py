"""A run that dies at any point is finished by resuming it, or taken back by undoing it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable

import pytest

from faults.rows import (
    AtAnyMoment,
    ForReal,
    How,
    killed_then_resumed,
    killed_then_undone,
    points,
    undone_with_kills,
)
from faults.scale import SHARDS, WHOLE, pairs, share
from faults.situations import FRESH, OVERWRITE, SITUATIONS
from faults.world import Scene, World

_Row = Callable[[World, Scene, tuple[int, ...], How], list[str]]
_DOUBLES = 130
_EVERY_NTH_FOR_REAL = 10
# A run takes about a second where nothing else is at work.
_MOMENTS, _WITHIN_MS = 96, 1500

situations = pytest.mark.parametrize("situation", SITUATIONS)
shards = pytest.mark.parametrize("shard", SHARDS)


@pytest.fixture(params=["1.6", "1.5"] if WHOLE else ["1.6"])
def site_pair(request: pytest.FixtureRequest, world: World) -> World:
    """The target with IMS metadata, and the one without."""
    if request.param == "1.6":
        return world
    old_world = request.getfixturevalue("old_world")
    assert isinstance(old_world, World)
    return old_world


def found_by(
    row: _Row,
    world: World,
    situation: str,
    deaths: Iterable[tuple[int, ...]],
    how: How | None = None,
) -> list[str]:
    """What a row finds wrong, with the point that it takes."""
    scene = world.scene(SITUATIONS[situation])
    labels = scene.points["apply"] if row is not undone_with_kills else scene.points["undo"]
    found = []
    for at in deaths:
        wrong = row(world, scene, at, how or How())
        found += [f"{at} {labels[at[0]]}: {text}" for text in wrong[:3]]
    return found


def singles(world: World, situation: str, verb: str) -> list[tuple[int, ...]]:
    return [(point,) for point in points(world, SITUATIONS[situation], verb)]


@shards
@situations
def test_killed_anywhere_it_goes_on_to_the_right_end(
    site_pair: World, situation: str, shard: int
) -> None:
    deaths = share(singles(site_pair, situation, "apply"), shard, 1)
    assert not found_by(killed_then_resumed, site_pair, situation, deaths)


@shards
@situations
def test_killed_anywhere_it_can_be_taken_back(
    site_pair: World, situation: str, shard: int
) -> None:
    deaths = share(singles(site_pair, situation, "apply"), shard, 1)
    assert not found_by(killed_then_undone, site_pair, situation, deaths)


@shards
@situations
def test_killed_anywhere_while_undoing_it_is_undone_by_undoing_again(
    site_pair: World, situation: str, shard: int
) -> None:
    deaths = share(singles(site_pair, situation, "undo"), shard, 1)
    assert not found_by(undone_with_kills, site_pair, situation, deaths)


@shards
@situations
def test_killed_twice_it_still_ends_right(world: World, situation: str, shard: int) -> None:
    apply, undo = (points(world, SITUATIONS[situation], verb) for verb in ("apply", "undo"))
    again = share(pairs(apply, apply, _DOUBLES, f"resume {situation}"), shard, 1)
    back = share(pairs(apply, undo, _DOUBLES, f"undo {situation}"), shard, 1)
    found = found_by(killed_then_resumed, world, situation, again)
    found += found_by(killed_then_undone, world, situation, back)
    assert not found


@shards
@situations
def test_a_real_process_killed_for_real_goes_on(world: World, situation: str, shard: int) -> None:
    if not WHOLE and situation != FRESH.name:
        pytest.skip("one is enough here; all of them by `make test-faults`")
    apply = singles(world, situation, "apply")[::_EVERY_NTH_FOR_REAL]
    undo = singles(world, situation, "undo")[::_EVERY_NTH_FOR_REAL]
    found = found_by(killed_then_resumed, world, situation, share(apply, shard, 1), ForReal())
    found += found_by(killed_then_undone, world, situation, share(apply, shard, 0), ForReal())
    found += found_by(undone_with_kills, world, situation, share(undo, shard, 1), ForReal())
    assert not found


@shards
def test_a_real_process_killed_at_any_moment_goes_on_and_can_be_taken_back(
    world: World, shard: int
) -> None:
    """What no point foresees. Naive code survives this, which is why there are the points."""
    draw = random.Random(9)
    moments = share([draw.randrange(_WITHIN_MS) for _ in range(_MOMENTS)], shard, 0)
    found = []
    for number, moment in enumerate(moments):
        row = killed_then_undone if number % 3 == 0 else killed_then_resumed
        wrong = row(world, world.scene(OVERWRITE), (moment,), AtAnyMoment())
        found += [f"{moment} ms: {text}" for text in wrong]
    assert not found
