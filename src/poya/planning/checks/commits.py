# SPDX-License-Identifier: Apache-2.0
"""Commits that the target's git does not have. CFS takes any 40 hex digits and fails later."""

from __future__ import annotations

from collections.abc import Iterator

from poya.model.finding import Finding
from poya.planning.checks import Case


def check(case: Case) -> Iterator[Finding]:
    """Tell of commits known to be absent, of those not asked about, and of layers without any."""
    if case.inventory.capabilities.is_verbatim:
        return
    unasked = 0
    for configuration in case.vcluster.configurations:
        subject = f"CFS configuration {configuration.name}"
        for layer in configuration.repositories():
            present = case.inventory.commits.get((layer.clone_url, layer.commit))
            if layer.source and not case.inventory.capabilities.has_sources:
                yield _without_sources(subject, layer.source, case)
            elif not layer.commit:
                yield _without_commit(subject, layer.clone_url or layer.source, layer.branch)
            elif present is False:
                yield Finding(
                    "commit-absent",
                    "warning",
                    subject,
                    f"{case.inventory.label}'s git does not have the commit "
                    f"{layer.commit[:12]} of {_repository(layer.clone_url)}.",
                    evidence=f"playbook {layer.playbook or 'site.yml'}"
                    + (f", branch {layer.branch} at the source" if layer.branch else ""),
                    remedy="Replicate the repository, with its history, before nodes boot.",
                )
            elif present is None:
                unasked += 1
    if unasked:
        yield Finding(
            "commit-unchecked",
            "info",
            f"vCluster {case.vcluster.name}",
            f"{unasked} commits could not be looked up in {case.inventory.label}'s git.",
            remedy="Give [sites.<name>.vcs] a user and password to have them checked.",
        )


def _without_sources(subject: str, source: str, case: Case) -> Finding:
    return Finding(
        "source-unsupported",
        "critical",
        subject,
        f"A layer names the CFS source '{source}'; {case.inventory.capabilities.release} has no "
        "sources.",
        remedy="Give the layer a clone URL, or choose a target with CSM 1.5 or newer.",
    )


def _without_commit(subject: str, repository: str, branch: str) -> Finding:
    what = f"branch '{branch}'" if branch else "neither branch nor commit"
    return Finding(
        "commit-unpinned",
        "warning" if not branch else "info",
        subject,
        f"A layer of {_repository(repository)} names {what}: what runs is decided at the target.",
        remedy="Pin the layer to a commit at the source.",
    )


def _repository(url: str) -> str:
    return url.rpartition("/")[2].removesuffix(".git") or url
