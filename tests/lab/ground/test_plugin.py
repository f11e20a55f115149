# SPDX-License-Identifier: Apache-2.0
"""Sites for tests: fresh each time, watched, and disturbed on demand."""

from __future__ import annotations

import os
import time
import tomllib
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from lab.ground.test_seed import BUCKET, ask, gateway, store_of
from poya.lab.pytest_plugin import LabPair, start_pair, stop_pair
from poya.lab.seed.sites import GELE_IMAGE_ID

ROOTFS = f"{GELE_IMAGE_ID}/rootfs"


def test_a_reset_undoes_everything(lab_pair: LabPair) -> None:
    site = lab_pair.prealps
    s3 = store_of(site)
    with gateway(site) as client:
        client.post("/apis/smd/hsm/v2/groups", json={"label": "new"})
        s3.put_object(Bucket=BUCKET, Key="new", Body=b"x")
        site.set_fault("status", "/apis/*", status=500, times=0)
        assert client.get("/apis/ims/v3/images").status_code == 500
    started = time.monotonic()
    lab_pair.reset()
    assert time.monotonic() - started < 1
    assert site.requests() == []
    assert "new" not in ask(site, "smd/hsm/v2/groups/labels")
    with pytest.raises(ClientError, match="404"):
        s3.head_object(Bucket=BUCKET, Key="new")
    s3.close()


def test_requests_of_the_store_are_logged_with_the_gateways(lab_pair: LabPair) -> None:
    site = lab_pair.alps
    s3 = store_of(site)
    s3.list_buckets()
    s3.put_object(Bucket=BUCKET, Key="k", Body=b"x")
    s3.close()
    deadline = time.monotonic() + 5
    while (
        not any(one.method == "PUT" and one.service == "s3" for one in site.requests())
        and time.monotonic() < deadline
    ):
        time.sleep(0.01)  # a request is logged after its answer is sent
    logged = [
        (one.service, one.method, one.path, one.status)
        for one in site.requests()
        if one.service == "s3"
    ]
    assert logged[-2:] == [("s3", "GET", "/s3/", 200), ("s3", "PUT", "/s3/boot-images/k", 200)]
    assert [one.path for one in site.requests(mutating=True)] == ["/s3/boot-images/k"]


def test_the_configuration_names_both_sites(lab_pair: LabPair) -> None:
    found = tomllib.loads(lab_pair.config_path.read_text())
    assert found["site"] == "alps"
    assert found["sites"].keys() == {"alps", "prealps"}
    for site in (lab_pair.alps, lab_pair.prealps):
        table = found["sites"][site.name]
        assert (table["url"], table["s3_endpoint"]) == (site.url, site.s3_endpoint)
        assert Path(table["ca"]).is_file()
        assert Path(table["auth"]["client_secret_file"]).stat().st_mode & 0o077 == 0


def test_a_status_fault_strikes_the_store_at_the_nth_request(lab_pair: LabPair) -> None:
    s3 = store_of(lab_pair.alps)
    lab_pair.alps.set_fault("status", "/s3/boot-images/*", method="HEAD", nth=2, status=503)
    s3.head_object(Bucket=BUCKET, Key=ROOTFS)
    with pytest.raises(ClientError, match="503"):
        s3.head_object(Bucket=BUCKET, Key=ROOTFS)
    s3.head_object(Bucket=BUCKET, Key=ROOTFS)
    s3.close()


def test_a_truncated_download_breaks_in_the_middle(lab_pair: LabPair) -> None:
    s3 = store_of(lab_pair.alps)
    lab_pair.alps.set_fault("truncate", "/s3/*/rootfs")
    with pytest.raises(Exception, match=r"(?i)incomplete|broken|reset|eof"):
        s3.get_object(Bucket=BUCKET, Key=ROOTFS)["Body"].read()
    whole: Any = s3.get_object(Bucket=BUCKET, Key=ROOTFS)
    assert len(whole["Body"].read()) == whole["ContentLength"]
    s3.close()


@pytest.mark.parametrize(("action", "done"), [("reset-before", False), ("reset-after", True)])
def test_a_lost_acknowledgement_differs_from_a_lost_request(
    lab_pair: LabPair, action: str, done: bool
) -> None:
    s3 = store_of(lab_pair.alps)
    lab_pair.alps.set_fault(action, "/s3/boot-images/k")
    with pytest.raises(BotoCoreError):
        s3.put_object(Bucket=BUCKET, Key="k", Body=os.urandom(100_000))
    found = lab_pair.alps.ground.objects.backend.find(BUCKET, "k")
    assert (found is not None) == done
    assert lab_pair.alps.requests()[-1].status == 0
    s3.close()


def test_a_garbled_answer_is_a_page(lab_pair: LabPair) -> None:
    s3 = store_of(lab_pair.alps)
    lab_pair.alps.set_fault("garbage", "/s3/*", status=200)
    body = s3.get_object(Bucket=BUCKET, Key=ROOTFS)["Body"].read()
    assert body.startswith(b"<html>")
    s3.close()


def test_a_pair_starts_and_stops_quickly(tmp_path: Path) -> None:
    started = time.monotonic()
    pair = start_pair(tmp_path, ("1.6", "1.7"))
    assert ask(pair.alps, "bos/v2/sessiontemplates")[0]["boot_sets"]
    stop_pair(pair)
    assert time.monotonic() - started < 8
