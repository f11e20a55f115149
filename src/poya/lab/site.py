# SPDX-License-Identifier: Apache-2.0
"""One emulated site: its records, its bytes, its accounts, and what happened to it."""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import TypeAlias

from starlette.types import ASGIApp

from poya.lab.clock import SiteClock
from poya.lab.faults import FaultPlan
from poya.lab.life.agenda import Agenda
from poya.lab.life.pace import Pace
from poya.lab.ports import LabGit, LabObjects
from poya.lab.profiles import ReleaseProfile
from poya.lab.services.identity import Accounts
from poya.lab.state import SiteState

Clock: TypeAlias = Callable[[], float]
"""Seconds since 1970, UTC."""


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """One request as the gateway saw it.

    Attributes:
        number: Counted from 1 over the life of the gateway, as requests come in; they are kept in
            the order in which they were answered.
        method: Upper case.
        path: Without the query.
        query: Without the question mark.
        status: As answered; 0 if the answer was lost or never given.
        service: The first part of the path below /apis, or `keycloak`, `vcs`, `k8s`, `nexus`, `-`.
        mutating: Whether it could change the site. Queries sent by POST and requests for tokens
            or temporary credentials do not count.
        fault: The action of the fault that struck it, or "".
    """

    number: int
    method: str
    path: str
    query: str
    status: int
    service: str
    mutating: bool
    fault: str = ""


class RequestLog:
    """The last requests of a site, oldest first. Any thread may add to it."""

    __slots__ = ("_numbers", "_ring")

    def __init__(self, capacity: int = 10_000) -> None:
        self._ring: deque[LoggedRequest] = deque(maxlen=capacity)
        self._numbers = itertools.count(1)

    def take_number(self) -> int:
        """The next request's number."""
        return next(self._numbers)

    def add(self, request: LoggedRequest) -> None:
        """Keep a request, forgetting the oldest if there are too many."""
        self._ring.append(request)

    def entries(self, *, mutating: bool | None = None) -> list[LoggedRequest]:
        """All kept requests, or only those that could (or could not) change the site."""
        return [r for r in list(self._ring) if mutating is None or r.mutating == mutating]

    def clear(self) -> None:
        """Forget the requests; numbers go on."""
        self._ring.clear()

    @staticmethod
    def describe(requests: Iterable[LoggedRequest]) -> list[dict[str, object]]:
        """Requests as JSON."""
        return [asdict(request) for request in requests]


@dataclass(slots=True)
class LabSite:
    """Everything that makes one emulated site.

    Attributes:
        name: As operators call it ("alps").
        system: The system's name in its domain ("alps").
        domain: `<system>.<site domain>` ("alps.example.org").
        profile: The CSM release that it runs.
        state: The records of its services.
        objects: Its object store, seen from inside.
        git: Its git server, seen from CFS.
        accounts: Who may get tokens.
        clock: The time at the site.
        faults: What is to go wrong.
        requests: What was asked of it.
        vcs_app: What is served at /vcs, with `root_path` set to it; None: nothing.
        pace: How long things take.
        clocks: What sets both clocks, if they can be set.
        wall_clock: The time by which tokens and signatures are judged; None: that of `clock`,
            which can be set ahead to let things happen.
        agenda: What is going to happen by itself.
    """

    name: str
    system: str
    domain: str
    profile: ReleaseProfile
    state: SiteState
    objects: LabObjects
    git: LabGit
    accounts: Accounts = field(default_factory=Accounts)
    clock: Clock = time.time
    faults: FaultPlan = field(default_factory=FaultPlan)
    requests: RequestLog = field(default_factory=RequestLog)
    vcs_app: ASGIApp | None = None
    pace: Pace = field(default_factory=Pace)
    wall_clock: Clock | None = None
    clocks: SiteClock | None = None
    agenda: Agenda = field(init=False)

    def __post_init__(self) -> None:
        self.agenda = Agenda(self.state.agenda)

    def wall_s(self) -> float:
        """The time by which tokens are made and judged."""
        return (self.wall_clock or self.clock)()

    @property
    def api_url(self) -> str:
        """The site's own name for its API gateway on the customer management network."""
        return f"https://api.cmn.{self.domain}"
