# SPDX-License-Identifier: Apache-2.0
"""What could not be asked: no finding of it does not mean that all is well."""

from __future__ import annotations

from collections.abc import Iterator

from poya.model.finding import Finding
from poya.planning.checks import Case

_MOST = 6


def check(case: Case) -> Iterator[Finding]:
    """One finding for each site, whatever number of questions it did not answer."""
    here, there = case.vcluster.surroundings, case.inventory.circumstances
    for site, unasked in (
        (case.vcluster.site, here.unasked),
        (case.inventory.label, there.unasked),
    ):
        if unasked:
            number = f"{len(unasked)} questions were" if unasked[1:] else "A question was"
            more = f"; and {len(unasked) - _MOST} more" if len(unasked) > _MOST else ""
            yield Finding(
                "not-asked",
                "info",
                f"site {site}",
                f"{number} not answered; what depends on the answer was not checked.",
                evidence="; ".join(unasked[:_MOST]) + more,
                remedy="'poya config check' says what the site lacks, or what our account may "
                "not see.",
            )
