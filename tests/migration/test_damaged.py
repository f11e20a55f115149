"""A journal that is damaged is named, and spoils no other run."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from migration.console import NODES, Operator, migrate
from poya.lab.pytest_plugin import LabPair

USAGE = 2


@pytest.fixture
def operator(lab_pair: LabPair) -> Operator:
    return Operator(lab_pair.config_path)


def runs(operator: Operator) -> list[dict[str, str]]:
    found = json.loads(operator.must("migrate", "list", "--output", "json").out)
    assert isinstance(found, list)
    return found


def cut_in_half(run: str) -> None:
    path = Path(os.environ["XDG_STATE_HOME"]) / "poya" / "runs" / run / "journal.db"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def test_a_damaged_journal_is_refused_by_name_and_the_others_go_on(
    operator: Operator, lab_pair: LabPair, tmp_path: Path
) -> None:
    assert migrate(operator).status == 0
    first = runs(operator)[0]["run"]
    operator.must("migrate", "undo", first, "--yes")
    cut_in_half(first)
    lab_pair.prealps.site.requests.clear()
    for verb in ("status", "resume", "undo", "verify", "receipt", "unlock"):
        confirmed = ["--yes"] if verb in ("undo", "unlock") else []
        answer = operator.types("migrate", verb, first, *confirmed)
        assert answer.status == USAGE, verb
        told = " ".join(answer.err.split())
        assert f"{first}/journal.db" in told, verb
        assert "Bring the run's directory back from a backup" in told, verb
    assert lab_pair.prealps.requests(mutating=True) == []

    plan = str(tmp_path / "gele.plan")
    operator.must(
        "migrate", "plan", "gele", "--from", "alps", "--to", "prealps", "--nodes", NODES,
        "-o", plan,
    )  # fmt: skip
    operator.must("apply", plan, "--yes")
    operator.must("migrate", "verify", "gele")
    assert [run["state"] for run in runs(operator)] == ["damaged", "applied"]
