"""A migration that is cut off anywhere is carried on to the same end, or taken back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import Any

import pytest

from migration.console import NODES, Operator, migrate
from migration.snapshot import open_uploads, snapshot
from poya.lab.pytest_plugin import LabPair, TestSite

STOPPED = 12
IMAGES = "/apis/ims/v3/images"

# What a migration asks of its target, and which of the requests that look alike is struck.
WRITES = [
    ("POST", IMAGES, 1),
    ("POST", IMAGES, 2),
    ("PUT", "/s3/boot-images/*/manifest.json", 2),
    ("PUT", "/s3/boot-images/*/rootfs", 1),
    ("POST", "/s3/boot-images/*/rootfs", 1),
    ("POST", "/s3/boot-images/*/rootfs", 3),
    ("PATCH", f"{IMAGES}/*", 1),
    ("PATCH", f"{IMAGES}/*", 2),
    ("POST", "/apis/smd/hsm/v2/groups", 1),
    ("PUT", "/apis/cfs/v3/configurations/*", 1),
    ("PUT", "/apis/bos/v2/sessiontemplates/*", 1),
]
MISHAPS = ["reset-before", "reset-after", "garbage"]


@pytest.fixture
def operator(lab_pair: LabPair) -> Operator:
    return Operator(lab_pair.config_path)


def last_run(operator: Operator) -> str:
    runs = json.loads(operator.must("migrate", "list", "--output", "json").out)
    return str(runs[-1]["run"])


def outcome(site: TestSite) -> dict[str, Any]:
    """What the site holds, without the ids that IMS chose; and whatever refers to nothing."""
    state = snapshot(site)
    images = state["images"].values()
    boot_sets = [b for t in state["templates"].values() for b in t["boot_sets"].values()]
    manifests = {image["link"]["path"]: image["link"]["etag"] for image in images if image["link"]}
    files = {key: etag for (_, key), etag in state["objects"].items()}
    return {
        "images": sorted((i["name"], i["arch"], sorted(i.get("metadata") or {})) for i in images),
        "files": sorted(
            (key.rpartition("/")[2], etag)
            for key, etag in files.items()
            if not key.endswith("manifest.json")
        ),
        "groups": state["groups"],
        "configurations": state["configurations"],
        "templates": sorted(t["name"] for t in state["templates"].values()),
        "uploads": state["uploads"],
        "deleted": state["deleted_images"],
        "dangling": [b for b in boot_sets if manifests.get(b["path"]) != b["etag"]],
    }


@pytest.fixture(scope="module")
def undisturbed(lab_session: LabPair, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What prealps holds after a migration that nothing disturbs."""
    lab_session.reset()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("undisturbed")))
        assert migrate(Operator(lab_session.config_path)).status == 0
    return outcome(lab_session.prealps)


@pytest.mark.parametrize("mishap", MISHAPS)
@pytest.mark.parametrize(("method", "path", "nth"), WRITES)
def test_ends_the_same_after_a_mishap_at_any_write(
    operator: Operator,
    lab_pair: LabPair,
    undisturbed: dict[str, Any],
    method: str,
    path: str,
    nth: int,
    mishap: str,
) -> None:
    prealps = lab_pair.prealps
    prealps.set_fault(mishap, path, method=method, nth=nth)
    first = migrate(operator)
    assert first.status in (0, STOPPED), first.err
    if first.status == STOPPED:
        assert "poya migrate resume" in first.err
        operator.must("migrate", "resume", last_run(operator))
    assert outcome(prealps) == undisturbed
    assert lab_pair.alps.requests(mutating=True) == []


@pytest.mark.parametrize(
    ("method", "path", "nth"), [write for write in WRITES if not write[1].startswith("/s3/")]
)
def test_can_be_taken_back_after_a_lost_answer_at_any_write(
    operator: Operator, lab_pair: LabPair, method: str, path: str, nth: int
) -> None:
    prealps = lab_pair.prealps
    before = snapshot(prealps)
    prealps.set_fault("reset-after", path, method=method, nth=nth, times=0)
    first = migrate(operator)
    assert first.status == STOPPED
    prealps.clear_faults()

    operator.must("migrate", "undo", last_run(operator), "--yes")

    assert snapshot(prealps) == before


def test_resuming_a_finished_run_writes_nothing(operator: Operator, lab_pair: LabPair) -> None:
    assert migrate(operator).status == 0
    lab_pair.prealps.site.requests.clear()
    operator.must("migrate", "resume", last_run(operator))
    assert lab_pair.prealps.requests(mutating=True) == []


@pytest.mark.parametrize("wait_s", [0.0, 0.5, 1.0])
def test_killed_in_the_middle_of_the_bytes_it_goes_on(
    operator: Operator, lab_pair: LabPair, undisturbed: dict[str, Any], wait_s: float
) -> None:
    prealps = lab_pair.prealps
    prealps.set_fault("latency", "/s3/boot-images/*/rootfs", method="PUT", times=0, delay_s=0.4)
    killed = subprocess.Popen(
        [
            sys.executable, "-m", "poya", "migrate", "run", "gele", "--from", "alps",
            "--to", "prealps", "--nodes", NODES, "--yes",
        ],
        env={**os.environ, "POYA_CONFIG": str(lab_pair.config_path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 20
    while not any("rootfs" in key for key in open_uploads(prealps)):
        assert killed.poll() is None, "it ended before it sent any part"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(wait_s)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    prealps.clear_faults()

    operator.must("migrate", "resume", last_run(operator))

    assert outcome(prealps) == undisturbed


def test_a_plan_that_went_stale_is_refused(operator: Operator, lab_pair: LabPair) -> None:
    """Somebody makes the group between the plan and its first write."""
    prealps = lab_pair.prealps
    prealps.set_fault("reset-before", IMAGES, method="POST")
    assert migrate(operator).status == STOPPED
    prealps.site.state.groups.put(
        "gele", {"label": "gele", "description": "theirs", "members": {"ids": []}}
    )

    answer = operator.types("migrate", "resume", last_run(operator))

    assert answer.status == 11
    assert "changed since the plan was made" in answer.err
    assert (prealps.site.state.groups.get("gele") or {})["description"] == "theirs"
