"""`migrate receipt`, `receipt verify`, `migrate verify`: what a run did, proved afterwards."""

from __future__ import annotations

import itertools
import json
import os
from pathlib import Path
from typing import Any

import pytest

from migration.console import CONFIGURATION, TEMPLATE, Operator, migrate
from poya.lab.pytest_plugin import LabPair
from poya.receipts import own_key

USAGE, PART_WAY, DAMAGED = 2, 12, 13


@pytest.fixture
def operator(lab_pair: LabPair) -> Operator:
    return Operator(lab_pair.config_path)


def last_run(operator: Operator) -> str:
    runs = json.loads(operator.must("migrate", "list", "--output", "json").out)
    return str(runs[-1]["run"])


def certified(operator: Operator, path: Path) -> dict[str, Any]:
    operator.must("migrate", "receipt", last_run(operator), "-o", str(path))
    found = json.loads(path.read_text())
    assert isinstance(found, dict)
    return found


def test_a_receipt_names_every_request_that_changed_the_target(
    operator: Operator, lab_pair: LabPair, tmp_path: Path
) -> None:
    assert migrate(operator).status == 0
    asked = [
        (r.method, r.path.removeprefix("/s3"))
        for r in lab_pair.prealps.requests(mutating=True)
        if not r.path.startswith("/apis/sts")
    ]
    path = tmp_path / "receipt.json"
    found = certified(operator, path)
    requests = [e["body"] for e in found["log"] if e["kind"] == "request"]
    told = [(r["method"], r["where"].partition("?")[0]) for r in requests]
    assert sorted(told) == sorted(asked)
    answers = [e["body"] for e in found["log"] if e["kind"] in ("answer", "request")]
    assert {a["status"] for a in answers if "status" in a} <= {200, 201, 204}
    assert all("sha256" in r or "etag" in r for r in requests)


def test_a_receipt_is_checked_against_the_target_and_tells_what_changed(
    operator: Operator, lab_pair: LabPair, tmp_path: Path
) -> None:
    assert migrate(operator).status == 0
    path = tmp_path / "receipt.json"
    certified(operator, path)
    lab_pair.prealps.site.requests.clear()
    told = operator.must("receipt", "verify", str(path), "--against", "prealps").out
    assert "genuine" in told
    assert lab_pair.prealps.requests(mutating=True) == []

    state = lab_pair.prealps.site.state
    key, template = next(i for i in state.templates.items() if i[1]["name"] == TEMPLATE)
    state.templates.put(key, {**template, "description": "mine"})
    answer = operator.types("receipt", "verify", str(path), "--against", "prealps")
    assert answer.status == DAMAGED
    assert TEMPLATE in answer.err


def test_a_receipt_of_an_undone_run_says_that_nothing_is_left(
    operator: Operator, tmp_path: Path
) -> None:
    assert migrate(operator).status == 0
    operator.must("migrate", "undo", last_run(operator), "--yes")
    path = tmp_path / "receipt.json"
    assert certified(operator, path)["state"] == "undone"
    operator.must("receipt", "verify", str(path), "--against", "prealps")


def test_an_edited_receipt_is_refused(operator: Operator, tmp_path: Path) -> None:
    assert migrate(operator).status == 0
    path = tmp_path / "receipt.json"
    certified(operator, path)
    path.write_text(path.read_text().replace('"target": "prealps"', '"target": "alps"'))
    answer = operator.types("receipt", "verify", str(path))
    assert answer.status == DAMAGED
    assert "altered after it was signed" in answer.err


def receipts_of(run: str) -> list[dict[str, Any]]:
    """Every receipt of a run that lies in the operator's ledger."""
    ledger = Path(os.environ["XDG_STATE_HOME"]) / "poya" / "receipts"
    return [json.loads(path.read_text()) for path in sorted(ledger.glob(f"*-{run}.json"))]


def test_every_attempt_leaves_a_receipt(operator: Operator, lab_pair: LabPair) -> None:
    """Stopped, gone on with, taken back: each has its own, chained to the one before."""
    lab_pair.prealps.set_fault("status", "/apis/bos/*", method="PUT", status=500, times=0)
    assert migrate(operator).status == PART_WAY
    run = last_run(operator)
    lab_pair.prealps.clear_faults()
    operator.must("migrate", "resume", run)
    operator.must("migrate", "undo", run, "--yes")
    kept = receipts_of(run)
    assert [receipt["state"] for receipt in kept] == ["stopped", "applied", "undone"]
    for before, after in itertools.pairwise(kept):
        assert after["log"][: len(before["log"])] == before["log"]


def test_a_receipt_of_a_run_that_stopped_certifies_what_is_settled(
    operator: Operator, lab_pair: LabPair, tmp_path: Path
) -> None:
    lab_pair.prealps.set_fault("status", "/apis/bos/*", method="PUT", status=500, times=0)
    migrate(operator)
    path = tmp_path / "receipt.json"
    found = certified(operator, path)
    states = {entity["name"]: entity["state"] for entity in found["entities"]}
    assert states[CONFIGURATION] == "written"
    assert states[TEMPLATE] == "unsettled"
    assert {image["state"] for image in found["images"]} == {"written"}
    told = operator.must("receipt", "verify", str(path), "--against", "prealps").out
    assert "stopped part-way" in told
    assert f"not certified, it was under way: BOS session template {TEMPLATE}" in told

    configurations = lab_pair.prealps.site.state.configurations
    configuration = configurations.get(CONFIGURATION)
    assert configuration is not None
    configurations.put(CONFIGURATION, {**configuration, "layers": []})
    answer = operator.types("receipt", "verify", str(path), "--against", "prealps")
    assert answer.status == DAMAGED
    assert CONFIGURATION in answer.err


def test_a_receipt_that_cannot_be_kept_does_not_fail_the_run(
    operator: Operator, caplog: pytest.LogCaptureFixture
) -> None:
    keys = Path(os.environ["XDG_STATE_HOME"]) / "poya" / "keys"
    keys.mkdir(parents=True)
    (keys / "receipts.pem").write_text("no key")
    (keys / "receipts.pem").chmod(0o600)
    assert migrate(operator).status == 0
    assert "No receipt was kept" in caplog.text
    assert f"poya migrate receipt {last_run(operator)}" in caplog.text


def test_a_key_of_the_operators_choice_signs_another_receipt(
    operator: Operator, tmp_path: Path
) -> None:
    assert migrate(operator).status == 0
    theirs = own_key(tmp_path / "theirs.pem")
    path = tmp_path / "receipt.json"
    operator.must(
        "migrate", "receipt", last_run(operator), "-o", str(path),
        "--key", str(tmp_path / "theirs.pem"),
    )  # fmt: skip
    assert json.loads(path.read_text())["signature"]["key"] == theirs.public.text
    assert operator.types("receipt", "verify", str(path)).status == DAMAGED
    operator.must("receipt", "verify", str(path), "--key", str(tmp_path / "theirs.pub"))


def test_a_missing_key_that_was_named_is_not_made(operator: Operator, tmp_path: Path) -> None:
    assert migrate(operator).status == 0
    path = tmp_path / "typo.pem"
    answer = operator.types("migrate", "receipt", last_run(operator), "--key", str(path))
    assert answer.status == USAGE
    assert not path.exists()


def test_another_machine_needs_the_receipt_and_the_public_key_only(
    operator: Operator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert migrate(operator).status == 0
    path, public = tmp_path / "receipt.json", tmp_path / "public.pub"
    certified(operator, path)
    keys = Path(os.environ["XDG_STATE_HOME"]) / "poya" / "keys"
    public.write_bytes((keys / "receipts.pub").read_bytes())
    elsewhere = tmp_path / "elsewhere"
    monkeypatch.setenv("XDG_STATE_HOME", str(elsewhere))
    assert operator.types("receipt", "verify", str(path)).status == DAMAGED
    verify = ("receipt", "verify", str(path), "--key", str(public), "--against", "prealps")
    assert "genuine" in operator.must(*verify).out
    assert not elsewhere.exists()


def test_verify_takes_the_name_of_the_vcluster(operator: Operator) -> None:
    assert migrate(operator).status == 0
    told = json.loads(operator.must("migrate", "verify", "gele", "--output", "json").out)
    assert (told["run"], told["mismatches"]) == (last_run(operator), [])


def test_verify_reads_the_bytes_when_asked_to(operator: Operator, lab_pair: LabPair) -> None:
    """Bytes that rot below an object store keep their etag; only reading them shows it."""
    assert migrate(operator).status == 0
    told = json.loads(operator.must("migrate", "verify", "gele", "--deep", "--output", "json").out)
    assert told["read_bytes"] > 0
    rot(lab_pair)
    operator.must("migrate", "verify", "gele")
    answer = operator.types("migrate", "verify", "gele", "--deep")
    assert answer.status == DAMAGED
    assert "rootfs was read with the md5" in answer.err


def rot(pair: LabPair) -> None:
    """Turn one bit of a stored root file system; its etag stays."""
    objects = pair.prealps.ground.objects
    images = pair.prealps.site.state.images.values()
    image_id = next(i["id"] for i in images if i["name"].startswith("gele"))
    row = next(r for r in objects.rows() if r.key == f"{image_id}/rootfs")
    segment = objects.backend.buckets[row.bucket].keys[row.key].content.segments[0]
    path = next(pair.config_path.parent.rglob(segment.file))
    with path.open("r+b") as file:
        file.seek(segment.offset)
        first = file.read(1)
        file.seek(segment.offset)
        file.write(bytes([first[0] ^ 1]))
