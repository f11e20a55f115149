# SPDX-License-Identifier: Apache-2.0
"""One holder at a time: a lock per run and one per target vCluster.

The kernel holds the lock (flock), so it ends with its process, however that ends. The file says
who holds it, and its age says when the holder was last seen: on a file system that several hosts
share, flock may not reach from one to the other, so a card of another host that is still being
renewed is believed. What keeps an evicted holder from writing is the journal's token.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pwd
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from poya.errors import Locked, UsageError

HEARTBEAT_S = 10.0
STALE_S = 60.0
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock.

    Attributes:
        boot_id: Of the host's present uptime; another one means that the process is gone.
        since: When it took the lock, RFC 3339 in UTC.
        purpose: What it is doing.
        run: The run that it works on; empty if it does not say.
    """

    pid: int
    host: str
    boot_id: str
    user: str
    since: str
    purpose: str
    run: str = ""

    def as_facts(self) -> dict[str, str]:
        """The card as a journal's facts keep it."""
        return {
            "pid": str(self.pid),
            "host": self.host,
            "boot_id": self.boot_id,
            "user": self.user,
            "since": self.since,
            "purpose": self.purpose,
            "run": self.run,
        }

    def is_here(self) -> bool:
        """Whether it is, or was, a process of this host."""
        return self.host == socket.gethostname()

    def is_same_process(self, other: Holder) -> bool:
        """Whether two cards are of one process."""
        mine, theirs = (self.pid, self.host, self.boot_id), (other.pid, other.host, other.boot_id)
        return mine == theirs

    def __str__(self) -> str:
        who = f"process {self.pid} of {self.user or 'somebody'} on {self.host}"
        return f"{who} since {self.since}: {self.purpose}"


@dataclass(frozen=True, slots=True)
class Sighting:
    """What a lock's file tells to one who does not hold it.

    Attributes:
        holder: None if it left no readable card, or let go of the lock.
        seen_s_ago: Seconds since the holder's last sign of life.
        is_held: Whether the kernel says that a process on this host's file system holds it.
    """

    holder: Holder | None
    seen_s_ago: float
    is_held: bool

    def is_alive(self) -> bool:
        """Whether somebody must be taken to be at work."""
        if self.is_held:
            return True
        return self.holder is not None and not self.holder.is_here() and self.seen_s_ago < STALE_S


def this_process(purpose: str, run: str = "") -> Holder:
    """The card of this process."""
    return Holder(
        pid=os.getpid(),
        host=socket.gethostname(),
        boot_id=_boot_id(),
        user=_user(),
        since=datetime.now(UTC).isoformat(timespec="seconds"),
        purpose=purpose,
        run=run,
    )


@contextmanager
def hold(path: Path, purpose: str, run: str = "") -> Iterator[Holder]:
    """Hold the lock at `path` while the block runs, and show that we live.

    Args:
        path: The lock's file.
        purpose: What it is held for, in words.
        run: The run in whose name it is held.

    Raises:
        Locked: Another process holds it; the error says which and since when.
        UsageError: The lock's file cannot be written.
    """
    holder = this_process(purpose, run)
    try:
        handle = _acquire(path, holder)
    except OSError as error:
        raise UsageError(
            f"The lock {path} cannot be written.",
            why=f"{error.strerror or error}",
            todo="Give XDG_STATE_HOME a directory with room that you may write.",
        ) from error
    ended = threading.Event()
    beat = threading.Thread(target=_beat, args=(handle, ended), daemon=True, name="heartbeat")
    beat.start()
    try:
        yield holder
    finally:
        ended.set()
        beat.join()
        with contextlib.suppress(OSError):
            os.ftruncate(handle, 0)
        os.close(handle)


def look_at(path: Path) -> Sighting:
    """Who holds the lock at `path`, without waiting for it or taking it."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return Sighting(None, 0.0, is_held=False)
    try:
        seen_s_ago = max(0.0, time.time() - os.fstat(handle).st_mtime)
        return Sighting(_holder(handle), seen_s_ago, is_held=not _lock(handle))
    finally:
        os.close(handle)


def break_open(path: Path) -> None:
    """Make the lock free although somebody holds it; the journal's token must be taken first.

    The holder keeps its lock on a file that has no name any more.
    """
    path.unlink(missing_ok=True)


def _acquire(path: Path, holder: Holder) -> int:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            sighting = Sighting(_holder(handle), _age_s(handle), is_held=not _lock(handle))
            _refuse_if_alive(sighting, path, holder.purpose)
            if _is_named(handle, path):
                os.ftruncate(handle, 0)
                os.pwrite(handle, json.dumps(holder.as_facts()).encode(), 0)
                return handle
        except BaseException:
            os.close(handle)
            raise
        # It was broken open between our opening and our locking it.
        os.close(handle)


def _lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_named(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def _beat(handle: int, ended: threading.Event) -> None:
    while not ended.wait(HEARTBEAT_S):
        with contextlib.suppress(OSError):
            os.utime(handle)


def _age_s(handle: int) -> float:
    return max(0.0, time.time() - os.fstat(handle).st_mtime)


def _holder(handle: int) -> Holder | None:
    try:
        card = json.loads(os.pread(handle, 65_536, 0))
        return holder_of(card)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def holder_of(card: Mapping[str, str]) -> Holder:
    """Read a card. Raises KeyError, ValueError or TypeError where it is none."""
    return Holder(
        pid=int(card["pid"]),
        host=str(card["host"]),
        boot_id=str(card.get("boot_id", "")),
        user=str(card["user"]),
        since=str(card["since"]),
        purpose=str(card["purpose"]),
        run=str(card.get("run", "")),
    )


def _refuse_if_alive(sighting: Sighting, path: Path, purpose: str) -> None:
    if not sighting.is_alive():
        return
    run = "RUN"
    if sighting.holder is None:
        why = f"The holder of {path} did not leave its name."
    else:
        run = sighting.holder.run or run
        why = f"Held by {sighting.holder}. Last seen {sighting.seen_s_ago:.0f} s ago."
    raise Locked(
        f"Another poya is at work here: {purpose}.",
        why=why,
        todo=f"Wait for it, or stop it: 'poya migrate cancel {run}'. If it hangs or its host is "
        f"gone, 'poya migrate unlock {run}' evicts it.",
    )


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def _boot_id() -> str:
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return ""
