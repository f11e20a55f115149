# SPDX-License-Identifier: Apache-2.0
"""`poya lab`: real processes, started, killed, found again and stopped."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import stat
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from click.testing import CliRunner

from lab.ground.conftest import s3_client
from poya.cli.lab import lab as command
from poya.errors import ConfigError, PoyaError, UsageError
from poya.lab.directory import SiteFiles, SiteSpec, configuration, load, save
from poya.lab.lifecycle import (
    Lab,
    SiteStatus,
    default_directory,
    need_packages,
    parse_size,
    running_pid,
)
from poya.lab.wanted import Wanted

ONE = Wanted(sites=(("alps", "1.5"),), image_bytes=1024 * 1024)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    made = Lab(tmp_path / "lab")
    yield made
    made.down()


def invoke(*arguments: str, directory: Path) -> Any:
    return CliRunner().invoke(command, [*arguments, "--dir", str(directory)])


@contextmanager
def connection(status: SiteStatus) -> Iterator[httpx2.Client]:
    verify = ssl.create_default_context(cafile=status.files.ca)
    with httpx2.Client(base_url=status.spec.url, verify=verify) as client:
        client.headers["Authorization"] = f"Bearer {token(status, client)}"
        yield client


def token(status: SiteStatus, client: httpx2.Client) -> str:
    answer = client.post(
        "/keycloak/realms/shasta/protocol/openid-connect/token",
        data={
            "grant_type": "client_credentials",
            "client_id": "admin-client",
            "client_secret": status.files.client_secret.read_text().strip(),
        },
    )
    granted: str = answer.json()["access_token"]
    return granted


def store(status: SiteStatus, client: httpx2.Client) -> Any:
    issued = client.put("/apis/sts/token").json()["Credentials"]
    credentials = {
        "aws_access_key_id": issued["AccessKeyId"],
        "aws_secret_access_key": issued["SecretAccessKey"],
        "aws_session_token": issued["SessionToken"],
    }
    return s3_client(status.spec.s3_endpoint, status.files.ca, credentials)


@pytest.mark.slow
def test_what_was_acknowledged_survives_a_kill_and_a_start(lab: Lab) -> None:
    (before,) = lab.up(ONE)
    with connection(before) as client:
        s3 = store(before, client)
        client.post("/apis/smd/hsm/v2/groups", json={"label": "kept"}).raise_for_status()
        authorization = client.headers["Authorization"]
    s3.put_object(Bucket="boot-images", Key="kept", Body=b"bytes", Metadata={"a": "b"})
    head = s3.head_object(Bucket="boot-images", Key="kept")
    assert before.pid
    os.kill(before.pid, signal.SIGKILL)
    until(lambda: running_pid(before.files) is None)
    assert [status.pid for status in lab.status()] == [None]
    (after,) = lab.up(Wanted())
    assert after.pid != before.pid
    assert after.spec == before.spec
    # the token and the temporary credentials outlive it too
    with connection(after) as client:
        client.headers["Authorization"] = authorization
        assert "kept" in client.get("/apis/smd/hsm/v2/groups/labels").json()
    again = s3.head_object(Bucket="boot-images", Key="kept")
    for name in ("ETag", "Metadata", "LastModified", "ContentLength"):
        assert again[name] == head[name]
    s3.close()


@pytest.mark.slow
def test_up_twice_down_twice_and_reset(lab: Lab) -> None:
    (first,) = lab.up(ONE)
    assert lab.up(Wanted()) == [first]
    with connection(first) as client:
        client.post("/apis/smd/hsm/v2/groups", json={"label": "gone"}).raise_for_status()
    (fresh,) = lab.reset()
    assert fresh.spec == first.spec
    with connection(fresh) as client:
        assert "gone" not in client.get("/apis/smd/hsm/v2/groups/labels").json()
    with pytest.raises(UsageError, match="not as asked for"):
        lab.up(Wanted(sites=(("alps", "1.6"),)))
    assert lab.down() == ["alps"]
    assert lab.down() == []
    with pytest.raises(UsageError, match=r"holds content of CSM 1\.5"):
        lab.up(Wanted(sites=(("alps", "1.6"),)))


@pytest.mark.slow
def test_a_start_that_was_killed_half_way_is_begun_again(lab: Lab) -> None:
    (first,) = lab.up(ONE)
    lab.down()
    state, _, repositories = first.files.contents
    for path in state.parent.glob("state.sqlite*"):
        path.unlink()
    (repositories / "cray" / "cos-config-management.git" / "HEAD").unlink()
    (again,) = lab.up(Wanted())
    with connection(again) as client:
        assert "gele" in client.get("/apis/smd/hsm/v2/groups/labels").json()


@pytest.mark.slow
def test_a_taken_port_is_named(lab: Lab) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError) as error:
            lab.up(Wanted(ONE.sites, ONE.image_bytes, port_base=port))
    text = " ".join(error.value.lines())
    assert f"port {port}" in text
    assert "--port-base" in text
    assert [status.pid for status in lab.status()] == [None]


@pytest.mark.slow
def test_a_site_whose_port_was_taken_gets_others_and_says_so(tmp_path: Path) -> None:
    first = invoke("up", "--site", "alps=1.5", "--image-size", "1M", directory=tmp_path)
    assert first.exit_code == 0, first.output
    (before,) = load(tmp_path)
    try:
        invoke("down", directory=tmp_path)
        with socket.create_server(("127.0.0.1", before.s3_port)):
            again = invoke("up", directory=tmp_path)
        assert "alps, CSM 1.5 (on other ports: its own were taken)" in again.output
        (after,) = load(tmp_path)
        assert before.s3_port not in {after.gateway_port, after.s3_port}
        assert after.url in (tmp_path / "config.toml").read_text()
    finally:
        invoke("down", directory=tmp_path)


def test_the_lab_in_use_is_that_of_the_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("POYA_LAB", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("POYA_CONFIG", str(tmp_path / "lab" / "config.toml"))
    assert default_directory() == tmp_path / "state" / "poya" / "lab"
    (tmp_path / "lab").mkdir()
    save(tmp_path / "lab", [SiteSpec("alps", "1.5")])
    assert default_directory() == tmp_path / "lab"
    monkeypatch.setenv("POYA_LAB", str(tmp_path / "other"))
    assert default_directory() == tmp_path / "other"


@pytest.mark.slow
def test_the_commands_say_what_they_did(tmp_path: Path) -> None:
    try:
        up = invoke("up", "--site", "alps=1.5", "--image-size", "1M", directory=tmp_path)
        assert up.exit_code == 0, up.output
        assert f"export POYA_CONFIG={tmp_path / 'config.toml'}" in up.output
        found = json.loads(invoke("status", "--output", "json", directory=tmp_path).output)
        assert [(one["name"], one["release"], one["running"]) for one in found] == [
            ("alps", "1.5", True)
        ]
        assert "(already up)" in invoke("up", directory=tmp_path).output
        config = tomllib.loads((tmp_path / "config.toml").read_text())
        assert config["sites"]["alps"]["url"] == found[0]["url"]
        assert stat.S_IMODE((tmp_path / "config.toml").stat().st_mode) == 0o600
        assert "alps" in invoke("reset", "--yes", directory=tmp_path).output
    finally:
        assert invoke("down", directory=tmp_path).output == "Stopped alps.\n"
    assert "down" in invoke("status", directory=tmp_path).output


def test_commands_without_a_lab_say_so(tmp_path: Path) -> None:
    assert "no lab yet" in invoke("status", directory=tmp_path).output
    assert "No site was running" in invoke("down", directory=tmp_path / "none").output
    assert isinstance(invoke("env", directory=tmp_path).exception, UsageError)
    assert isinstance(invoke("reset", "--yes", directory=tmp_path).exception, UsageError)
    assert invoke("reset", directory=tmp_path).exit_code == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("up", "--site", "alps"),
        ("up", "--site", "alps=9.9"),
        ("up", "--site", "../x=1.5"),
        ("up", "--image-size", "big"),
    ],
)
def test_what_cannot_be_started_is_refused_before_anything_starts(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    outcome = invoke(*arguments, directory=tmp_path)
    assert isinstance(outcome.exception, UsageError)
    assert load(tmp_path) == []


def test_a_directory_that_cannot_be_made_is_named() -> None:
    with pytest.raises(UsageError, match="/proc/none"):
        Lab(Path("/proc/none")).up(ONE)


def test_a_process_id_without_the_lock_is_not_believed(tmp_path: Path) -> None:
    """After kill -9 the id in the file may belong to anyone: here, to the test itself."""
    save(tmp_path, [SiteSpec("alps", "1.5", 1, 2)])
    files = SiteFiles(tmp_path / "alps")
    files.make()
    files.lock.write_text(f"{os.getpid()}\n")
    lab = Lab(tmp_path)
    assert [status.pid for status in lab.status()] == [None]
    assert lab.down() == []


def test_two_commands_do_not_change_the_lab_at_once(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    with lab.alone(), pytest.raises(PoyaError, match="Another command"):
        Lab(tmp_path).down()


def test_a_damaged_lab_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "lab.json").write_text("{")
    with pytest.raises(ConfigError, match=r"lab\.json"):
        Lab(tmp_path).status()


def test_the_configuration_is_left_alone_while_the_sites_stay(tmp_path: Path) -> None:
    sites = [SiteSpec("alps", "1.5", 1, 2), SiteSpec("prealps", "1.6", 3, 4)]
    save(tmp_path, sites)
    chosen = configuration(tmp_path, sites).replace('site = "alps"', 'site = "prealps"')
    (tmp_path / "config.toml").write_text(chosen)
    save(tmp_path, sites)
    assert (tmp_path / "config.toml").read_text() == chosen
    save(tmp_path, [SiteSpec("alps", "1.5", 9, 2)])
    assert "127.0.0.1:9" in (tmp_path / "config.toml").read_text()


def test_a_missing_package_is_named_with_its_remedy() -> None:
    with pytest.raises(UsageError, match="packages") as error:
        need_packages(("json", "no_such_package"))
    assert error.value.lines()[1:] == [
        "Missing: no_such_package.",
        "Install them with: pip install 'poya[lab]'",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("24M", 24 * 1024**2), ("2GiB", 2 * 1024**3), ("100k", 102_400), ("512", 512)],
)
def test_sizes_are_read(text: str, expected: int) -> None:
    assert parse_size(text) == expected


@pytest.mark.parametrize("text", ["", "M", "-1M", "0", "1.5G", "12X"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_size(text)


def until(condition: Any, limit_s: float = 5) -> None:
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.slow
def test_the_demo_ends_with_nodes_that_booted(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-m", "poya", "lab", "demo", "--image-size", "1M"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "10 of 10 nodes are as they should be." in done.stdout
    assert not list(tmp_path.glob("poya-demo-*"))
