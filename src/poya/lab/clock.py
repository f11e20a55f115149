# SPDX-License-Identifier: Apache-2.0
"""The time at a lab site."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(slots=True)
class SiteClock:
    """The clocks of one site.

    Attributes:
        skew_s: How far the site's clocks are ahead of the client's: tokens and signatures are
            judged by it.
        ahead_s: How far what happens by itself is ahead of that: moving it on lets an hour pass
            without anybody's credentials growing old.
    """

    skew_s: float = 0.0
    ahead_s: float = 0.0

    def wall_s(self) -> float:
        """The time by which credentials are judged."""
        return time.time() + self.skew_s

    def now_s(self) -> float:
        """The time by which things happen, and which records show."""
        return self.wall_s() + self.ahead_s
