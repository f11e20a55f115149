# SPDX-License-Identifier: Apache-2.0
"""Ages in queries, as BOS and CFS take them: `3d`, `24h`, `90m`."""

from __future__ import annotations

import re

from poya.lab.services.answers import Problem
from poya.lab.services.times import seconds_of

_AGE = re.compile(r"(\d+)([smhdwSMHDW])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def age_s(text: str) -> float:
    """An age in seconds.

    Raises:
        Problem: 400 for anything else.
    """
    parts = _AGE.findall(text)
    if not parts or "".join(f"{n}{unit}" for n, unit in parts) != text:
        raise Problem(400, f"Unable to parse age '{text}'", title="Error parsing age field")
    return float(sum(int(number) * _SECONDS[unit.lower()] for number, unit in parts))


def is_of_age(start: str, now_s: float, *, least: str | None, most: str | None) -> bool:
    """Whether what began at `start` is as old as asked for; None: that does not matter."""
    lived_s = now_s - seconds_of(start)
    return (not least or lived_s >= age_s(least)) and (not most or lived_s <= age_s(most))
