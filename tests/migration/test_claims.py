"""Two operators on two machines: the second one is told of the first by the target itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from migration.console import Operator, migrate
from migration.snapshot import snapshot
from poya.lab.pytest_plugin import LabPair
from poya.lab.storage.objects import NewObject

LOCKED, STOPPED = 15, 12
KEY = "poya-claims/gele/gele-20240101-000000-beef"


@pytest.fixture
def operator(lab_pair: LabPair) -> Operator:
    return Operator(lab_pair.config_path)


def claim(pair: LabPair, age: timedelta, ahead: timedelta = timedelta()) -> None:
    """Another machine's run has a claim on gele at prealps; its clock may be wrong."""
    now = datetime.now(UTC)
    at = (now - age + ahead).isoformat(timespec="seconds")
    card = {"pid": "7", "host": "elsewhere", "user": "alice", "at": at}
    body = json.dumps(card).encode()
    objects = pair.prealps.ground.objects
    objects.put(NewObject("boot-images", KEY, [body]))
    stored = objects.backend.find("boot-images", KEY)
    assert stored is not None
    stored.last_modified = (now - age).replace(tzinfo=None)


def claims(pair: LabPair) -> Iterator[str]:
    keys = (row.key for row in pair.prealps.ground.objects.rows())
    return (key for key in keys if key.startswith("poya-claims/"))


def last_run(operator: Operator) -> str:
    return str(json.loads(operator.must("migrate", "list", "--output", "json").out)[-1]["run"])


def test_a_vcluster_that_another_machine_brings_is_left_alone(
    operator: Operator, lab_pair: LabPair
) -> None:
    """The store says when a claim was renewed; the clock of the other machine does not count."""
    claim(lab_pair, timedelta(seconds=30), ahead=timedelta(hours=-2))
    before = snapshot(lab_pair.prealps)
    answer = migrate(operator)
    assert answer.status == LOCKED
    assert "alice on elsewhere" in " ".join(answer.err.split())
    assert snapshot(lab_pair.prealps) == before
    phase = operator.must("migrate", "status", last_run(operator)).out
    assert "stopped part-way" in phase


def test_a_claim_of_the_dead_is_void(operator: Operator, lab_pair: LabPair) -> None:
    claim(lab_pair, timedelta(minutes=11), ahead=timedelta(hours=2))
    assert migrate(operator).status == 0


def test_a_run_leaves_no_claim_behind(operator: Operator, lab_pair: LabPair) -> None:
    assert migrate(operator).status == 0
    assert [*claims(lab_pair)] == []
    operator.must("migrate", "undo", last_run(operator), "--yes")
    assert [*claims(lab_pair)] == []


def test_a_run_that_stopped_lets_go_of_its_claim(operator: Operator, lab_pair: LabPair) -> None:
    lab_pair.prealps.set_fault("reset-before", "/apis/ims/v3/images", method="POST")
    assert migrate(operator).status == STOPPED
    assert [*claims(lab_pair)] == []


def test_a_store_that_takes_no_claims_is_written_to_without(
    operator: Operator, lab_pair: LabPair
) -> None:
    denied = "<Error><Code>AccessDenied</Code></Error>"
    lab_pair.prealps.set_fault(
        "status", "/s3/boot-images/poya-claims/*", method="PUT", status=403, body=denied, times=0
    )
    assert migrate(operator).status == 0
    lines = operator.must("migrate", "log", last_run(operator)).out.splitlines()
    assert any(json.loads(line)["kind"] == "claim" for line in lines)
