"""Two whole migrations of one vCluster at once: one brings it, the other gives way unharmed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from migration.console import NODES
from migration.snapshot import open_uploads
from poya.lab.pytest_plugin import LabPair

DONE, STALE, LOCKED = 0, 11, 15
WORDS = (
    "migrate", "run", "gele", "--from", "alps", "--to", "prealps", "--nodes", NODES, "--yes",
)  # fmt: skip


class Machine:
    """An operator's machine, with runs of its own."""

    def __init__(self, pair: LabPair, state: Path) -> None:
        self._environment = {
            **os.environ,
            "POYA_CONFIG": str(pair.config_path),
            "XDG_STATE_HOME": str(state),
        }

    def begins(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "poya", *words],
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def types(self, *words: str) -> tuple[int, str]:
        process = self.begins(*words)
        said, _ = process.communicate(timeout=300)
        return process.returncode, said

    def runs(self) -> list[str]:
        _, said = self.types("migrate", "list", "--output", "json")
        return [run["run"] for run in json.loads(said)]


@pytest.mark.slow
@pytest.mark.parametrize("states", [("one", "one"), ("one", "another")], ids=["here", "two hosts"])
def test_of_two_at_once_one_brings_it_and_the_other_gives_way(
    lab_pair: LabPair, tmp_path: Path, states: tuple[str, str]
) -> None:
    machines = [Machine(lab_pair, tmp_path / state) for state in states]
    processes = [machine.begins(*WORDS) for machine in machines]
    said = [process.communicate(timeout=300)[0] for process in processes]
    ended = [process.returncode for process in processes]

    assert sorted(ended) in ([DONE, LOCKED], [DONE, STALE], [LOCKED, LOCKED]), "\n".join(said)
    if DONE not in ended:
        # Each saw the other and gave way; whoever comes first now brings it.
        assert machines[0].types("migrate", "resume", machines[0].runs()[-1])[0] == DONE
    settled(lab_pair)

    for machine, status in zip(machines, ended, strict=True):
        if status == LOCKED:
            take_back_what_was_not_brought(machine)
    settled(lab_pair)


def take_back_what_was_not_brought(machine: Machine) -> None:
    """The one who gave way has written nothing, and takes nothing of the other's away."""
    for run in machine.runs():
        status, said = machine.types("migrate", "status", run, "--output", "json")
        if json.loads(said)["phase"] != "done":
            status, said = machine.types("migrate", "undo", run, "--yes")
            assert status == DONE, said


def settled(pair: LabPair) -> None:
    """All of gele is there once, and nobody's claim or upload is left."""
    site = pair.prealps
    names = Counter(record["name"] for record in site.site.state.images.values())
    assert {n: names[n] for n in names if n.startswith("gele")} == {
        "gele-cos-23.06.0-1": 1,
        "gele-uan-23.06.0-1": 1,
    }
    assert open_uploads(site) == []
    assert not [row.key for row in site.ground.objects.rows() if "poya-claims" in row.key]
    assert pair.alps.requests(mutating=True) == []
