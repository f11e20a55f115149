# SPDX-License-Identifier: Apache-2.0
"""`poya login`, `logout`, `whoami`, `config check`, and the first configuration."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from migration.console import Answer, Operator, operator_of
from poya.cli.login.identity import in_words
from poya.lab.pytest_plugin import LabPair, TestSite
from poya.lab.services.identity import UserAccount

PASSWORD = "a-password-of-somebody"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("POYA_CONFIG", raising=False)
    return tmp_path


class Desk:
    """Somebody with an account at alps, who has not logged in."""

    def __init__(self, alps: TestSite, home: Path) -> None:
        self.home = home
        self.password = home / "password"
        self.password.write_text(f"{PASSWORD}\n")
        self.config = home / "config.toml"
        self.config.write_text(
            f'site = "alps"\n[sites.alps]\nurl = "{alps.url}"\nca = "{alps.ca_path}"\n'
        )
        self.operator = Operator(self.config)

    @property
    def tokens(self) -> Path:
        return self.home / "state" / "poya" / "tokens" / "alps.json"

    def logs_in(self) -> Answer:
        return self.operator.types(
            "login", "--username", "somebody", "--password-file", str(self.password)
        )


@pytest.fixture
def desk(lab_pair: LabPair, home: Path) -> Iterator[Desk]:
    users = lab_pair.alps.site.accounts.users
    users["somebody"] = UserAccount(PASSWORD, roles=("admin",))
    yield Desk(lab_pair.alps, home)
    del users["somebody"]


def test_who_is_not_logged_in_is_told_how(desk: Desk) -> None:
    refused = desk.operator.types("get", "groups")
    assert refused.status == 16
    assert "poya login --site alps" in refused.err
    assert "POYA_TOKEN_ALPS" in refused.err


def test_a_login_lasts_until_the_logout(desk: Desk) -> None:
    logged_in = desk.logs_in()
    assert logged_in.status == 0
    assert "Logged in to alps as somebody" in logged_in.err
    assert desk.tokens.stat().st_mode & 0o777 == 0o600
    assert "gele" in desk.operator.must("get", "groups").out
    who = json.loads(desk.operator.must("whoami", "-o", "json").out)
    assert (who["account"], who["rights"]) == ("somebody", "administrator: everything")
    desk.operator.must("logout")
    assert not desk.tokens.exists()
    assert desk.operator.types("get", "groups").status == 16


def test_a_wrong_password_leaves_nothing_behind(desk: Desk) -> None:
    desk.password.write_text("not-the-password\n")
    refused = desk.logs_in()
    assert refused.status == 16
    assert "not-the-password" not in refused.err
    assert not desk.tokens.exists()


def test_without_a_terminal_the_options_are_named(desk: Desk) -> None:
    refused = desk.operator.types("login")
    assert refused.status == 2
    assert "--password-file" in refused.err


def test_a_site_with_another_method_is_not_logged_in_to(lab_pair: LabPair) -> None:
    refused = operator_of(lab_pair).types("login", "--site", "alps")
    assert refused.status == 2
    assert "client-credentials" in refused.err


def test_a_check_asks_every_service_and_writes_nothing(lab_pair: LabPair) -> None:
    report = json.loads(operator_of(lab_pair).must("config", "check", "alps", "-o", "json").out)
    (alps,) = report
    assert alps["is_usable"]
    marks = {check["name"]: check["mark"] for check in alps["checks"]}
    assert set(marks.values()) == {"ok"}
    found = {check["name"]: check["found"] for check in alps["checks"]}
    assert found["release"].startswith("CSM 1.5: CFS v3")
    assert "clocks agree" in found["gateway"]
    assert "CA ends" in found["gateway"]
    written = [r for r in lab_pair.alps.requests(mutating=True) if "/token" not in r.path]
    assert written == []


def test_a_check_tells_of_all_that_is_missing_and_fails(lab_pair: LabPair) -> None:
    for path in ("/apis/bos/*", "/apis/sls/*"):
        lab_pair.alps.set_fault("status", path, status=503, times=0)
    answer = operator_of(lab_pair).types("config", "check", "alps")
    assert answer.status == 17
    marks = dict(line.split()[:2] for line in answer.out.splitlines() if line.startswith("  "))
    assert (marks["bos"], marks["sls"], marks["ims"]) == ("no", "-", "ok")


def test_a_check_of_an_unreachable_site_is_one_line_and_fails(home: Path) -> None:
    config = home / "config.toml"
    config.write_text(
        '[sites.alps]\nurl = "http://127.0.0.1:9"\n[sites.alps.auth]\nmethod = "none"\n'
    )
    answer = Operator(config).types("config", "check")
    assert answer.status == 17
    assert "No connection" in answer.out


def test_the_first_use_writes_a_configuration_of_comments(home: Path) -> None:
    from poya.cli.session import Session

    path = home / "config" / "poya" / "config.toml"
    assert Session().settings.sites == {}
    assert path.stat().st_mode & 0o777 == 0o600
    text = path.read_text()
    assert tomllib.loads(text) == {}
    meant = "\n".join(line.removeprefix("# ") for line in text.splitlines()[3:])
    path.write_text(meant)
    (alps,) = Session().settings.sites.values()
    assert alps.name == "alps"
    assert alps.kubernetes is not None


def test_the_first_use_never_touches_what_is_there(home: Path) -> None:
    from poya.settings.first_use import write_first_configuration

    path = home / "there.toml"
    path.write_text("x")
    assert not write_first_configuration(path)
    assert not write_first_configuration(path / "below-a-file")
    assert path.read_text() == "x"


def test_moments_are_told_by_how_far_off_they_are() -> None:
    now = datetime(2026, 11, 25, 2, tzinfo=UTC)
    assert in_words(datetime(2026, 11, 25, 1, tzinfo=UTC), now) == "expired"
    assert in_words(datetime(2026, 11, 25, 2, 20, tzinfo=UTC), now) == "in 20 minutes"
    assert in_words(datetime(2026, 11, 27, 1, tzinfo=UTC), now) == "in 47 hours"
    assert in_words(datetime(2027, 11, 25, 2, tzinfo=UTC), now) == "in 365 days"
