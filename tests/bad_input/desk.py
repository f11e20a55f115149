"""A clerk who types poya's commands, and judges what comes back as an operator would."""

from __future__ import annotations

import io
import logging
import os
import re
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poya.cli.main import run
from poya.lab.pytest_plugin import LabPair, TestSite

NODES = "x9000c1s[1-4]b[0,1]n0,x3002c0s[17,19]b0n0"
TEMPLATE = "gele-cos-template-23.06.0-1"
CONFIGURATION = "gele-cos-config-23.06.0-1"
IMAGE = "gele-cos-23.06.0-1"
PLAN = ("migrate", "plan", "gele", "--from", "alps", "--to", "prealps", "--nodes", NODES)
RUN = ("migrate", "run", "gele", "--from", "alps", "--to", "prealps", "--nodes", NODES, "--yes")

_ACCESS_KEY = re.compile(r"\b[A-Z2-7]{18,24}\b")
_SESSION_TOKEN = re.compile(r"[A-Za-z0-9+/=]{200,}")
_LONGEST_LINE = 2100


@dataclass(frozen=True)
class Answer:
    """What a command printed, and its exit status."""

    status: int
    out: str
    err: str

    @property
    def words(self) -> str:
        """What it said of the failure, as if a line had no end."""
        return " ".join(self.err.split())


class Desk:
    """Types commands in this process with a configuration that tests may change."""

    def __init__(self, pair: LabPair, directory: Path) -> None:
        self.pair = pair
        self.config = directory / "config.toml"
        self.config.write_text(pair.config_path.read_text())

    def changes(self, old: str, new: str) -> None:
        """Replace a text of the configuration that is there."""
        text = self.config.read_text()
        assert old in text, f"{old} is not in the configuration"
        self.config.write_text(text.replace(old, new))

    def appoints(self, site: str, line: str) -> None:
        """Add a line to a site's table."""
        self.changes(f"[sites.{site}]\n", f"[sites.{site}]\n{line}\n")

    def types(self, *words: str) -> Answer:
        """Type one command."""
        out, err = io.StringIO(), io.StringIO()
        configured = _environment(POYA_CONFIG=str(self.config))
        with configured, redirect_stdout(out), redirect_stderr(err):
            status = run(list(words))
        answer = Answer(status, out.getvalue(), err.getvalue())
        self._note(words, answer)
        return answer

    def must(self, *words: str) -> Answer:
        """Type a command that works."""
        answer = self.types(*words)
        assert answer.status == 0, f"{answer.status}\n{answer.out}\n{answer.err}"
        return answer

    def refused(self, status: int, *words: str, says: tuple[str, ...] = ()) -> Answer:
        """Type a command that must fail well: one clear error and the right status."""
        answer = self.types(*words)
        assert answer.status == status, f"{answer.status}\n{answer.out}\n{answer.err}"
        errors = [line for line in answer.err.splitlines() if line.startswith("Error:")]
        assert len(errors) == 1, answer.err
        assert "Traceback" not in answer.err
        assert "bug" not in answer.err
        is_explained = answer.err.splitlines()[-1] != errors[0]
        assert is_explained, f"neither why nor what to do: {answer.err}"
        self._assert_safe(answer)
        for text in says:
            unwrapped = " ".join(answer.err.split())
            assert text in unwrapped, f"'{text}' is not in: {answer.err}"
        return answer

    def keeps_secrets(self, *words: str) -> Answer:
        """Type a command with --debug: whatever it shows, no secret is in it."""
        logger = logging.getLogger("poya")
        before = list(logger.handlers)
        try:
            with _environment(POYA_DEBUG="1"):
                answer = self.types("--debug", *words)
        finally:
            logger.handlers[:] = before
            logger.setLevel(logging.NOTSET)
        assert " ms [" in answer.err or "Traceback" in answer.err, answer.err
        self._assert_no_secret(answer)
        return answer

    def _assert_safe(self, answer: Answer) -> None:
        self._assert_no_secret(answer)
        text = answer.out + answer.err
        odd = {c for c in text if unicodedata.category(c) in ("Cc", "Cf") and c != "\n"}
        assert not odd, f"control characters reach the terminal: {odd!r}"
        assert max(map(len, text.splitlines()), default=0) <= _LONGEST_LINE

    def _assert_no_secret(self, answer: Answer) -> None:
        text = answer.out + answer.err
        for site in (self.pair.alps, self.pair.prealps):
            files = site.files
            for path in (files.client_secret, files.user_password, files.vcs_password):
                assert files.secret(path) not in text, f"the secret of {path} is shown"
            for key in _ACCESS_KEY.findall(text):
                assert site.ground.objects.mint.account(key) is None, "an access key is shown"
        assert "eyJ" not in text, "a token is shown"
        assert not _SESSION_TOKEN.search(text), "a session token is shown"

    def _note(self, words: tuple[str, ...], answer: Answer) -> None:
        """Keep the conversation, for whoever wants to read the texts."""
        kept = os.environ.get("POYA_TEST_TRANSCRIPT")
        if kept:
            test = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition("::")[2]
            with Path(kept).open("a", encoding="utf-8") as file:
                file.write(f"## {test}\n$ poya {' '.join(words)[:200]}\n{answer.err}")
                file.write(f"=> {answer.status}\n\n")


@contextmanager
def _environment(**values: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def image_at(site: TestSite, name: str = IMAGE) -> dict[str, Any]:
    """The linked record of an image."""
    records = site.site.state.images.values()
    return next(record for record in records if record["name"] == name and record["link"])


def edit(site: TestSite, kind: str, name: str, change: Callable[[dict[str, Any]], None]) -> None:
    """Change a record of a site behind its services' back."""
    records = site.site.state.kind(kind)
    key, record = next((k, r) for k, r in records.items() if r.get("name", k) == name)
    change(record)
    records.put(key, record)


def last_run(desk: Desk) -> str:
    """The newest run's id."""
    listed = desk.must("migrate", "list").out.splitlines()
    return listed[-1].split()[0]
