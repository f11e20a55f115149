# SPDX-License-Identifier: Apache-2.0
"""What a run achieved, as a value; the summary and its JSON are made of it."""

from __future__ import annotations

from typing import Any

import msgspec

from poya.journal import Journal
from poya.migration.applying import target_id
from poya.migration.moving import artifact_step
from poya.migration.verifying import Verification
from poya.model.plan import EntityPlan, Plan


class ImageReport(msgspec.Struct, frozen=True):
    """One image as it stands at the target."""

    name: str
    source_id: str
    target_id: str
    action: str
    files: int
    size_bytes: int


class EntityReport(msgspec.Struct, frozen=True):
    """One group, configuration or template as it stands at the target.

    Attributes:
        members: How many nodes a group has; None for other kinds.
    """

    kind: str
    name: str
    action: str
    members: int | None = None
    edits: tuple[str, ...] = ()


class Report(msgspec.Struct, frozen=True):
    """The whole run.

    Attributes:
        moved_bytes: Payload that went over the wire in this attempt and earlier ones.
        saved_bytes: Payload that did not have to.
        answers: The target's own judgement of each template.
        is_regrouping: It changed who is in groups of one site, and moved no vCluster.
    """

    run: str
    vcluster: str
    source: str
    target: str
    images: tuple[ImageReport, ...]
    entities: tuple[EntityReport, ...]
    moved_bytes: int
    saved_bytes: int
    elapsed_s: float
    checked: int
    answers: dict[str, str]
    accepted: tuple[str, ...] = ()
    is_regrouping: bool = False

    def as_json(self) -> dict[str, Any]:
        """The report as JSON's own types."""
        converted = msgspec.to_builtins(self)
        assert isinstance(converted, dict)
        return converted


def make_report(
    run: str, plan: Plan, journal: Journal, verification: Verification, elapsed_s: float
) -> Report:
    """Sum up a run from its plan, its journal and its verification."""
    images = tuple(
        ImageReport(
            name=image.name,
            source_id=image.source_id,
            target_id=target_id(journal, image),
            action=image.action,
            files=len(image.artifacts),
            size_bytes=image.size_bytes,
        )
        for image in plan.images
    )
    entities = tuple(
        EntityReport(e.kind, e.name, e.action, _members(e), e.edits) for e in plan.entities
    )
    moved = sum(_moved_bytes(plan, journal))
    total = plan.bytes_to_move + plan.bytes_there
    return Report(
        run=run,
        vcluster=plan.vcluster,
        source=plan.source,
        target=plan.target,
        images=images,
        entities=entities,
        moved_bytes=moved,
        saved_bytes=max(0, total - moved),
        elapsed_s=elapsed_s,
        checked=verification.checked,
        answers=dict(verification.answers),
        accepted=tuple(f.id for f in plan.warnings()),
        is_regrouping=plan.is_regrouping,
    )


def _members(entity: EntityPlan) -> int | None:
    members = entity.body.get("members") if entity.kind == "group" else None
    ids = members.get("ids") if isinstance(members, dict) else None
    return len(ids) if isinstance(ids, list) else None


def _moved_bytes(plan: Plan, journal: Journal) -> list[int]:
    steps = [artifact_step(i, a.name) for i in plan.images for a in i.artifacts]
    return [int(journal.outcome(s)["moved_bytes"]) for s in steps if journal.is_done(s)]
