# SPDX-License-Identifier: Apache-2.0
"""A saved survey as an operator reads it."""

from __future__ import annotations

from collections.abc import Iterator

import click

from poya.cli.text import count, printable, size
from poya.model.inventory import Inventory
from poya.model.records import KIND_TITLES, KINDS
from poya.model.vcluster import VCluster
from poya.sites.saved import Survey


def render_survey(survey: Survey) -> str:
    """What was surveyed and when, what was captured, what the site holds."""
    title = f"Survey of {survey.site} ({survey.inventory.capabilities.release}), {survey.taken}"
    lines = [click.style(printable(title), bold=True), *_holdings(survey.inventory)]
    if survey.vcluster is not None:
        lines += ["", f"Captured: {printable(survey.vcluster.name)}", *_capture(survey.vcluster)]
    return "\n".join(lines)


def _holdings(inventory: Inventory) -> Iterator[str]:
    for kind in KINDS:
        yield f"  {count(len(inventory.names(kind)), KIND_TITLES[kind])}"
    yield f"  {count(len(inventory.images), 'IMS image')}"
    yield f"  {count(len(inventory.nodes or {}), 'node')}"


def _capture(vcluster: VCluster) -> Iterator[str]:
    for image in sorted(vcluster.images, key=lambda i: i.name):
        yield printable(f"  IMS image {image.name}, {image.arch}, {size(image.size_bytes)}")
    for group in sorted(vcluster.groups, key=lambda g: g.label):
        yield printable(f"  HSM group {group.label}, {count(len(group.members), 'member')}")
    for configuration in sorted(vcluster.configurations, key=lambda c: c.name):
        layers = count(len(configuration.layers), "layer")
        yield printable(f"  CFS configuration {configuration.name}, {layers}")
    for template in sorted(vcluster.templates, key=lambda t: t.name):
        names = ", ".join(boot_set.name for boot_set in template.boot_sets)
        yield printable(f"  BOS session template {template.name}, boot sets {names}")
    for gap in vcluster.gaps:
        yield printable(f"  missing: {gap.subject}: {gap.evidence}")
