"""An operator at the command line: types poya's commands, reads what they print."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from poya.cli.main import run
from poya.lab.pytest_plugin import LabPair

NODES = "x9000c1s[1-4]b[0,1]n0,x3002c0s[17,19]b0n0"
TEMPLATE = "gele-cos-template-23.06.0-1"
CONFIGURATION = "gele-cos-config-23.06.0-1"


@dataclass(frozen=True)
class Answer:
    """What a command printed, and its exit status."""

    status: int
    out: str
    err: str


class Operator:
    """Runs command lines in this process, with the lab's configuration."""

    def __init__(self, config_path: Path) -> None:
        self._config_path = config_path

    def types(self, *words: str) -> Answer:
        out, err = io.StringIO(), io.StringIO()
        with self._environment(), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = run(list(words))
        return Answer(status, out.getvalue(), err.getvalue())

    def must(self, *words: str) -> Answer:
        answer = self.types(*words)
        assert answer.status == 0, f"{words}: {answer.status}\n{answer.out}\n{answer.err}"
        return answer

    @contextlib.contextmanager
    def _environment(self) -> Iterator[None]:
        before = os.environ.get("POYA_CONFIG")
        os.environ["POYA_CONFIG"] = str(self._config_path)
        try:
            yield
        finally:
            if before is None:
                os.environ.pop("POYA_CONFIG", None)
            else:
                os.environ["POYA_CONFIG"] = before


def migrate(operator: Operator, *more: str) -> Answer:
    """Move gele from alps to prealps."""
    return operator.types(
        "migrate", "run", "gele", "--from", "alps", "--to", "prealps", "--nodes", NODES, "--yes",
        *more,
    )  # fmt: skip


def operator_of(pair: LabPair) -> Operator:
    return Operator(pair.config_path)
