# SPDX-License-Identifier: Apache-2.0
"""`poya lab boot`: a session is run to its end, and what went wrong is shown."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from poya.lab.lifecycle import Lab
from poya.lab.wanted import Wanted

TEMPLATE = "bernina-cos-template-24.07.0"
NODE = "x2000c0s0b0n0"


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    found = tmp_path_factory.mktemp("lab")
    lab = Lab(found)
    lab.up(Wanted(sites=(("prealps", "1.6"),), image_bytes=1024 * 1024, pace=6000))
    yield found
    lab.down()


def poya(directory: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "poya",
            "lab",
            *words,
            "--site",
            "prealps",
            "--dir",
            str(directory),
        ],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ},
        timeout=120,
    )


def test_nodes_boot(directory: Path) -> None:
    done = poya(directory, "boot", TEMPLATE, "--output", "json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["status"]["percent_successful"], said["failed"]) == (100, [])


def test_a_node_that_fails_says_why(directory: Path) -> None:
    poya(directory, "fail", NODE, "--in", "boot", "--times", "-1")
    done = poya(directory, "boot", TEMPLATE, "--limit", NODE)
    assert done.returncode == 13
    assert done.stdout.startswith("0 of 1 nodes are as they should be.\n")
    assert "dracut: FATAL: made to fail by the lab" in done.stdout
    assert "poya lab console --site prealps XNAME" in done.stderr


def test_a_session_that_touched_no_node_is_told_as_such(directory: Path) -> None:
    done = poya(directory, "boot", TEMPLATE, "--limit", "x1c0s0b0n0")
    assert (done.returncode, done.stdout) == (13, "")
    assert "before it touched a node" in done.stderr
    assert "No nodes were found to act on." in done.stderr


def test_an_unknown_template_is_refused_in_bos_words(directory: Path) -> None:
    done = poya(directory, "boot", "none")
    assert done.returncode == 2
    assert "Session Template Name invalid: none" in done.stderr
