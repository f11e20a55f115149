# SPDX-License-Identifier: Apache-2.0
"""What is to go wrong at a lab site, and when.

A plan of faults belongs to each site. Tests add to it in process; anybody else by
`PUT /_lab/faults` with a JSON list. The gateway asks it at every request.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterable
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Annotated

import msgspec


class FaultAction(StrEnum):
    """What happens to the request that is struck."""

    STATUS = "status"
    """Answered with `status` and `body`; the service never sees it."""
    LATENCY = "latency"
    """Answered properly, `delay_s` later."""
    RESET_BEFORE = "reset-before"
    """The connection breaks; the service never saw the request."""
    RESET_AFTER = "reset-after"
    """The service did what was asked, then the connection breaks: a lost acknowledgement."""
    TRUNCATE = "truncate"
    """The service did what was asked; half of its answer arrives, then the connection breaks."""
    GARBAGE = "garbage"
    """The service did what was asked; a proxy's HTML page arrives instead of its JSON."""
    STALL = "stall"
    """Nothing is answered for `delay_s` (an hour if 0), then the connection breaks."""
    DRIP = "drip"
    """Answered properly, but the body takes `delay_s` to arrive, in small pieces."""
    EXPIRED = "expired"
    """Refused as if the token, or at the store the temporary credentials, had expired."""
    FULL = "full"
    """Refused as if there were no room left; at the store, what reads is let through."""


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing that goes wrong.

    Attributes:
        action: What happens.
        method: "*" or a method.
        path: A pattern of the whole path, such as `/apis/ims/v3/images*`; `*` also crosses `/`.
        nth: The first matching request to be struck, counted from 1.
        times: How many in a row; 0: all from there on.
        status: For `status`: the answer's status. For `garbage`: likewise.
        body: For `status`: the answer's body. JSON if it starts like JSON, else plain text.
        delay_s: For `latency`, `stall` and `drip`.
        probability: How likely each of those is struck that would be; decided by `seed` and the
            request's number among the matching ones, so the same run fails in the same places.
        seed: Of the decisions.
    """

    action: FaultAction
    method: str = "*"
    path: str = "*"
    nth: Annotated[int, msgspec.Meta(ge=1)] = 1
    times: Annotated[int, msgspec.Meta(ge=0)] = 1
    status: Annotated[int, msgspec.Meta(ge=200, le=599)] = 503
    body: str = ""
    delay_s: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    probability: Annotated[float, msgspec.Meta(gt=0, le=1)] = 1.0
    seed: int = 0

    def matches(self, method: str, path: str) -> bool:
        """Whether a request is of those that count."""
        return self.method in ("*", method) and fnmatchcase(path, self.path)

    def strikes(self, count: int) -> bool:
        """Whether the `count`-th matching request is struck."""
        if count < self.nth or (self.times and count >= self.nth + self.times):
            return False
        if self.probability >= 1:
            return True
        return random.Random(f"{self.seed} {count}").random() < self.probability


class FaultPlan:
    """The faults of one site, with a count of the requests that matched each.

    Gateway and object store may ask from threads of their own.
    """

    __slots__ = ("_counts", "_faults", "_lock")

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._counts: list[int] = []
        self.replace(faults)

    def add(self, fault: Fault) -> None:
        """Add one fault; its count starts at nothing. The first that is due wins."""
        with self._lock:
            self._faults.append(fault)
            self._counts.append(0)

    def replace(self, faults: Iterable[Fault]) -> None:
        """Forget all faults and take these."""
        with self._lock:
            self._faults = list(faults)
            self._counts = [0] * len(self._faults)

    def clear(self) -> None:
        """Forget all faults."""
        self.replace(())

    def strike(self, method: str, path: str) -> Fault | None:
        """Count a request, and say what is to happen to it: the first fault that is due."""
        due: Fault | None = None
        with self._lock:
            for index, fault in enumerate(self._faults):
                if not fault.matches(method, path):
                    continue
                self._counts[index] += 1
                if due is None and fault.strikes(self._counts[index]):
                    due = fault
        return due

    def describe(self) -> list[dict[str, object]]:
        """The faults as JSON, each with `seen`: how many requests matched it so far."""
        with self._lock:
            counted = list(zip(self._faults, self._counts, strict=True))
        return [{**msgspec.to_builtins(fault), "seen": seen} for fault, seen in counted]
