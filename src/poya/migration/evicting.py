# SPDX-License-Identifier: Apache-2.0
"""Who works on a run, how to ask them to stop, and how to put them out."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from poya.journal import Journal, RunFiles, Sighting, break_open, look_at, this_process
from poya.journal.locks import STALE_S

_POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class Occupation:
    """Who holds a run, and the vCluster that it is about.

    Attributes:
        run: Of the run's own lock.
        vcluster: Of the target's vCluster, which another run may hold.
    """

    run: Sighting
    vcluster: Sighting

    def is_held(self) -> bool:
        """Whether somebody must be taken to work on the run."""
        return self.run.is_alive()

    def holds_both(self) -> bool:
        """Whether the run's holder also holds the vCluster."""
        one, other = self.run.holder, self.vcluster.holder
        return one is not None and other is not None and one.is_same_process(other)


def occupation_of(files: RunFiles, target_lock: Path) -> Occupation:
    """Look, without waiting."""
    return Occupation(look_at(files.lock), look_at(target_lock))


def describe(sighting: Sighting) -> Iterator[str]:
    """What is known of a lock's holder, for one who is about to evict it."""
    holder = sighting.holder
    if holder is None:
        yield "Nobody left a name on the lock."
    else:
        yield f"Held by {holder}."
        yield f"Its last sign of life was {sighting.seen_s_ago:.0f} s ago."
    if sighting.is_held:
        yield "The process lives: the kernel says that it holds the lock."
        command = _command(holder.pid) if holder is not None and holder.is_here() else ""
        if command:
            yield f"It is: {command}"
    elif holder is not None and holder.is_here():
        yield "The process is gone; the lock is free already."
    elif holder is not None:
        yield (
            "It runs on another host, and is silent for longer than a living one would be."
            if sighting.seen_s_ago > STALE_S
            else "It runs on another host and shows signs of life."
        )


def evict(files: RunFiles, target_lock: Path) -> Occupation:
    """Put out whoever works on a run: from now on it can record nothing, and so write nothing.

    A request that it has already sent may still have its effect; whoever goes on reads the target
    first.
    """
    occupation = occupation_of(files, target_lock)
    journal = Journal.open(files.journal)
    try:
        journal.evict(this_process("unlock").as_facts())
    finally:
        journal.close()
    if occupation.holds_both():
        break_open(target_lock)
    break_open(files.lock)
    return occupation


def ask_to_stop(files: RunFiles) -> None:
    """Have the run's process stop before its next write, and wake it if it is on this host."""
    asker = this_process("cancel")
    journal = Journal.open(files.journal)
    try:
        journal.ask_to_stop(f"{asker.user or 'somebody'} on {asker.host}")
    finally:
        journal.close()
    sighting = look_at(files.lock)
    if sighting.is_held and sighting.holder is not None and sighting.holder.is_here():
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(sighting.holder.pid, signal.SIGTERM)


def wait_until_free(files: RunFiles, patience_s: float) -> bool:
    """Wait until nobody works on the run; False if somebody still does."""
    until_s = time.monotonic() + patience_s
    while look_at(files.lock).is_alive():
        if time.monotonic() > until_s:
            return False
        time.sleep(_POLL_S)
    return True


def _command(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return ""
    return b" ".join(words).decode(errors="replace").strip()
