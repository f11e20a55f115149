# SPDX-License-Identifier: Apache-2.0
"""The process of one lab site: `python -m poya.lab.serve DIR SITE`, started by `poya lab up`."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TextIO

from poya.errors import PoyaError, UsageError
from poya.lab.directory import SiteFiles, SiteSpec, load, write_private
from poya.lab.running import RunningSite

_log = logging.getLogger("poya.lab")
_LOCK_S = 1.0


def main(arguments: list[str]) -> int:
    """Run a site until it is told to end (SIGTERM); the exit status."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    directory, name = Path(arguments[0]), arguments[1]
    files = SiteFiles(directory / name)
    ending = _ending_signal()
    try:
        lock = _lock(files)
        running = RunningSite(_spec(directory, name), files)
        running.start()
    except PoyaError as error:
        _log.error(" ".join(error.lines()))
        _report(files, {"what": error.what, "why": error.why, "todo": error.todo})
        return error.exit_code
    _log.info("%s: %s, %s", name, running.spec.url, running.spec.s3_endpoint)
    _report(files, {"ready": True})
    ending.wait()
    running.stop()
    _log.info("%s: ended", name)
    lock.close()
    return 0


def _ending_signal() -> threading.Event:
    ending = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ending.set())
    return ending


def _lock(files: SiteFiles) -> TextIO:
    """Take the lock that says that this site runs; the system gives it back when we die."""
    lock = files.lock.open("a+")
    deadline = time.monotonic() + _LOCK_S
    while not _locked(lock):
        # whoever looks whether we run holds it for a moment
        if time.monotonic() > deadline:
            raise UsageError(f"The lab site {files.directory.name} is running already.")
        time.sleep(0.01)
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    return lock


def _locked(lock: TextIO) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _spec(directory: Path, name: str) -> SiteSpec:
    for spec in load(directory):
        if spec.name == name:
            return spec
    raise UsageError(f"The lab in {directory} has no site {name}.")


def _report(files: SiteFiles, outcome: dict[str, object]) -> None:
    write_private(files.outcome, json.dumps({"pid": os.getpid(), **outcome}) + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
