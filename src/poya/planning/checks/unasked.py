# SPDX-License-Identifier: Apache-2.0
"""What could not be asked: no finding of it does not mean that all is well."""

from __future__ import annotations

from collections.abc import Iterator

from poya.model.finding import Finding
from poya.planning.checks import Case


def check(case: Case) -> Iterator[Finding]:
    """One finding for each question that a site did not answer."""
    here, there = case.vcluster.surroundings, case.inventory.circumstances
    for site, unasked in (
        (case.vcluster.site, here.unasked),
        (case.inventory.label, there.unasked),
    ):
        for question in unasked:
            yield Finding(
                "not-asked",
                "info",
                f"site {site}",
                "A question was not answered; what depends on it was not checked.",
                evidence=question,
            )
