# SPDX-License-Identifier: Apache-2.0
"""From a capture of much to the closure of less: what some of its templates lead to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from poya.errors import NotFound
from poya.model.names import image_id_of
from poya.model.records import SessionTemplate
from poya.model.vcluster import Gap, Selector, VCluster


def narrow(captured: VCluster, selector: Selector) -> VCluster:
    """The part of a capture that is selected, as if only that had been captured.

    Raises:
        NotFound: The capture holds no such group or template, or the group boots nothing.
    """
    if selector in (captured.selector, Selector()):
        return replace(captured, selector=selector)
    templates = _selected(captured, selector)
    labels = set(_labels(templates, selector))
    paths = {boot_set.path for template in templates for boot_set in template.boot_sets}
    ids = {image_id_of(path) for path in paths}
    names = {name for template in templates for name in template.configurations()}
    part = replace(
        captured,
        name=selector.name.lower() or name_of(templates),
        templates=templates,
        configurations=tuple(c for c in captured.configurations if c.name in names),
        images=tuple(i for i in captured.images if i.manifest_path in paths or i.id in ids),
        groups=tuple(g for g in captured.groups if g.label in labels),
        selector=selector,
    )
    xnames = set(part.xnames())
    nodes = {xname: node for xname, node in captured.nodes.items() if xname in xnames}
    return replace(part, nodes=nodes, gaps=_gaps_of(part, captured.gaps))


def name_of(templates: Iterable[SessionTemplate]) -> str:
    """What to call a vCluster that was selected by its templates: its first group's label."""
    chosen = tuple(templates)
    labels = [label for template in chosen for label in template.node_groups()]
    names = [template.name for template in chosen]
    return next(iter([*labels, *names]), "everything")


def _selected(captured: VCluster, selector: Selector) -> tuple[SessionTemplate, ...]:
    by_name = {template.name: template for template in captured.templates}
    missing = [name for name in selector.templates if name not in by_name]
    if missing:
        raise NotFound(
            f"{captured.site} has no BOS session template '{missing[0]}'.",
            why=f"It was captured with {', '.join(sorted(by_name)[:12]) or 'none'}.",
        )
    if selector.templates:
        return tuple(by_name[name] for name in dict.fromkeys(selector.templates))
    label = selector.name.lower()
    chosen = tuple(t for t in captured.templates if label in t.node_groups())
    if not chosen:
        raise NotFound(
            f"No session template of {captured.site} boots the HSM group '{label}'.",
            why=f"It was captured with {', '.join(g.label for g in captured.groups) or 'none'}.",
        )
    return chosen


def _labels(templates: Iterable[SessionTemplate], selector: Selector) -> list[str]:
    named = [label for template in templates for label in template.node_groups()]
    return [*named, *([] if selector.templates else [selector.name.lower()])]


def _gaps_of(part: VCluster, gaps: Iterable[Gap]) -> tuple[Gap, ...]:
    """The gaps that concern what is left: a gap names its subject as the capture does."""
    subjects = {
        *(f"boot set {b.name} of {t.name}" for t in part.templates for b in t.boot_sets),
        *(f"BOS session template {template.name}" for template in part.templates),
        *(f"CFS configuration {n}" for t in part.templates for n in t.configurations()),
        *(f"IMS image {image.name} ({image.id})" for image in part.images),
    }
    return tuple(gap for gap in gaps if gap.subject in subjects)
