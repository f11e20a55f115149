# SPDX-License-Identifier: Apache-2.0
"""Names that the target already uses for something else."""

from __future__ import annotations

from collections.abc import Iterator

from poya.model.finding import Finding
from poya.model.plan import EntityPlan
from poya.model.records import KIND_TITLES
from poya.planning.checks import Case

_MOST_CHANGES = 4


def check(case: Case) -> Iterator[Finding]:
    """One finding for each name taken, and one for each overwrite that touches running nodes."""
    for entity in case.entities:
        if entity.action == "refuse":
            yield _refused(entity, case)
        if entity.action == "change" and entity.kind == "configuration":
            yield from _in_use(entity, case)
    for image in case.images:
        if image.action == "refuse":
            yield Finding(
                "name-taken",
                "critical",
                f"IMS image {image.name}",
                f"{case.inventory.label} has another image of this name.",
                evidence=", ".join(
                    sorted(i.id for i in case.inventory.images if i.name == image.name)
                ),
                remedy="--on-conflict image=overwrite puts the new one beside it (boot sets refer "
                "to ids); --on-conflict image=rename gives it another name.",
            )


def _refused(entity: EntityPlan, case: Case) -> Finding:
    fields = ", ".join(change.pointer for change in entity.changes[:_MOST_CHANGES])
    return Finding(
        "name-taken",
        "critical",
        f"{KIND_TITLES[entity.kind]} {entity.name}",
        f"{case.inventory.label} has another {KIND_TITLES[entity.kind]} of this name.",
        evidence=f"differs in {fields}" if fields else "",
        remedy=f"--on-conflict {entity.kind}=overwrite replaces it (kept for undo); "
        f"--on-conflict {entity.kind}=rename uses another name.",
    )


def _in_use(entity: EntityPlan, case: Case) -> Iterator[Finding]:
    count = case.inventory.desired_by.get(entity.name, 0)
    if count:
        yield Finding(
            "configuration-in-use",
            "warning",
            f"CFS configuration {entity.name}",
            "Overwriting it makes CFS configure nodes anew at once.",
            evidence=f"{count} components of {case.inventory.label} want it",
            remedy="--on-conflict configuration=rename leaves them alone.",
        )
