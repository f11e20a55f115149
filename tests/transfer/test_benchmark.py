# SPDX-License-Identifier: Apache-2.0
"""The benchmark's rounds: a tool that fails is told as such, and the others go on."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from benchmarks.transfer.rounds import Bench
from benchmarks.transfer.table import lines_of
from benchmarks.transfer.tools import TOOLS, Cost, Failure, Tool
from benchmarks.transfer.work import BUCKET, End, Work

from transfer.authority import make_authority
from transfer.fake_s3 import FakeS3, serving

ALL = ("copy", "down", "up")
POYA = next(tool for tool in TOOLS if tool.name == "poya")


def tool(name: str, script: str) -> Tool:
    def command(_python: Path, work: Work, _task: Path) -> list[str]:
        return [sys.executable, "-c", script.format(file=f"{work.directory}/{work.keys[0]}")]

    return Tool(name, ALL, command, "its note")


BROKEN = tool("broken", "import sys; sys.exit('no such luck')")
LAZY = tool("lazy", "pass")
WRONG = tool("wrong", "open({file!r}, 'w').write('x')")
SLOW = tool("slow", "import time; time.sleep(60)")
ABSENT = Tool("absent", ALL, lambda *_: ["/no/such/tool"])


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    authority = make_authority(tmp_path, "ends", "localhost")
    fakes = FakeS3(), FakeS3()
    with serving(fakes[0], authority.server) as a, serving(fakes[1], authority.server) as b:
        ends = [End(url, str(authority.ca_path), "AKTEST", "s3cret+/key") for url in (a, b)]
        for fake in fakes:
            fake.buckets.setdefault(BUCKET, {})
        bench = Bench(tmp_path, Path(sys.executable), (ends[0], ends[1]), patience_s=15)
        bench.seed(1, 1)
        yield bench
        bench.close()


@pytest.mark.parametrize("operation", ALL)
def test_a_tool_that_fails_stops_nobody(bench: Bench, operation: str) -> None:
    tools = [BROKEN, ABSENT, LAZY, POYA]
    outcomes = bench.rounds(tools, operation, 1)
    assert outcomes["broken"] == [Failure("no such luck")]
    assert isinstance(outcomes["absent"][0], Failure)
    assert isinstance(outcomes["lazy"][0], Failure)
    assert isinstance(outcomes["poya"][0], Cost)
    _, broken, _, _, poya = lines_of(tools, outcomes, bench.size_bytes)
    assert broken == "broken      1 FAILED: no such luck"
    assert "   1.00" in poya


def test_bytes_that_arrive_damaged_are_a_failure(bench: Bench) -> None:
    assert bench.rounds([WRONG], "down", 1)["wrong"] == [Failure("image0/rootfs arrived damaged")]


def test_a_tool_that_does_not_end_is_a_failure(bench: Bench) -> None:
    bench._patience_s = 0.5
    assert bench.rounds([SLOW], "down", 1)["slow"] == [Failure("not done in 0.5 s")]


def test_a_tool_that_fails_now_and_then_keeps_its_row() -> None:
    outcomes: dict[str, list[Cost | Failure]] = {
        "lazy": [Failure("once"), Cost(2.0, 1.0, 1), Cost(4.0, 1.0, 1)]
    }
    _, row = lines_of([LAZY], outcomes, 3_000_000)
    assert row.split()[:4] == ["lazy", "3.00", "1", "1.00"]
    assert row.endswith("1 FAILED: once")
