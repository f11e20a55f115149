"""A disk that is full, fails, tears or rots loses nothing without a word."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

import pytest

from faults.fuse import Fuse, FusedJournal
from faults.outcome import settled, violations
from faults.scale import SHARDS, WHOLE, share
from faults.situations import FRESH, OVERWRITE
from faults.wiring import Wiring
from faults.world import Attempt, Scene, World
from poya.journal.damage import guarded

shards = pytest.mark.parametrize("shard", SHARDS)
# Refusals that leave everything as it is: unreadable, stale.
_REFUSED = (2, 11)
_TEARS, _ROTS = (400, 300) if WHOLE else (2, 2)


class BrokenDisk(FusedJournal):
    """A journal whose file cannot be written any more once `why` says so."""

    why = ""

    @contextmanager
    def _writing(self, kind: str, body: Mapping[str, Any]) -> Iterator[str]:
        if isinstance(self.fuse, StrikingFuse) and self.fuse.is_struck:
            with guarded(self._path, "The run's journal cannot be written."):
                raise sqlite3.OperationalError(self.why)
        with super()._writing(kind, body) as at:
            yield at


class StrikingFuse(Fuse):
    """Breaks the disk at a point, for as long as the process lives."""

    def __init__(self, at: int) -> None:
        super().__init__(at, act=self._strike)
        self.is_struck = False

    def _strike(self) -> None:
        self.is_struck = True


@shards
@pytest.mark.parametrize("why", ["database or disk is full", "disk I/O error"])
def test_a_disk_that_fails_at_any_write_stops_it_where_it_can_go_on(
    world: World, why: str, shard: int
) -> None:
    scene = world.scene(FRESH)
    journal = type("Broken", (BrokenDisk,), {"why": why})
    for at in share(range(2, len(scene.points["apply"]) - 2), shard, 1):
        attempt = world.start(scene, Wiring(journal=journal))
        end = attempt.goes(StrikingFuse(at))
        assert end.error is not None, at
        assert end.error.exit_code == 12, (at, end.error.lines())
        assert why in " ".join(end.error.lines()), (at, end.error.lines())
        assert ends_right(attempt, scene), (at, attempt.said[-2000:])


@shards
def test_a_journal_that_is_torn_anywhere_ends_right_or_is_refused(
    world: World, tmp_path_factory: pytest.TempPathFactory, shard: int
) -> None:
    draw = random.Random(7)
    scene = world.scene(OVERWRITE)
    points = range(2, len(scene.points["apply"]))
    for at in share([draw.choice(points) for _ in range(_TEARS)], shard, _TEARS):
        attempt = world.start(scene)
        with closing(sqlite3.connect(attempt.journal_path)) as reader:
            # With a reader about, SQLite leaves what was committed in the write-ahead log.
            reader.execute("SELECT count(*) FROM run").fetchone()
            attempt.goes(Fuse(at))
            kept = tmp_path_factory.mktemp("torn") / "run"
            shutil.copytree(attempt.directory, kept)
        shutil.rmtree(attempt.directory)
        shutil.copytree(kept, attempt.directory)
        tear(attempt, draw)
        assert ends_right(attempt, scene), (at, attempt.said[-2000:])


@shards
def test_a_journal_that_rots_anywhere_ends_right_or_is_refused(world: World, shard: int) -> None:
    draw = random.Random(8)
    scene = world.scene(OVERWRITE)
    points = range(2, len(scene.points["apply"]))
    for at in share([draw.choice(points) for _ in range(_ROTS)], shard, _ROTS):
        attempt = world.start(scene)
        attempt.goes(Fuse(at))
        rot(attempt, draw)
        assert ends_right(attempt, scene), (at, attempt.said[-2000:])


def tear(attempt: Attempt, draw: random.Random) -> None:
    """Cut the write-ahead log at a multiple of a disk's block."""
    log = attempt.journal_path.with_name("journal.db-wal")
    attempt.journal_path.with_name("journal.db-shm").unlink(missing_ok=True)
    size_bytes = log.stat().st_size if log.exists() else 0
    with log.open("ab") as file:
        file.truncate(draw.randrange(size_bytes // 512 + 1) * 512)


def rot(attempt: Attempt, draw: random.Random) -> None:
    """Turn one bit of the journal's file."""
    raw = bytearray(attempt.journal_path.read_bytes())
    raw[draw.randrange(len(raw))] ^= 1 << draw.randrange(8)
    attempt.journal_path.write_bytes(raw)


def ends_right(attempt: Attempt, scene: Scene) -> bool:
    """It goes on to the right end, or says that it does not and leaves everything alone."""
    site = attempt.world.pair.prealps
    site.site.requests.clear()
    end = attempt.goes()
    if end.is_success:
        return settled(site, scene.before) == scene.outcome and not violations(site, scene.plan)
    return end.error is not None and end.error.exit_code in _REFUSED
