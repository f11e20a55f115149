# SPDX-License-Identifier: Apache-2.0
"""What a running copy tells: typed events, with bytes of the artifact and of the whole copy."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from poya.transfer.jobs import Result


@dataclass(frozen=True, slots=True)
class Started:
    """An artifact's size and state are known, and its bytes begin to move.

    Attributes:
        name: The job's.
        size_bytes: Of the artifact.
        kept_bytes: Found at the target from an earlier run.
        total_bytes: Of all artifacts known so far.
    """

    name: str
    size_bytes: int
    kept_bytes: int
    total_bytes: int


@dataclass(frozen=True, slots=True)
class Advanced:
    """Bytes are safe at the target (or found to be there).

    Attributes:
        name: The job's.
        count_bytes: How many more.
        done_bytes: Of the artifact, so far.
        size_bytes: Of the artifact.
        total_done_bytes: Of all artifacts, so far.
        total_bytes: Of all artifacts known so far.
        is_moved: False if they were found there, or were copied within the target's store.
    """

    name: str
    count_bytes: int
    done_bytes: int
    size_bytes: int
    total_done_bytes: int
    total_bytes: int
    is_moved: bool = True


@dataclass(frozen=True, slots=True)
class Retried:
    """A request failed and is tried again.

    Attributes:
        name: The job's.
        reason: What failed, for people.
        wait_s: When it is tried again.
    """

    name: str
    reason: str
    wait_s: float


@dataclass(frozen=True, slots=True)
class Paced:
    """Another bandwidth limit holds from now on.

    Attributes:
        bytes_per_s: The limit; None is no limit, 0 a pause.
    """

    bytes_per_s: float | None


@dataclass(frozen=True, slots=True)
class Finished:
    """An artifact is complete, verified and visible at the target.

    Attributes:
        result: What came of it.
    """

    result: Result


@dataclass(frozen=True, slots=True)
class Failed:
    """An artifact could not be moved; the copy stops and raises the error.

    Attributes:
        name: The job's.
        error: Why.
    """

    name: str
    error: BaseException


Event: TypeAlias = "Started | Advanced | Retried | Paced | Finished | Failed"


class Progress:
    """Counts bytes and sends events, one at a time, from many threads."""

    def __init__(self, on_event: Callable[[Event], None] | None) -> None:
        self._send = on_event or (lambda _event: None)
        self._lock = threading.Lock()
        self._sizes: dict[str, int] = {}
        self._done: dict[str, int] = {}

    def expect(self, name: str, size_bytes: int) -> None:
        """Note the size that an artifact is expected to have."""
        with self._lock:
            self._sizes[name] = size_bytes

    def start(self, name: str, size_bytes: int, kept_bytes: int) -> None:
        """Tell that an artifact starts; a second start takes back what was counted."""
        with self._lock:
            self._sizes[name] = size_bytes
            self._done[name] = 0
            self._send(Started(name, size_bytes, kept_bytes, sum(self._sizes.values())))

    def advance(self, name: str, count_bytes: int, *, is_moved: bool = True) -> None:
        """Tell that bytes are safe at the target."""
        with self._lock:
            done = self._done[name] = self._done.get(name, 0) + count_bytes
            self._send(
                Advanced(
                    name, count_bytes, done, self._sizes[name],
                    sum(self._done.values()), sum(self._sizes.values()), is_moved,
                )
            )  # fmt: skip

    def tell(self, event: Retried | Paced | Finished | Failed) -> None:
        """Send an event that moves no bytes."""
        with self._lock:
            self._send(event)
