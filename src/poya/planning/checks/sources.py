# SPDX-License-Identifier: Apache-2.0
"""CFS sources that layers name: they must exist before the configuration, login included."""

from __future__ import annotations

from collections.abc import Iterator

from poya.model.finding import Finding
from poya.model.secrets import without_login
from poya.planning.checks import Case


def check(case: Case) -> Iterator[Finding]:
    """Look for each source that a layer names at the target."""
    has = case.inventory.capabilities
    known = case.inventory.circumstances.sources
    if has.is_verbatim or not has.has_sources or known is None:
        return
    named = {
        layer.source: configuration.name
        for configuration in case.vcluster.configurations
        for layer in configuration.repositories()
        if layer.source
    }
    for source, configuration in sorted(named.items()):
        here = without_login(case.vcluster.surroundings.sources.get(source, ""))
        there = without_login(known[source]) if source in known else None
        if there is None:
            yield _absent(case, source, configuration, here)
        elif here and here != there:
            yield Finding(
                "source-differs",
                "warning",
                f"CFS source {source}",
                f"It means another repository at {case.inventory.label}.",
                evidence=f"{here} at {case.vcluster.site}, {there} there",
                remedy="Map it to the right one: --map sources:OLD=NEW.",
            )


def _absent(case: Case, source: str, configuration: str, url: str) -> Finding:
    return Finding(
        "source-absent",
        "critical",
        f"CFS configuration {configuration}",
        f"{case.inventory.label} has no CFS source '{source}'; CFS refuses the configuration.",
        evidence=f"at {case.vcluster.site} it is {url}" if url else "",
        remedy="Create it there with its login, which no site tells (POST /cfs/v3/sources), or "
        "map it: --map sources:OLD=NEW, or [git.source-to-url] in a mapping.",
    )
