# SPDX-License-Identifier: Apache-2.0
"""When to ask again, and how long to wait before."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from poya.csm.http.answers import Answer
from poya.csm.http.calls import Call
from poya.errors import BadAnswer, CertificateError, Unreachable

# Too many requests; the gateway has no service behind it, or that is starting or slow.
_PASSING = frozenset({429, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Full jitter: wait anything from nothing to a bound that doubles each time.

    Only calls that may be repeated are; what would fail the same way again is not.

    Attributes:
        longest_asked_s: A service that asks for a longer wait than this (Retry-After) is not
            waited for.
    """

    attempts: int = 4
    first_bound_s: float = 0.5
    longest_bound_s: float = 8.0
    longest_asked_s: float = 30.0
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    chance: Callable[[], float] = random.random

    def wait_after_fault(self, call: Call, error: Unreachable, attempt: int) -> float | None:
        """Seconds to wait after `error` ended the given attempt (from 1); None: give up."""
        if isinstance(error, CertificateError | BadAnswer):
            return None
        return self._wait(call, attempt)

    def wait_after_answer(self, answer: Answer, attempt: int) -> float | None:
        """Seconds to wait after an answer that may be another next time; None: it stands."""
        if answer.status not in _PASSING:
            return None
        wait_s = self._wait(answer.call, attempt)
        asked_s = seconds_asked(answer.retry_after)
        if wait_s is None or asked_s is None:
            return wait_s
        return None if asked_s > self.longest_asked_s else asked_s + wait_s

    def _wait(self, call: Call, attempt: int) -> float | None:
        if not call.is_repeatable or attempt >= self.attempts:
            return None
        bound_s = min(self.longest_bound_s, self.first_bound_s * 2.0 ** (attempt - 1))
        return float(self.chance() * bound_s)


def seconds_asked(retry_after: str) -> float | None:
    """Seconds that a Retry-After header asks for, as number or date; None if it says nothing."""
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after)
    try:
        moment = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
