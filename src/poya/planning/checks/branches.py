# SPDX-License-Identifier: Apache-2.0
"""Branches that moved since, or that stand elsewhere at the target.

CFS resolves a branch to a commit when a configuration is stored, by cloning it there and then.
"""

from __future__ import annotations

from collections.abc import Iterator

from poya.model.finding import Finding
from poya.model.records import Configuration, Layer
from poya.planning.checks import Case


def check(case: Case) -> Iterator[Finding]:
    """Compare each layer's branch with its head at both sites."""
    if case.inventory.capabilities.is_verbatim:
        return
    for configuration in case.vcluster.configurations:
        for layer in configuration.repositories():
            if layer.branch and layer.commit:
                yield from _moved(case, configuration, layer)
            elif layer.branch and not layer.source:
                yield from _resolved_there(case, configuration, layer)


def _moved(case: Case, configuration: Configuration, layer: Layer) -> Iterator[Finding]:
    head = case.vcluster.surroundings.branches.get((layer.clone_url, layer.branch))
    if head and head != layer.commit:
        yield Finding(
            "branch-moved",
            "info",
            f"CFS configuration {configuration.name}",
            f"The branch {layer.branch} has moved since; the target gets the commit that the "
            "configuration stands at.",
            evidence=f"{layer.clone_url}: at {layer.commit[:12]}, branch at {head[:12]}",
            remedy="Update the configuration at the source first, if the newer one is wanted.",
        )


def _resolved_there(case: Case, configuration: Configuration, layer: Layer) -> Iterator[Finding]:
    place = (layer.clone_url, layer.branch)
    here = case.vcluster.surroundings.branches.get(place)
    there = case.inventory.circumstances.branches.get(place)
    subject = f"CFS configuration {configuration.name}"
    if there == "":
        yield Finding(
            "branch-absent",
            "critical",
            subject,
            f"{case.inventory.label}'s git has no branch {layer.branch} of this repository; CFS "
            "refuses the configuration.",
            evidence=layer.clone_url,
            remedy="Replicate the repository first, or pin the layer to a commit.",
        )
    elif here and there and here != there:
        yield Finding(
            "branch-differs",
            "warning",
            subject,
            f"The branch {layer.branch} stands elsewhere at {case.inventory.label}.",
            evidence=f"{layer.clone_url}: {here[:12]} at {case.vcluster.site}, {there[:12]} there",
            remedy="Replicate the repository, or pin the layer to a commit.",
        )
