# SPDX-License-Identifier: Apache-2.0
"""Who else uses a part: what stays behind at the source, what a change touches at the target."""

from __future__ import annotations

from collections.abc import Iterator

from poya.model.finding import Finding
from poya.model.plan import EntityPlan
from poya.model.records import SessionTemplate
from poya.planning.checks import Case
from poya.planning.nodes import shown


def check(case: Case) -> Iterator[Finding]:
    """Tell of other users at both ends."""
    names = {f"image {i.manifest_path}": f"IMS image {i.name}" for i in case.vcluster.images}
    for part, users in sorted(case.vcluster.surroundings.sharers.items()):
        yield Finding(
            "shared-at-source",
            "info",
            names.get(part, part),
            f"Others at {case.vcluster.site} use it, too, and stay there.",
            evidence=shown(users),
        )
    if case.inventory.capabilities.is_verbatim:
        return
    own = {entity.name for entity in case.of_kind("template")}
    for entity in case.entities:
        if entity.action == "change" and entity.kind != "template":
            yield from _changed(case, entity, own)


def _changed(case: Case, entity: EntityPlan, own: set[str]) -> Iterator[Finding]:
    templates = (
        SessionTemplate.of(document)
        for ref, document in case.inventory.entities.items()
        if ref.kind == "template" and ref.name not in own
    )
    users = sorted(t.name for t in templates if entity.name in _used(t, entity.kind))
    if users:
        yield Finding(
            "shared-at-target",
            "warning",
            str(entity.ref),
            "Session templates of others use what will be changed.",
            evidence=shown(users),
            remedy=f"--on-conflict {entity.kind}=rename leaves them alone.",
        )


def _used(template: SessionTemplate, kind: str) -> tuple[str, ...]:
    return template.node_groups() if kind == "group" else template.configurations()
