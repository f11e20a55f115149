# SPDX-License-Identifier: Apache-2.0
"""How long to wait before asking again, and when to give up."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential backoff with full jitter, bounded by time rather than by count.

    Attributes:
        patience_s: Give up when a request has failed for this long...
        attempts: ...and was tried at least this often.
        base_s: The first wait is at most this; each further one at most twice the last...
        cap_s: ...up to this.
        retry_after_cap_s: A service's own Retry-After is obeyed up to this.
    """

    patience_s: float = 180.0
    attempts: int = 4
    base_s: float = 0.25
    cap_s: float = 15.0
    retry_after_cap_s: float = 120.0

    def gives_up(self, failures: int, elapsed_s: float) -> bool:
        """Whether that many failures over that time are enough."""
        return failures >= self.attempts and elapsed_s >= self.patience_s

    def wait_s(
        self,
        failures: int,
        asked_s: float | None = None,
        pick: Callable[[float, float], float] = random.uniform,
    ) -> float:
        """How long to wait after the n-th failure; at least what the service asked for."""
        ceiling_s = min(self.cap_s, self.base_s * 2 ** min(failures - 1, 30))
        jittered_s = pick(0.0, ceiling_s)
        return max(jittered_s, min(asked_s or 0.0, self.retry_after_cap_s))


QUICK = RetryPolicy(patience_s=3.0, attempts=2)
