# SPDX-License-Identifier: Apache-2.0
"""The configuration's `[transfer]` table: what holds where no option is given."""

from __future__ import annotations

from pathlib import Path

import pytest

from poya.cli.main import run
from poya.cli.moving import Moving, moving_of
from poya.errors import ConfigError, UsageError
from poya.settings import Settings, load_settings

TABLE = """
[transfer]
bandwidth = "08:00,100M 19:00,off"
parallel = 32
memory = "64G"
delta = "never"
"""


def settings(directory: Path, text: str) -> Settings:
    path = directory / "config.toml"
    path.write_text(text)
    return load_settings(str(path))


def test_the_configuration_holds_where_no_option_is_given(tmp_path: Path) -> None:
    usual = Moving("08:00,100M 19:00,off", 32, "64G", "auto", "never")
    assert moving_of({}, settings(tmp_path, TABLE)) == usual


def test_an_option_wins(tmp_path: Path) -> None:
    options = {"bandwidth": "off", "parallel": 2, "memory": "48G", "delta": "always"}
    moving = moving_of(options, settings(tmp_path, TABLE))
    assert moving == Moving("off", 2, "48G", "auto", "always")
    assert moving.limits(None).pace.bytes_per_s() is None


def test_without_a_table_the_engine_decides(tmp_path: Path) -> None:
    assert moving_of({}, settings(tmp_path, "")) == Moving()


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("bandwith = '100M'", "Did you mean 'bandwidth'"),
        ("parallel = 0", "from 1 to 256"),
        ("parallel = true", "from 1 to 256"),
        ("parallel = '8'", "from 1 to 256"),
        ("delta = 'sometimes'", "auto, always or never"),
        ("bandwidth = 100", "not a text"),
    ],
)
def test_what_the_table_cannot_say_is_refused_when_it_is_read(
    tmp_path: Path, line: str, says: str
) -> None:
    with pytest.raises(ConfigError) as refusal:
        settings(tmp_path, f"[transfer]\n{line}\n")
    assert says in f"{refusal.value.what} {refusal.value.why} {refusal.value.todo}"


@pytest.mark.parametrize("line", ["bandwidth = 'fast'", "memory = 'lots'", "memory = '1M'"])
def test_what_cannot_be_meant_names_the_configuration(tmp_path: Path, line: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        moving_of({}, settings(tmp_path, f"[transfer]\n{line}\n"))
    assert "In [transfer] of" in refusal.value.why
    assert refusal.value.todo


def test_a_wrong_option_is_a_matter_of_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="fast"):
        moving_of({"bandwidth": "fast"}, settings(tmp_path, TABLE))


def test_config_check_says_what_is_wrong_with_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = settings(tmp_path, "[transfer]\nbandwidth = 'fast'\n").path
    assert run(["--config", str(path), "config", "check"]) == ConfigError("").exit_code
    said = capsys.readouterr().err
    assert "'fast' is no bandwidth limit" in said
    assert "[transfer]" in said


def test_config_show_tells_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = settings(tmp_path, TABLE).path
    assert run(["--config", str(path), "config", "show"]) == 0
    said = capsys.readouterr().out
    assert "bandwidth 08:00,100M 19:00,off, parallel 32, memory 64G, delta never" in said
