"""The sites of the fault matrix: small images, and one pair for all of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from faults.world import World
from poya.lab.pytest_plugin import start_pair, stop_pair


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """From CSM 1.5 to CSM 1.6, whose IMS keeps metadata."""
    yield from _world(tmp_path_factory, "1.6")


@pytest.fixture(scope="session")
def old_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """From CSM 1.5 to CSM 1.5, whose IMS has no metadata to find a lost image by."""
    yield from _world(tmp_path_factory, "1.5")


def _world(factory: pytest.TempPathFactory, release: str) -> Iterator[World]:
    pair = start_pair(factory.mktemp("sites"), ("1.5", release))
    yield World(pair, factory.mktemp("runs"))
    stop_pair(pair)
