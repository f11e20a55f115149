# SPDX-License-Identifier: Apache-2.0
"""What runs is not what is brought: nodes that boot or are configured with something else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from poya.model.finding import Finding
from poya.model.names import image_id_of
from poya.planning.checks import Case
from poya.planning.nodes import shown


def check(case: Case) -> Iterator[Finding]:
    """Compare the templates with BSS, CFS and their own images."""
    yield from _booted(case)
    yield from _configured(case)
    yield from _etags(case)


def _booted(case: Case) -> Iterator[Finding]:
    wanted = {image_id_of(b.path) for _, b in case.boot_sets()}
    members = set(case.vcluster.xnames())
    others = sorted(
        (host, booted.image)
        for booted in case.vcluster.surroundings.booted
        for host in booted.hosts
        if host in members and booted.image and booted.image not in wanted
    )
    if others:
        images = Counter(image for _, image in others)
        yield Finding(
            "boots-another-image",
            "warning",
            f"vCluster {case.vcluster.name}",
            f"{len(others)} of its nodes boot an image that none of its templates names.",
            evidence=f"{shown(h for h, _ in others)}: {', '.join(sorted(images))} (BSS)",
            remedy="Bring the template that they were booted with, or accept that what is brought "
            "is not what runs.",
        )


def _configured(case: Case) -> Iterator[Finding]:
    wanted = {name for template in case.vcluster.templates for name in template.configurations()}
    renamed = {e.source_name for e in case.of_kind("configuration")} | wanted
    now = case.vcluster.surroundings.configured
    others = {x: name for x, name in now.items() if name and name not in renamed}
    if others and wanted:
        yield Finding(
            "configured-otherwise",
            "warning",
            f"vCluster {case.vcluster.name}",
            f"{len(others)} of its nodes are to have a CFS configuration that none of its "
            "templates names.",
            evidence=f"{shown(sorted(others))}: {', '.join(sorted(set(others.values())))}",
            remedy="Bring that configuration, too, or accept that it stays behind.",
        )


def _etags(case: Case) -> Iterator[Finding]:
    """BOS compares the etag with nothing, so a rebuilt manifest goes unnoticed."""
    stored = {i.manifest_path: i.manifest_etag for i in case.vcluster.images}
    for template, boot_set in case.boot_sets():
        etag, now = boot_set.etag.strip('"'), stored.get(boot_set.path, "")
        if etag and now and etag != now:
            yield Finding(
                "boot-set-etag",
                "info",
                f"boot set {boot_set.name} of {template.name}",
                "Its etag is not that of its image's manifest; the target's will be right.",
                evidence=f"boot set {etag}, store {now}",
            )
