# SPDX-License-Identifier: Apache-2.0
"""What a service refuses by its length or emptiness."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from poya.documents import Json
from poya.model.finding import Finding
from poya.model.records import KIND_TITLES, Kind
from poya.planning.checks import Case

# CFS v3: the configuration's name, maxLength 60 (v2 takes longer ones). BOS v2:
# SessionTemplateName, maxLength 127.
MOST_CHARACTERS: Mapping[Kind, tuple[str, int]] = {
    "configuration": ("CFS", 60),
    "template": ("BOS", 127),
}


def check(case: Case) -> Iterator[Finding]:
    """Names too long for their service, and boot sets left without any node."""
    if case.inventory.capabilities.is_verbatim:
        return
    for kind, (service, most) in MOST_CHARACTERS.items():
        yield from _too_long(case, kind, service, most)
    yield from _refused_boot_sets(case)
    yield from _emptied_boot_sets(case)


def _too_long(case: Case, kind: Kind, service: str, most: int) -> Iterator[Finding]:
    title = KIND_TITLES[kind]
    has_v3 = case.inventory.capabilities.has_sources
    for entity in case.of_kind(kind) if has_v3 or kind != "configuration" else ():
        if len(entity.name) > most and entity.action != "reuse":
            yield Finding(
                "name-too-long",
                "critical",
                f"{title} {entity.name}",
                f"{service} takes names of at most {most} characters.",
                evidence=f"{len(entity.name)} characters",
                remedy=f"Rename the {title.partition(' ')[2]} at the source.",
            )


def _refused_boot_sets(case: Case) -> Iterator[Finding]:
    for entity in case.of_kind("template"):
        boot_sets = entity.body.get("boot_sets", {})
        for name in sorted(boot_sets):
            if not _has_nodes(boot_sets[name]):
                yield _without_nodes(
                    f"boot set {name} of {entity.name}",
                    "No node list, group or role is left in it; BOS refuses such a boot set.",
                )


def _emptied_boot_sets(case: Case) -> Iterator[Finding]:
    """Boot sets whose groups lose every member to the mapping."""
    captured = {group.label for group in case.vcluster.groups}
    for template, boot_set in case.boot_sets():
        labels = {label.lower() for label in boot_set.node_groups}
        is_known = bool(labels) and labels <= captured and not boot_set.node_roles_groups
        sources = case.sources_of(boot_set)
        if is_known and sources and not case.nodes.apply(sources):
            yield _without_nodes(
                f"boot set {boot_set.name} of {template.name}",
                "None of its nodes has a counterpart; it would boot nothing.",
            )


def _without_nodes(subject: str, message: str) -> Finding:
    return Finding(
        "boot-set-without-nodes",
        "critical",
        subject,
        message,
        remedy="Map at least one of its nodes with --nodes.",
    )


def _has_nodes(boot_set: Json) -> bool:
    keys = ("node_list", "node_groups", "node_roles_groups")
    return isinstance(boot_set, dict) and any(boot_set.get(key) for key in keys)
