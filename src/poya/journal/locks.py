# SPDX-License-Identifier: Apache-2.0
"""One holder at a time: a lock per run and one per target vCluster.

The kernel holds the lock (flock), so it ends with its process, however that ends. The file says
who holds it, for the one who waits.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from poya.errors import Locked, UsageError


@contextmanager
def hold(path: Path, purpose: str) -> Iterator[None]:
    """Hold the lock at `path` while the block runs.

    Raises:
        Locked: Another process holds it; the error says which and since when.
        UsageError: The lock's file cannot be written.
    """
    try:
        handle = _acquire(path, purpose)
    except OSError as error:
        raise UsageError(
            f"The lock {path} cannot be written.",
            why=f"{error.strerror or error}",
            todo="Give XDG_STATE_HOME a directory with room that you may write.",
        ) from error
    try:
        yield
    finally:
        os.close(handle)


def _acquire(path: Path, purpose: str) -> int:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(handle, 0)
        os.pwrite(handle, _card(purpose), 0)
    except BlockingIOError:
        os.close(handle)
        raise Locked(
            f"Another poya is at work here: {purpose}.",
            why=_holder(path),
            todo="Wait for it, or stop it; its lock ends with its process.",
        ) from None
    except OSError:
        os.close(handle)
        raise
    return handle


def _card(purpose: str) -> bytes:
    card = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "user": os.environ.get("USER", ""),
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
        "purpose": purpose,
    }
    return json.dumps(card).encode()


def _holder(path: Path) -> str:
    try:
        card = json.loads(path.read_bytes())
        return (
            f"Held by process {card['pid']} of {card['user'] or 'somebody'} on {card['host']} "
            f"since {card['since']}: {card['purpose']}."
        )
    except (OSError, ValueError, KeyError, TypeError):
        return f"The holder of {path} did not leave its name."
