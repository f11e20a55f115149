"""`migrate receipt`, `receipt verify`, `migrate verify`: what a run did, proved afterwards."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from migration.console import TEMPLATE, Operator, migrate
from poya.lab.pytest_plugin import LabPair

DAMAGED = 13


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


def test_a_run_that_is_not_finished_has_no_receipt(operator: Operator, lab_pair: LabPair) -> None:
    lab_pair.prealps.set_fault("reset-before", "/apis/ims/v3/images", method="POST")
    migrate(operator)
    answer = operator.types("migrate", "receipt", last_run(operator))
    assert answer.status == 2
    assert "not finished" in answer.err


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
