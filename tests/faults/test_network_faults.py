"""Whatever happens to a request, the run ends right or stops where it can go on."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import pytest

from faults.network import FAULTS, Template
from faults.rows import struck_by, struck_while_undoing
from faults.scale import SHARDS, share
from faults.situations import OVERWRITE
from faults.world import Scene, World

shards = pytest.mark.parametrize("shard", SHARDS)


def rows(scene: Scene, verb: str) -> list[tuple[Template, str]]:
    return list(itertools.product(scene.templates[verb], FAULTS))


def named(at: tuple[Template, str], wrong: Iterable[str]) -> list[str]:
    return [f"{at[1]}: {at[0]}: {text}" for text in wrong]


@shards
def test_a_request_that_goes_wrong_is_survived(world: World, shard: int) -> None:
    scene = world.scene(OVERWRITE)
    found = []
    for at in share(rows(scene, "apply"), shard, 3):
        found += named(at, struck_by(world, scene, *at))
    assert not found, "\n".join(found)


@shards
def test_a_request_that_goes_wrong_while_undoing_is_survived(world: World, shard: int) -> None:
    scene = world.scene(OVERWRITE)
    found = []
    for at in share(rows(scene, "undo"), shard, 2):
        found += named(at, struck_while_undoing(world, scene, *at))
    assert not found, "\n".join(found)
