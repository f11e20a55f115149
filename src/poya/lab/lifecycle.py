# SPDX-License-Identifier: Apache-2.0
"""Bringing a lab up and down: one background process a site.

A site's process holds a lock on a file for as long as it lives. Whether it runs is asked of that
lock and never of a process id alone, which may be another's by now.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from poya.errors import Locked, UsageError
from poya.lab.directory import SiteFiles, SiteSpec, is_lab, load, save
from poya.lab.wanted import Wanted, planned

START_S = 120.0
# A machine that is busy with other things makes its images no faster than this.
_SLOWEST_BYTES_PER_S = 1024 * 1024
_STOP_S = 10.0
_POLL_S = 0.02
_NEEDED = ("cryptography", "flask", "flask_cors", "moto", "starlette", "uvicorn", "werkzeug")


@dataclass(frozen=True, slots=True)
class SiteStatus:
    """A site and whether it runs: `pid` is None if not."""

    spec: SiteSpec
    files: SiteFiles
    pid: int | None


def default_directory() -> Path:
    """`$POYA_LAB`, else the lab whose configuration is in use, else below `$XDG_STATE_HOME`."""
    named = os.environ.get("POYA_LAB")
    if named:
        return Path(named).expanduser()
    configured = Path(os.environ.get("POYA_CONFIG") or "").expanduser().parent
    if os.environ.get("POYA_CONFIG") and is_lab(configured):
        return configured
    state = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(state).expanduser() / "poya" / "lab"


def parse_size(text: str) -> int:
    """Read a size such as `24M`, `2G` or a number of bytes.

    Raises:
        UsageError: It is not a size.
    """
    units = {"K": 1024, "M": 1024**2, "G": 1024**3}
    number, unit = text.strip().upper().removesuffix("IB").removesuffix("B"), 1
    if number and number[-1] in units:
        number, unit = number[:-1], units[number[-1]]
    if not number.isdecimal() or int(number) == 0:
        raise UsageError(f"{text!r} is not a size.", todo="Give one such as 24M, 300M or 2G.")
    return int(number) * unit


class Lab:
    """The lab in one directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory.absolute()

    @property
    def config_path(self) -> Path:
        """The configuration that names the lab's sites."""
        return self.directory / "config.toml"

    def up(self, wanted: Wanted) -> list[SiteStatus]:
        """Start every site that does not run; the status of all when they are ready.

        Raises:
            UsageError: A package is missing, the directory cannot be used, a port is taken, a
                site runs with another release, or a site did not start (its log says why).
        """
        need_packages()
        with self.alone():
            running = {status.spec.name for status in self.status() if status.pid}
            specs = planned(load(self.directory), wanted, running, self.files)
            save(self.directory, specs)
            starting = [spec for spec in specs if spec.name not in running]
            children = [(spec, self._spawn(spec)) for spec in starting]
            failures = [self._failure(spec, child) for spec, child in children]
        for failure in filter(None, failures):
            raise failure
        return self.status()

    def down(self) -> list[str]:
        """Stop every site that runs; their names."""
        if not self.directory.exists():
            return []
        with self.alone():
            running = [status for status in self.status() if status.pid]
            for status in running:
                _signal(status, signal.SIGTERM)
            for status in running:
                _await_end(status)
        return [status.spec.name for status in running]

    def reset(self) -> list[SiteStatus]:
        """Forget what the sites hold and start them with their seed; ports and secrets stay."""
        if not load(self.directory):
            raise UsageError("There is no lab to reset.", todo="Start one with: poya lab up")
        self.down()
        with self.alone():
            for spec in load(self.directory):
                shutil.rmtree(self.files(spec.name).contents[0].parent, ignore_errors=True)
        return self.up(Wanted())

    def status(self) -> list[SiteStatus]:
        """Every site that the lab has, in its order."""
        found = [(spec, self.files(spec.name)) for spec in load(self.directory)]
        return [SiteStatus(spec, files, running_pid(files)) for spec, files in found]

    def files(self, name: str) -> SiteFiles:
        """The files of a site, whether there is one or not."""
        return SiteFiles(self.directory / name)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Let one command at a time change the lab."""
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            lock = (self.directory / "lab.lock").open("a")
        except OSError as error:
            raise UsageError(
                f"The lab cannot keep its files in {self.directory}.",
                why=f"{error}",
                todo="Give another directory with --dir.",
            ) from error
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise Locked(
                    f"Another command is starting or stopping the lab in {self.directory}."
                ) from error
            yield

    def _spawn(self, spec: SiteSpec) -> subprocess.Popen[bytes]:
        files = self.files(spec.name)
        files.make()
        files.outcome.unlink(missing_ok=True)
        command = [sys.executable, "-m", "poya.lab.serve", str(self.directory), spec.name]
        with files.log.open("ab") as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.directory,
                start_new_session=True,
            )

    def _failure(self, spec: SiteSpec, child: subprocess.Popen[bytes]) -> UsageError | None:
        """Wait until a site is ready, or say why it will never be."""
        files = self.files(spec.name)
        patience_s = START_S + spec.image_bytes / _SLOWEST_BYTES_PER_S
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            # asked first: a process that reports and then ends must be believed
            ended = child.poll()
            outcome = _outcome(files, child.pid)
            if outcome.get("ready"):
                child.returncode = 0  # it is not ours to wait for any more
                return None
            if outcome or ended is not None:
                child.wait()
                return _failed(spec, files, outcome)
            time.sleep(_POLL_S)
        child.kill()
        child.wait()
        return _failed(spec, files, {"why": f"It was not ready after {patience_s:.0f} s."})


def running_pid(files: SiteFiles) -> int | None:
    """The process id of a site's process, or None if it does not run."""
    try:
        with files.lock.open("r+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                text = lock.read().strip()
                return int(text) if text.isdecimal() else None
    except FileNotFoundError:
        pass
    return None


def _outcome(files: SiteFiles, pid: int) -> dict[str, object]:
    try:
        outcome: dict[str, object] = json.loads(files.outcome.read_text())
    except FileNotFoundError:
        return {}
    return outcome if outcome.get("pid") == pid else {}


def _failed(spec: SiteSpec, files: SiteFiles, outcome: dict[str, object]) -> UsageError:
    last = files.log.read_text(errors="replace").strip().splitlines()[-1:]
    return UsageError(
        f"The lab site {spec.name} did not start.",
        why=" ".join(str(outcome[key]) for key in ("what", "why") if outcome.get(key))
        or " ".join(last),
        todo=str(outcome.get("todo") or f"Its log is {files.log}."),
    )


def _signal(status: SiteStatus, number: signal.Signals) -> None:
    # asked again: between two looks it may have ended, and its id be another's
    pid = running_pid(status.files)
    if pid is not None:
        os.kill(pid, number)


def _await_end(status: SiteStatus) -> None:
    deadline = time.monotonic() + _STOP_S
    while running_pid(status.files) is not None:
        if time.monotonic() > deadline:
            _signal(status, signal.SIGKILL)
        time.sleep(_POLL_S)


def need_packages(names: Sequence[str] = _NEEDED) -> None:
    """Make sure that the packages of the extra `lab` are there, without importing them.

    Raises:
        UsageError: At least one is not.
    """
    missing = [name for name in names if find_spec(name) is None]
    if missing:
        raise UsageError(
            "The lab needs packages that are not installed.",
            why=f"Missing: {', '.join(missing)}.",
            todo="Install them with: pip install 'poya[lab]'",
        )
