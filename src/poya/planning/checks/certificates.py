# SPDX-License-Identifier: Apache-2.0
"""Certificates about to end: of both sites' gateways and stores, and of who vouches for them.

A transfer of hours outlives a certificate of minutes, and nodes that boot next month call the
target's services then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from poya.model.ending import Ending
from poya.model.finding import Finding, Severity
from poya.planning.checks import Case

_SOON_DAYS = 30
_NOW_DAYS = 2


def check(case: Case) -> Iterator[Finding]:
    """Tell of those that have ended, or will within a month."""
    yield from _of(case.vcluster.site, case.vcluster.surroundings.endings)
    yield from _of(case.inventory.label, case.inventory.circumstances.endings)


def _of(site: str, endings: Iterable[Ending]) -> Iterator[Finding]:
    for ending in sorted(endings):
        if ending.days_left < _SOON_DAYS:
            severity: Severity = "warning" if ending.days_left >= _NOW_DAYS else "critical"
            yield Finding(
                "certificate-ends",
                severity,
                f"site {site}",
                f"{ending.what[:1].upper()}{ending.what[1:]} ends on {ending.day}"
                + (", before a migration might." if severity == "critical" else "."),
                remedy="Have it renewed first: connections and booting nodes fail from then on.",
            )
