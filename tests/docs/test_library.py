# SPDX-License-Identifier: Apache-2.0
"""The library's page and its examples run, and the reference is what the docstrings say."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from poya.csm import NoAuth, Site, SiteConfig
from poya.lab.pytest_plugin import LabPair

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
EXAMPLES = sorted((DOCS / "examples").glob("*.py"))
BLOCKS = re.findall(r"```python\n(.*?)```", (DOCS / "library.md").read_text(), re.DOTALL)
# CAPMC is asked through PCS, whose example shows both.
WITHOUT_EXAMPLE = {"capmc"}


@pytest.fixture
def alps(lab_pair: LabPair, monkeypatch: pytest.MonkeyPatch) -> LabPair:
    monkeypatch.setenv("POYA_CONFIG", str(lab_pair.config_path))
    return lab_pair


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs_and_prints(
    alps: LabPair, example: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runpy.run_path(str(example), run_name="__main__")
    assert capsys.readouterr().out


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_a_block_of_the_page_runs_and_prints(
    alps: LabPair, number: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "block.py"
    script.write_text(BLOCKS[number])
    runpy.run_path(str(script), run_name="__main__")
    assert capsys.readouterr().out


async def test_every_service_has_an_example() -> None:
    async with Site.connect(SiteConfig("any", "https://site.example", NoAuth())) as site:
        services = {name for name, part in vars(site).items() if _is_service(name, part)}
    assert services - WITHOUT_EXAMPLE <= {example.stem for example in EXAMPLES}


def _is_service(name: str, part: object) -> bool:
    is_ours = type(part).__module__.startswith("poya.csm.")
    return is_ours and not name.startswith("_") and not isinstance(part, SiteConfig)


def test_the_reference_is_what_the_docstrings_say() -> None:
    script = ROOT / "scripts" / "csm_reference.py"
    done = subprocess.run(
        [sys.executable, str(script), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stderr}\nmake reference writes it anew."
