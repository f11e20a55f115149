# SPDX-License-Identifier: Apache-2.0
"""What can be done to running sites: faults at the store, clocks, and the commands for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.exceptions
import pytest

from lab.ground.conftest import s3_client
from poya.lab.lifecycle import Lab
from poya.lab.pytest_plugin import LabPair, TestSite
from poya.lab.state import SiteState
from poya.lab.wanted import Wanted

NODE = "x9000c1s1b0n0"


def client_of(site: TestSite, lifetime_s: int = 3600) -> Any:
    issued = site.site.objects.issue_credentials(lifetime_s)
    return s3_client(
        site.s3_endpoint,
        site.ca_path,
        {
            "aws_access_key_id": issued.access_key_id,
            "aws_secret_access_key": issued.secret_access_key,
            "aws_session_token": issued.session_token,
        },
    )


def refusal(call: Any, **arguments: Any) -> str:
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**arguments)
    return str(caught.value.response["Error"]["Code"])


def test_a_full_store_takes_nothing_and_still_gives(lab_pair: LabPair) -> None:
    site = lab_pair.prealps
    s3 = client_of(site)
    s3.put_object(Bucket="boot-images", Key="k", Body=b"before")
    site.set_fault("full", "/s3/*", times=0)
    assert refusal(s3.put_object, Bucket="boot-images", Key="k", Body=b"x") == "QuotaExceeded"
    assert s3.get_object(Bucket="boot-images", Key="k")["Body"].read() == b"before"


def test_credentials_expire_on_demand(lab_pair: LabPair) -> None:
    site = lab_pair.prealps
    site.set_fault("expired", "/s3/*", nth=2)
    s3 = client_of(site)
    s3.list_objects_v2(Bucket="ims")
    assert refusal(s3.list_objects_v2, Bucket="ims") == "ExpiredToken"
    s3.list_objects_v2(Bucket="ims")


def test_objects_drip(lab_pair: LabPair) -> None:
    site = lab_pair.prealps
    s3 = client_of(site)
    s3.put_object(Bucket="ims", Key="k", Body=b"x" * 1000)
    site.set_fault("drip", "/s3/ims/k", delay_s=0.1)
    assert s3.get_object(Bucket="ims", Key="k")["Body"].read() == b"x" * 1000


def test_a_skewed_clock_refuses_signatures(lab_pair: LabPair) -> None:
    """Ceph RGW: more than 15 minutes apart is RequestTimeTooSkewed."""
    site = lab_pair.prealps
    s3 = client_of(site)
    site.running.clock.skew_s = 1200
    assert refusal(s3.list_objects_v2, Bucket="ims") == "RequestTimeTooSkewed"
    site.running.clock.skew_s = 0
    s3.list_objects_v2(Bucket="ims")


def test_time_that_passes_does_not_age_credentials(lab_pair: LabPair) -> None:
    site = lab_pair.prealps
    s3 = client_of(site, 600)
    site.running.clock.ahead_s = 7200
    s3.list_objects_v2(Bucket="ims")


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    found = tmp_path_factory.mktemp("lab")
    lab = Lab(found)
    lab.up(Wanted(sites=(("prealps", "1.7"),), image_bytes=1024 * 1024))
    yield found
    lab.down()


def poya(directory: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "poya", "lab", *words]
    command += ["--site", "prealps", "--dir", str(directory)]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ}, timeout=60
    )


def told(directory: Path, *words: str) -> Any:
    done = poya(directory, *words, "--output", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_faults_are_set_and_cleared(directory: Path) -> None:
    set_one = told(directory, "fault", "--action", "latency", "--path", "/apis/x", "--delay", "2")
    assert [(f["action"], f["path"], f["delay_s"]) for f in set_one] == [("latency", "/apis/x", 2)]
    assert "latency  * /apis/x  from 1, 1 times" in poya(directory, "fault").stdout
    assert told(directory, "fault", "--clear") == []


def test_requests_are_shown(directory: Path) -> None:
    told(directory, "requests", "--clear")
    assert told(directory, "requests", "--mutating", "--service", "ims") == []


def test_a_node_fails_and_its_console_is_read(directory: Path) -> None:
    done = poya(directory, "fail", NODE, "--in", "boot")
    assert (done.returncode, done.stdout) == (0, "1 nodes will fail in boot.\n")
    assert told(directory, "console", NODE)["failures"] == {"boot": 1}
    missing = poya(directory, "console", "x1c0s0b0n0")
    assert (missing.returncode, "has no x1c0s0b0n0" in missing.stderr) == (2, True)


def test_an_hour_passes(directory: Path) -> None:
    before = told(directory, "time")
    after = told(directory, "time", "--advance", "1h", "--skew", "-20m")
    assert after["ahead_s"] == before["ahead_s"] + 60
    assert after["skew_s"] == -1200
    assert poya(directory, "time", "--advance", "soon").returncode == 2


def test_a_site_can_be_large(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    bulk = {"nodes": 50, "images": 5, "configurations": 4, "templates": 3}
    status = lab.up(Wanted(sites=(("big", "1.6"),), image_bytes=1024 * 1024, bulk=bulk))[0]
    assert lab.down() == ["big"]
    assert status.spec.bulk == bulk
    state = SiteState.open(status.files.contents[0])
    assert len([key for key, _ in state.templates.items() if key.startswith("bulk-")]) == 3
    nodes = [c for c in state.components.values() if c["ID"].startswith("x5000")]
    parts = [p for p in state.hardware.values() if p["ID"].startswith("x5000")]
    serials = {p["PopulatedFRU"]["FRUID"] for p in parts}
    assert (len(nodes), len(serials)) == (50, len(parts))
    state.close()
