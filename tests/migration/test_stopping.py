"""A run under way is stopped, cancelled, evicted, looked at from another terminal."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from migration.console import NODES, Operator, migrate
from migration.snapshot import open_uploads, snapshot
from poya.errors import Cancelled, Locked
from poya.journal import Journal, RunStore, hold, look_at
from poya.lab.pytest_plugin import LabPair

CANCELLED, LOCKED = 14, 15


@pytest.fixture
def operator(lab_pair: LabPair) -> Operator:
    return Operator(lab_pair.config_path)


@contextlib.contextmanager
def run_under_way(pair: LabPair) -> Iterator[subprocess.Popen[bytes]]:
    """A real process in the middle of the bytes, with more to send than it gets sent by itself."""
    pair.prealps.set_fault("latency", "/s3/boot-images/*/rootfs", method="PUT", times=0, delay_s=1)
    process = subprocess.Popen(
        [
            sys.executable, "-m", "poya", "migrate", "run", "gele", "--from", "alps",
            "--to", "prealps", "--nodes", NODES, "--yes",
        ],
        env={**os.environ, "POYA_CONFIG": str(pair.config_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        until_s = time.monotonic() + 180
        while not any("rootfs" in key for key in open_uploads(pair.prealps)):
            assert process.poll() is None, "it ended before it sent any part"
            assert time.monotonic() < until_s
            time.sleep(0.02)
        yield process
    finally:
        process.kill()
        process.communicate()
        pair.prealps.clear_faults()


def run_id(operator: Operator) -> str:
    return str(json.loads(operator.must("migrate", "list", "--output", "json").out)[-1]["run"])


def phase(operator: Operator) -> str:
    answer = operator.must("migrate", "status", run_id(operator), "--output", "json")
    return str(json.loads(answer.out)["phase"])


@pytest.mark.parametrize(
    "number",
    [
        signal.SIGHUP,
        *(pytest.param(n, marks=pytest.mark.slow) for n in (signal.SIGINT, signal.SIGTERM)),
    ],
)
def test_a_signal_stops_it_where_it_can_be_resumed(
    operator: Operator, lab_pair: LabPair, number: signal.Signals
) -> None:
    with run_under_way(lab_pair) as process:
        process.send_signal(number)
        _, err = process.communicate(timeout=120)
    assert process.returncode == CANCELLED
    assert f"poya migrate resume {run_id(operator)}" in " ".join(err.decode().split())
    assert "Traceback" not in err.decode()
    assert phase(operator) == "stopped"
    operator.must("migrate", "resume", run_id(operator))
    assert phase(operator) == "done"


def test_a_second_interrupt_stops_it_at_once(operator: Operator, lab_pair: LabPair) -> None:
    with run_under_way(lab_pair) as process:
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=120)
    assert process.returncode == CANCELLED
    assert "poya migrate resume" in err.decode()
    operator.must("migrate", "resume", run_id(operator))


def test_cancel_stops_it_from_another_terminal_and_takes_it_back(
    operator: Operator, lab_pair: LabPair
) -> None:
    before = snapshot(lab_pair.prealps)
    with run_under_way(lab_pair) as process:
        assert phase(operator) == "running"
        operator.must("migrate", "cancel", run_id(operator), "--undo", "--yes")
        process.communicate(timeout=120)
    assert process.returncode == CANCELLED
    assert phase(operator) == "undone"
    assert snapshot(lab_pair.prealps) == before


def test_a_second_process_is_told_who_works_on_the_run(
    operator: Operator, lab_pair: LabPair
) -> None:
    with run_under_way(lab_pair) as process:
        answer = operator.types("migrate", "resume", run_id(operator))
        assert answer.status == LOCKED
        assert f"process {process.pid}" in answer.err
        assert "poya migrate unlock" in answer.err


def test_an_evicted_process_writes_no_more_and_the_next_one_finishes(
    operator: Operator, lab_pair: LabPair
) -> None:
    with run_under_way(lab_pair) as process:
        evicted = operator.must("migrate", "unlock", run_id(operator), "--yes")
        assert f"process {process.pid}" in evicted.err
        assert "The process lives" in evicted.err
        _, err = process.communicate(timeout=120)
    assert process.returncode == LOCKED
    assert "taken over" in err.decode()
    operator.must("migrate", "resume", run_id(operator))
    assert phase(operator) == "done"


def test_watch_ends_with_the_run(operator: Operator, lab_pair: LabPair) -> None:
    with run_under_way(lab_pair) as process:
        process.send_signal(signal.SIGINT)
        shown = operator.must("migrate", "watch", run_id(operator)).out
    assert "stopped part-way" in shown
    assert "intent" in shown


def test_the_log_is_json_lines_with_every_request(operator: Operator, lab_pair: LabPair) -> None:
    with run_under_way(lab_pair) as process:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=120)
    lines = operator.must("migrate", "log", run_id(operator)).out.splitlines()
    entries = [json.loads(line) for line in lines]
    sent = {(e["body"]["method"], e["body"]["where"]) for e in entries if e["kind"] == "request"}
    assert ("POST", "/apis/ims/v3/images") in sent
    asked = {(r.method, r.path) for r in lab_pair.prealps.requests(mutating=True)}
    assert ("POST", "/apis/ims/v3/images") in asked


def test_a_lock_ends_with_its_holder(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with (
        hold(path, "one thing"),
        pytest.raises(Locked, match="another thing"),
        hold(path, "another thing"),
    ):
        pass
    assert not look_at(path).is_alive()
    with hold(path, "another thing"):
        assert look_at(path).is_alive()


def test_a_living_holder_on_another_host_is_believed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    card = {
        "pid": 7,
        "host": "elsewhere",
        "boot_id": "b",
        "user": "u",
        "since": "s",
        "purpose": "p",
    }
    path.write_text(json.dumps(card))
    with pytest.raises(Locked) as refused, hold(path, "something"):
        pass
    assert "elsewhere" in refused.value.why
    os.utime(path, (time.time() - 61, time.time() - 61))
    with hold(path, "something"):
        pass


def test_whoever_lost_the_journal_can_record_nothing(tmp_path: Path) -> None:
    _, one = RunStore(tmp_path).start("gele-1", b"{}", {})
    one.take({"pid": "1"})
    path = next(tmp_path.rglob("journal.db"))
    other = Journal.open(path)
    other.take({"pid": "2"})
    with pytest.raises(Locked, match="taken over"):
        one.intend("group/gele")
    with pytest.raises(Locked):
        one.check_held()
    other.intend("group/gele")
    other.ask_to_stop("somebody")
    with pytest.raises(Cancelled, match="somebody"):
        other.check_held()
    other.set_fact("state", "stopped")
    for journal in (one, other):
        journal.close()


@pytest.mark.slow
def test_reading_every_byte_stops_at_the_first_interrupt(
    operator: Operator, lab_pair: LabPair
) -> None:
    assert migrate(operator).status == 0
    lab_pair.prealps.set_fault("stall", "/s3/boot-images/*/rootfs", method="GET", times=0)
    lab_pair.prealps.site.requests.clear()
    words = (sys.executable, "-m", "poya", "migrate", "verify", run_id(operator), "--deep")
    process = subprocess.Popen(
        words,
        env={**os.environ, "POYA_CONFIG": str(lab_pair.config_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    until_s = time.monotonic() + 180
    while not any(r.method == "HEAD" and "rootfs" in r.path for r in lab_pair.prealps.requests()):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until_s
        time.sleep(0.1)
    time.sleep(3)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    told = err.decode() + out.decode()
    assert process.returncode == CANCELLED, told
    assert "Traceback" not in told
    lab_pair.prealps.clear_faults()
    assert lab_pair.prealps.requests(mutating=True) == []
    assert phase(operator) == "done"
    operator.must("migrate", "verify", run_id(operator), "--deep")
