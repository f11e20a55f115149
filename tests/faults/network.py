"""What can happen to a request on the network, and the requests that it can happen to."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from poya.lab.pytest_plugin import LabPair, TestSite

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_EXPIRED = "<Error><Code>ExpiredToken</Code><Message>expired</Message></Error>"
_INTERNAL = "<Error><Code>InternalError</Code><Message>again</Message></Error>"

# Each by its name; the details are those of the lab's `Fault`.
FAULTS: dict[str, dict[str, Any]] = {
    "500": {"action": "status", "status": 500},
    "502": {"action": "status", "status": 502},
    "503": {"action": "status", "status": 503},
    "504": {"action": "status", "status": 504},
    "429": {"action": "status", "status": 429},
    "400": {"action": "status", "status": 400},
    "401 once": {"action": "status", "status": 401},
    "403": {"action": "status", "status": 403},
    "403 expired": {"action": "status", "status": 403, "body": _EXPIRED},
    "404": {"action": "status", "status": 404},
    "409": {"action": "status", "status": 409},
    "422": {"action": "status", "status": 422},
    "reset before": {"action": "reset-before"},
    "lost answer": {"action": "reset-after"},
    "truncated answer": {"action": "truncate"},
    "HTML page": {"action": "garbage", "status": 503},
    "HTML page with 200": {"action": "garbage", "status": 200},
    "200 with an error inside": {"action": "status", "status": 200, "body": _INTERNAL},
    "200 with broken JSON": {"action": "status", "status": 200, "body": '{"name": '},
    "stall": {"action": "stall", "delay_s": 2.0},
    "latency": {"action": "latency", "delay_s": 0.4},
    "500 for good": {"action": "status", "status": 500, "times": 0},
    "401 for good": {"action": "status", "status": 401, "times": 0},
    "lost answer for good": {"action": "reset-after", "times": 0},
}


@dataclass(frozen=True)
class Template:
    """Requests that look alike.

    Attributes:
        nth: Which of them is struck.
    """

    site: str
    method: str
    path: str
    nth: int

    def set_fault(self, pair: LabPair, fault: str) -> None:
        """Have it go wrong so from now on."""
        site: TestSite = getattr(pair, self.site)
        details = {**FAULTS[fault], "method": self.method, "nth": self.nth}
        site.set_fault(details.pop("action"), self.path, **details)

    def __str__(self) -> str:
        return f"{self.method} {self.path} at {self.site}, number {self.nth}"


def templates_of(pair: LabPair) -> tuple[Template, ...]:
    """What was asked of both sites since their logs were cleared; the first and the last alike."""
    return (*_asked("alps", pair.alps), *_asked("prealps", pair.prealps))


def _asked(name: str, site: TestSite) -> Iterable[Template]:
    counts = Counter((r.method, _UUID.sub("*", r.path)) for r in site.requests())
    for (method, path), count in counts.items():
        for nth in sorted({1, count}):
            yield Template(name, method, path, nth)
