# SPDX-License-Identifier: Apache-2.0
"""How the bytes of a migration move: once, as slowly as wanted, and visibly."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from migration.console import NODES, Operator, migrate
from poya.lab.pytest_plugin import LabPair, TestSite
from poya.lab.storage.objects import NewObject

COS = "gele-cos-23.06.0-1"


@pytest.fixture
def operator(lab_pair: LabPair) -> Operator:
    return Operator(lab_pair.config_path)


def image_at(site: TestSite, name: str) -> dict[str, Any]:
    return next(r for r in site.site.state.images.values() if r["name"] == name)


def rebuild_rootfs(site: TestSite, name: str, body: bytes) -> None:
    """The image gets another rootfs in place, as a rebuild under the same record would."""
    record = image_at(site, name)
    key = record["link"]["path"].removeprefix("s3://boot-images/")
    manifest = json.loads(site.ground.objects.read_now("boot-images", key))
    rootfs = next(a for a in manifest["artifacts"] if a["type"].endswith("squashfs"))
    rootfs_key = rootfs["link"]["path"].removeprefix("s3://boot-images/")
    stored = site.ground.objects.put(
        NewObject("boot-images", rootfs_key, [body], part_bytes=8 * 1024**2)
    )
    rootfs["md5"] = hashlib.md5(body).hexdigest()
    rootfs["link"]["etag"] = stored.etag
    raw = json.dumps(manifest).encode()
    record["link"]["etag"] = site.ground.objects.put(NewObject("boot-images", key, [raw])).etag
    site.site.state.images.put(record["id"], record)


def test_a_rebuilt_image_sends_only_what_changed(operator: Operator, lab_pair: LabPair) -> None:
    assert migrate(operator).status == 0
    body = os.urandom(300_000)
    rebuild_rootfs(lab_pair.alps, COS, body)
    lab_pair.prealps.site.requests.clear()

    answer = migrate(operator, "--on-conflict", "overwrite", "--accept", "all", "--output", "json")

    assert answer.status == 0, answer.err
    report = json.loads(answer.out)["report"]
    assert report["moved_bytes"] == len(body)
    assert "copied at the target, nothing sent" in answer.err
    images = [r for r in lab_pair.prealps.site.state.images.values() if r["name"] == COS]
    assert len(images) == 2
    for record in images:
        rows = [row for row in lab_pair.prealps.ground.objects.rows() if record["id"] in row.key]
        assert len(rows) == 5


def test_a_rebuilt_rootfs_sends_only_its_new_chunks(operator: Operator, lab_pair: LabPair) -> None:
    again = ("--on-conflict", "overwrite", "--accept", "all", "--output", "json")
    old = os.urandom(24 * 1024**2)
    rebuild_rootfs(lab_pair.alps, COS, old)
    assert migrate(operator, "--delta", "always").status == 0
    new = old[:9_000_000] + os.urandom(50_000) + old[9_100_000:]
    rebuild_rootfs(lab_pair.alps, COS, new)

    answer = migrate(operator, "--delta", "always", *again)

    assert answer.status == 0, answer.err
    assert json.loads(answer.out)["report"]["moved_bytes"] <= 2 * 1024**2
    assert "copied at the target from s3://boot-images/" in answer.err
    stored = {row.key: row.etag for row in lab_pair.alps.ground.objects.rows()}
    brought = {row.key: row.etag for row in lab_pair.prealps.ground.objects.rows()}
    [etag] = [
        stored[key]
        for key in stored
        if image_at(lab_pair.alps, COS)["id"] in key and key.endswith("rootfs")
    ]
    assert etag in brought.values()
    assert not [key for key in brought if "scratch" in key]

    never = migrate(operator, "--delta", "never", *again)
    assert never.status == 0
    assert json.loads(never.out)["report"]["moved_bytes"] == 0, "it is there already"


def test_a_bundle_keeps_the_chunks_that_the_next_restore_needs(
    operator: Operator, lab_pair: LabPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle, old = str(tmp_path / "bundle"), os.urandom(24 * 1024**2)
    backup = ("migrate", "backup", "--group", "gele", "--site", "alps", "-d", bundle, "--yes",
              "--on-conflict", "overwrite", "--accept", "all")  # fmt: skip
    restore = (
        "migrate", "restore", "--site", "prealps", "--bundle", bundle, "--nodes", NODES, "--yes",
        "--accept", "all", "--output", "json", "--on-conflict", "overwrite", "--delta", "always",
    )  # fmt: skip
    rebuild_rootfs(lab_pair.alps, COS, old)
    operator.must(*backup)
    operator.must(*restore)
    rebuild_rootfs(lab_pair.alps, COS, old[:9_000_000] + os.urandom(50_000) + old[9_100_000:])
    # Another machine, which knows nothing but the bundle.
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "elsewhere"))
    operator.must(*backup)
    verified = operator.must("bundle", "verify", bundle)
    assert "stray" not in verified.out + verified.err

    answer = operator.must(*restore)

    assert "copied at the target from s3://boot-images/" in answer.err
    assert json.loads(answer.out)["report"]["moved_bytes"] <= 2 * 1024**2


def test_progress_as_json_lines_tells_rates_and_totals(operator: Operator) -> None:
    answer = migrate(operator, "--progress", "json")
    assert answer.status == 0
    events = [json.loads(line) for line in answer.err.splitlines() if line.startswith("{")]
    kinds = {event["event"] for event in events}
    assert kinds >= {"step-started", "step-finished", "transfer-started", "progress"}
    [started] = [event for event in events if event["event"] == "transfer-started"]
    total = sum(file["size_bytes"] for file in started["files"])
    last = [event for event in events if event["event"] == "progress"][-1]
    assert last["total"]["done_bytes"] == last["total"]["size_bytes"] == total
    assert last["total"]["eta_s"] == 0
    assert last["label"].startswith("gele-")
    finished = [event for event in events if event["event"] == "artifact-finished"]
    assert sum(event["moved_bytes"] for event in finished) == total


def test_no_progress_prints_nothing(operator: Operator) -> None:
    answer = migrate(operator, "--progress", "none")
    assert answer.status == 0
    assert "transfer" not in answer.err


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--bandwidth", "fast", "'fast' is no bandwidth limit"),
        ("--bandwidth", "08:00,1M 08:00,2M", "no bandwidth limit"),
        ("--bandwidth", "25:00,1M", "no bandwidth limit"),
        ("--memory", "much", "'much' is no amount of memory"),
        ("--memory", "8M", "8 MiB of memory are too little"),
        ("--parallel", "0", "0 is not in the range"),
    ],
)
def test_impossible_limits_are_refused_before_anything_is_asked(
    operator: Operator, lab_pair: LabPair, option: str, value: str, words: str
) -> None:
    lab_pair.alps.site.requests.clear()
    answer = migrate(operator, option, value)
    assert answer.status == 2
    assert words in answer.err
    assert lab_pair.alps.requests() == []


def test_a_run_is_paused_and_continued_from_outside(operator: Operator, lab_pair: LabPair) -> None:
    running = subprocess.Popen(
        [
            sys.executable, "-m", "poya", "migrate", "run", "gele", "--from", "alps",
            "--to", "prealps", "--nodes", NODES, "--yes", "--bandwidth", "512K",
        ],
        env={**os.environ, "POYA_CONFIG": str(lab_pair.config_path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert running.stderr is not None
    said = []
    for line in running.stderr:
        said.append(line)
        if line.startswith("transfer: ") and "files" in line:
            break
    run_id = str(json.loads(operator.must("migrate", "list", "--output", "json").out)[-1]["run"])

    operator.must("migrate", "limit", run_id, "pause")
    for line in running.stderr:
        said.append(line)
        if line == "transfer: paused\n":
            break
    time.sleep(2.0)  # what was under way comes to rest
    before = moved_bytes(lab_pair.alps)
    time.sleep(1.0)
    assert moved_bytes(lab_pair.alps) == before
    assert running.poll() is None

    operator.must("migrate", "limit", run_id, "off")
    said += running.stderr.readlines()
    assert running.wait(60) == 0, "".join(said)
    assert "transfer: no bandwidth limit from now on\n" in said
    running.stderr.close()
    answer = operator.types("migrate", "limit", run_id, "1M")
    assert answer.status == 2
    assert "Nobody carries out the run" in answer.err


def moved_bytes(site: TestSite) -> int:
    """How many reads of objects the store has answered."""
    return sum(entry.service == "s3" for entry in site.requests())
