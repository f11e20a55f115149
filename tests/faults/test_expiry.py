"""Tokens and temporary credentials may end at any step and any part."""

from __future__ import annotations

import pytest

from faults.network import Template
from faults.rows import HASTY, How, evicted, expired
from faults.scale import SHARDS, share
from faults.situations import FRESH, OVERWRITE
from faults.world import World

shards = pytest.mark.parametrize("shard", SHARDS)
STOPPED = 12


@shards
def test_credentials_that_end_at_any_point_are_renewed(world: World, shard: int) -> None:
    scene = world.scene(FRESH)
    points = share(range(2, len(scene.points["apply"])), shard, 3)
    found = [f"{at}: {text}" for at in points for text in expired(world, scene, at, How())]
    assert not found, "\n".join(found)


@shards
def test_whoever_is_evicted_at_any_point_writes_no_more(world: World, shard: int) -> None:
    scene = world.scene(OVERWRITE)
    points = share(range(2, len(scene.points["apply"]) - 8), shard, 2)
    found = [f"{at}: {text}" for at in points for text in evicted(world, scene, at, How())]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("path", ["/apis/sts/token", "/keycloak/*"])
def test_credentials_that_cannot_be_renewed_pause_the_run(world: World, path: str) -> None:
    """It stops with the exit status of what can be resumed, and goes on once they can be."""
    scene = world.scene(FRESH)
    attempt = HASTY.start(world, scene)
    method = "PUT" if "sts" in path else "POST"
    Template("prealps", method, path, 1).set_fault(world.pair, "500 for good")
    end = attempt.goes()
    assert end.error is not None
    assert end.error.exit_code == STOPPED, end.error.lines()
    world.clear_faults()
    assert attempt.goes().is_success, attempt.said
