# SPDX-License-Identifier: Apache-2.0
"""Backups to tars, streams and stores, and restores from them, by command line."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bundle.test_through_sites import etags
from migration.console import NODES, TEMPLATE, Operator
from poya.errors import UsageError
from poya.lab.pytest_plugin import LabPair
from poya.sites.bundle.stores.room import refuse_without_room
from transfer.fake_s3 import FakeS3, serving

pytestmark = pytest.mark.slow
BACKUP = ("migrate", "backup", "-b", TEMPLATE, "--site", "alps", "-d")
RESTORE = ("migrate", "restore", "--site", "prealps", "--nodes", NODES, "--bundle")


def with_store(pair: LabPair, url: str, directory: Path) -> Operator:
    """An operator whose configuration has a store named `archive`."""
    (directory / "key").write_text("AKTEST")
    (directory / "secret").write_text("s3cret+/key")
    config = directory / "with-store.toml"
    config.write_text(
        f'{pair.config_path.read_text()}\n[stores.archive]\nurl = "s3://boot-images/hpc"\n'
        f'endpoint = "{url}"\naccess_key_file = "key"\nsecret_key_file = "secret"\n'
    )
    return Operator(config)


def left_at_work() -> list[Path]:
    """What still stands in working directories."""
    return list((Path(os.environ["XDG_STATE_HOME"]) / "poya" / "work").glob("*"))


def assert_restored(pair: LabPair) -> None:
    before, after = etags(pair.alps), etags(pair.prealps)
    assert len(after) == 8
    assert {name: before[name] for name in after} == after


def test_a_tar_is_restored_with_equal_etags(lab_pair: LabPair, tmp_path: Path) -> None:
    operator, tar = Operator(lab_pair.config_path), tmp_path / "gele.tar"
    operator.must(*BACKUP, str(tar))
    operator.must(*RESTORE, str(tar), "--yes")
    assert_restored(lab_pair)
    assert left_at_work() == []


def test_a_store_is_restored_with_equal_etags(lab_pair: LabPair, tmp_path: Path) -> None:
    with serving(FakeS3()) as url:
        operator = with_store(lab_pair, url, tmp_path)
        operator.must(*BACKUP, "archive:gele/1")
        operator.must(*RESTORE, "archive:gele/1", "--yes")
    assert_restored(lab_pair)
    assert left_at_work() == []


def test_a_backup_is_piped_into_a_restore(lab_pair: LabPair, tmp_path: Path) -> None:
    poya = (sys.executable, "-m", "poya")
    environment = {**os.environ, "POYA_CONFIG": str(lab_pair.config_path)}
    giving = subprocess.Popen(
        [*poya, *BACKUP, "-"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    )
    taking = subprocess.run(
        [*poya, *RESTORE, "-", "--yes"],
        stdin=giving.stdout,
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    _, told = giving.communicate()
    assert giving.returncode == 0, told.decode()
    assert taking.returncode == 0, taking.stderr
    assert "written to standard output" in told.decode()
    assert_restored(lab_pair)
    assert left_at_work() == []


def test_a_reader_that_goes_away_loses_nothing(lab_pair: LabPair) -> None:
    giving = subprocess.Popen(
        [sys.executable, "-m", "poya", *BACKUP, "-"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "POYA_CONFIG": str(lab_pair.config_path)},
    )
    assert giving.stdout is not None
    giving.stdout.close()
    assert giving.stderr is not None
    told = giving.stderr.read().decode()
    assert giving.wait() not in (0, 70), told
    giving.stderr.close()
    assert "Traceback" not in told
    (kept,) = left_at_work()
    assert "poya migrate resume gele-" in told
    assert (kept / "bundle" / "bundle.json").exists()


def test_a_tar_that_is_cut_is_refused_before_anything_is_written(
    lab_pair: LabPair, tmp_path: Path
) -> None:
    operator, tar = Operator(lab_pair.config_path), tmp_path / "gele.tar"
    operator.must(*BACKUP, str(tar))
    tar.write_bytes(tar.read_bytes()[: tar.stat().st_size // 2])
    answer = operator.types(*RESTORE, str(tar), "--yes")
    assert answer.status == 10
    assert lab_pair.prealps.requests() == []


def test_a_taken_name_is_refused_before_the_site_is_read(
    lab_pair: LabPair, tmp_path: Path
) -> None:
    (tmp_path / "gele.tar").touch()
    answer = Operator(lab_pair.config_path).types(*BACKUP, str(tmp_path / "gele.tar"))
    assert answer.status == 2
    assert "not written over" in answer.err
    assert lab_pair.alps.requests() == []


def test_a_store_that_is_not_configured_becomes_no_directory(
    lab_pair: LabPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = Operator(lab_pair.config_path).types(*BACKUP, "archvie:gele")
    assert answer.status == 2
    assert "no store 'archvie'" in answer.err
    assert lab_pair.alps.requests() == []
    assert not (tmp_path / "archvie:gele").exists()


@pytest.mark.parametrize(
    "words",
    [("bundle", "export", "gele", "archvie:gele"), ("bundle", "import", "archvie:gele", "new"),
     ("bundle", "list", "archvie:"), ("migrate", "restore", "--bundle", "archvie:gele")],
)  # fmt: skip
def test_a_mistyped_store_is_named_by_every_command(
    words: tuple[str, ...], lab_pair: LabPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with serving(FakeS3()) as url:
        answer = with_store(lab_pair, url, tmp_path).types(*words)
    assert answer.status == 2
    assert "no store 'archvie'" in answer.err
    assert "Did you mean 'archive'" in answer.err
    assert not (tmp_path / "archvie:gele").exists()


def test_a_bundle_of_a_name_that_is_too_long_is_not_there(lab_pair: LabPair) -> None:
    answer = Operator(lab_pair.config_path).types(*RESTORE, "x" * 300)
    assert answer.status == 2
    assert "There is no" in answer.err


def test_a_backup_that_was_carried_away_is_not_called_damaged(
    lab_pair: LabPair, tmp_path: Path
) -> None:
    operator = Operator(lab_pair.config_path)
    operator.must(*BACKUP, str(tmp_path / "gele.tar"))
    answer = operator.types("migrate", "verify", "gele")
    assert answer.status == 2
    assert "poya bundle verify --deep" in answer.err


def test_nobody_can_be_asked_when_standard_input_is_the_bundle(lab_pair: LabPair) -> None:
    answer = Operator(lab_pair.config_path).types(*RESTORE, "-")
    assert answer.status == 2
    assert "--yes" in answer.err


def test_a_restore_that_stopped_is_resumed_from_what_was_kept(
    lab_pair: LabPair, tmp_path: Path
) -> None:
    operator, tar = Operator(lab_pair.config_path), tmp_path / "gele.tar"
    operator.must(*BACKUP, str(tar))
    lab_pair.prealps.set_fault("status", "/apis/bos/*", method="PUT", status=403, times=0)
    answer = operator.types(*RESTORE, str(tar), "--yes")
    assert answer.status != 0
    assert left_at_work() == []  # a tar is read where it is
    lab_pair.prealps.clear_faults()
    run = re.findall(r"poya migrate resume (\S+)", answer.err)[0]
    operator.must("migrate", "resume", run.strip("'"))
    assert_restored(lab_pair)


def test_a_key_that_did_not_sign_refuses_a_bundle_wherever_it_is(
    lab_pair: LabPair, tmp_path: Path
) -> None:
    operator = Operator(lab_pair.config_path)
    operator.must("bundle", "keygen", str(tmp_path / "a.key"))
    operator.must(*BACKUP, str(tmp_path / "gele"))
    operator.must(*BACKUP, str(tmp_path / "gele.tar"))
    for place in ("gele", "gele.tar"):
        answer = operator.types(
            *RESTORE, str(tmp_path / place), "--yes", "--key", str(tmp_path / "a.key.pub")
        )
        assert answer.status == 10, answer.err
        assert "not signed" in " ".join(answer.err.split())
    assert lab_pair.prealps.requests() == []


# What was interrupted


def stop_before_it_is_carried(operator: Operator, tar: Path) -> tuple[str, str]:
    """A backup whose tar somebody else makes meanwhile: its run, and what it said."""
    answer = operator.types(*BACKUP, str(tar), "--pre-hook", f"touch {tar}")
    assert answer.status == 2, answer.err
    return run_in(answer.err), answer.err


def test_a_backup_that_stopped_is_carried_by_resuming_it(
    lab_pair: LabPair, tmp_path: Path
) -> None:
    operator, tar = Operator(lab_pair.config_path), tmp_path / "gele.tar"
    run, told = stop_before_it_is_carried(operator, tar)
    assert "not written over" in told
    assert "poya bundle export" in told
    assert tar.read_bytes() == b""
    listed = operator.must("bundle", "unfinished").out
    assert f"backup to {tar}" in listed
    assert f"poya migrate resume {run}" in listed
    assert "to be carried" in operator.must("migrate", "list").out
    assert "not yet carried" in " ".join(operator.must("migrate", "status", run).out.split())
    tar.unlink()
    operator.must("migrate", "resume", run)
    assert left_at_work() == []
    operator.must("bundle", "verify", "--deep", str(tar))
    again = operator.types("migrate", "resume", run)
    assert again.status == 2
    assert "nothing is left to do" in " ".join(again.err.split())


def test_taking_back_a_backup_on_its_way_removes_its_directory(
    lab_pair: LabPair, tmp_path: Path
) -> None:
    operator = Operator(lab_pair.config_path)
    run, _ = stop_before_it_is_carried(operator, tmp_path / "g.tar")
    operator.must("migrate", "undo", run, "--yes")
    assert left_at_work() == []


def run_in(told: str) -> str:
    found = re.search(r"gele-\d{8}-\d{6}-[0-9a-f]{4}", told)
    assert found is not None, told
    return found[0]


# A place like any directory


def test_what_is_planned_from_a_store_fetches_no_image(lab_pair: LabPair, tmp_path: Path) -> None:
    fake = FakeS3()
    with serving(fake) as url:
        operator = with_store(lab_pair, url, tmp_path)
        operator.must(*BACKUP, "archive:gele/1")
        fake.seen.clear()
        operator.must("bundle", "inspect", "archive:gele@latest")
        operator.must("bundle", "verify", "archive:gele/1")
        ends = ("--from", "archive:gele/1", "--to", "prealps", "--nodes", NODES)
        operator.must("migrate", "plan", "gele", *ends, "--no-look-inside")
        read = [seen.path for seen in fake.seen if seen.method == "GET" and "rootfs" in seen.path]
        assert read == []
        operator.must("bundle", "verify", "--deep", "archive:gele/1")
        assert any("rootfs" in seen.path for seen in fake.seen if seen.method == "GET")


def test_backups_of_dates_are_compared_wherever_they_are(
    lab_pair: LabPair, tmp_path: Path
) -> None:
    with serving(FakeS3()) as url:
        operator = with_store(lab_pair, url, tmp_path)
        operator.must(*BACKUP, "archive:gele/1")
        operator.must(*BACKUP, str(tmp_path / "all" / "gele"))
        (tmp_path / "all" / "gele").rename(tmp_path / "all" / "renamed")
        operator.must(*BACKUP, str(tmp_path / "all" / "gele.tar"))
        operator.must("diff", f"{tmp_path}/all:gele@latest", "archive::gele@latest")
        operator.must("diff", str(tmp_path / "all" / "gele.tar"), "alps:gele")
        answer = operator.types("diff", f"{tmp_path}/all:gele@2020-01-01", "alps:gele")
        assert answer.status == 2
        assert "no finished bundle" in answer.err
        restored = (*RESTORE, "archive:", "--as-of", "2020-01-01", "--yes")
        assert operator.types(*restored).status == 2
    assert lab_pair.prealps.requests() == []


def test_a_tar_is_moved_from_as_a_directory_is(lab_pair: LabPair, tmp_path: Path) -> None:
    operator, tar = Operator(lab_pair.config_path), tmp_path / "gele.tar"
    run = ("migrate", "run", "gele")
    operator.must(*run, "--from", "alps", "--to", str(tar), "--yes")
    operator.must(*run, "--from", str(tar), "--to", "prealps", "--nodes", NODES, "--yes")
    assert_restored(lab_pair)


def test_a_stream_that_the_policy_refuses_does_not_land(lab_pair: LabPair, tmp_path: Path) -> None:
    operator, tar = Operator(lab_pair.config_path), tmp_path / "gele.tar"
    operator.must(*BACKUP, str(tar))
    operator.must("bundle", "keygen", str(tmp_path / "a.key"))
    strict = tmp_path / "strict.toml"
    table = f'[sites.prealps.bundles]\nkeys = ["{tmp_path}/a.key.pub"]\nunsigned = "refuse"\n'
    strict.write_text(f"{lab_pair.config_path.read_text()}\n{table}")
    taking = subprocess.run(
        [sys.executable, "-m", "poya", *RESTORE, "-", "--yes"],
        input=tar.read_bytes(),
        capture_output=True,
        env={**os.environ, "POYA_CONFIG": str(strict)},
        check=False,
    )
    assert taking.returncode == 10, taking.stderr
    assert left_at_work() == []
    assert lab_pair.prealps.requests() == []


def test_a_working_directory_is_refused_where_none_is_used(
    lab_pair: LabPair, tmp_path: Path
) -> None:
    answer = Operator(lab_pair.config_path).types(
        *BACKUP, str(tmp_path / "gele"), "--work", str(tmp_path / "w")
    )
    assert answer.status == 2
    assert "Leave --work out" in answer.err
    assert lab_pair.alps.requests() == []


def test_what_a_disk_has_no_room_for_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no room"):
        refuse_without_room([(tmp_path / "a", 1 << 62)])
    half = shutil.disk_usage(tmp_path).free * 2 // 3
    refuse_without_room([(tmp_path / "a", half)])
    with pytest.raises(UsageError, match="no room"):
        refuse_without_room([(tmp_path / "a", half), (tmp_path / "b", half)])
