"""What the documentation tells people to type does what it says."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
REFUSED = 10


class Shell:
    """A shell of its own: state, configuration and lab below one directory."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.environment = {
            **os.environ,
            "XDG_STATE_HOME": str(home / "state"),
            "POYA_CONFIG": str(home / "state" / "poya" / "lab" / "config.toml"),
        }

    def types(self, words: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "poya", *words],
            cwd=self.home,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def first_run(self) -> str:
        listed = json.loads(self.types(["migrate", "list", "--output", "json"]).stdout)
        return str(listed[0]["run"])


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    shell = Shell(tmp_path)
    yield shell
    shell.types(["lab", "down"])


def commands_of(page: Path) -> list[list[str]]:
    blocks = re.findall(r"```console\n(.*?)```", page.read_text(), re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    return [shlex.split(line)[2:] for line in lines if line.startswith("$ poya ")]


@pytest.mark.slow
def test_the_tutorial_can_be_typed(shell: Shell) -> None:
    commands = commands_of(DOCS / "tutorial.md")
    assert ["lab", "up"] in commands
    for words in commands:
        typed = [shell.first_run() if word == "RUN" else word for word in words]
        done = shell.types(typed)
        is_refusal = words[:2] == ["migrate", "plan"] and "--nodes" not in words
        expected = REFUSED if is_refusal else 0
        assert done.returncode == expected, f"{typed}\n{done.stdout}\n{done.stderr}"


def test_every_page_that_a_page_names_is_there() -> None:
    pages = [*DOCS.rglob("*.md"), *DOCS.parent.glob("*.md")]
    for page in pages:
        for link in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.name} names {link}"


def test_every_finding_is_documented() -> None:
    documented = set(re.findall(r"`([a-z-]+)`", (DOCS / "findings.md").read_text()))
    checks = Path(__file__).parents[2] / "src" / "poya" / "planning"
    found: set[str] = set()
    for source in [*checks.glob("checks/*.py"), checks / "nodes.py"]:
        text = source.read_text()
        found |= set(re.findall(r"Finding\(\s*(?:id=)?\"([a-z-]+)\"", text))
        found |= set(re.findall(r"^    \"([a-z-]+)\": \($", text, re.MULTILINE))
    assert found
    assert found <= documented
