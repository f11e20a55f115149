# SPDX-License-Identifier: Apache-2.0
"""Make the receipt of a run from its plan and journal."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from poya import __version__
from poya.journal import Journal, Step
from poya.migration.applying import published_images
from poya.migration.carrying import Run
from poya.migration.moving import artifact_step
from poya.model.plan import ArtifactPlan, EntityPlan, ImagePlan
from poya.receipts import (
    ArtifactRecord,
    EntityRecord,
    ImageRecord,
    LogRecord,
    Receipt,
    RecordState,
    RunEnd,
)

_ENDS: Mapping[str, RunEnd] = {
    "applied": "applied",
    "stopped": "stopped",
    "undoing": "part undone",
    "undone": "undone",
}


def receipt_of(run: Run) -> Receipt:
    """What a run did so far, unsigned; nobody may be at work on it meanwhile."""
    facts, plan = run.journal.facts(), run.plan
    return Receipt(
        run=run.id,
        vcluster=plan.vcluster,
        source=plan.source,
        target=plan.target,
        operator=facts.get("operator", ""),
        tool=f"poya {__version__}",
        started=facts.get("started", ""),
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        state=_ENDS.get(facts.get("state", ""), "interrupted"),
        plan_digest=facts.get("plan_digest", ""),
        accepted=tuple(finding.id for finding in plan.warnings()),
        images=tuple(_image(run, image) for image in plan.images),
        entities=tuple(_entity(run.journal, entity) for entity in plan.entities),
        log=tuple(LogRecord(**entry.as_json()) for entry in run.journal.log()),
    )


def _image(run: Run, image: ImagePlan) -> ImageRecord:
    published = published_images(run.plan, run.journal).get(image.source_id)
    return ImageRecord(
        name=image.name,
        action=image.action,
        source_id=image.source_id,
        target_id=_target_id(run.journal, image),
        content=image.content,
        manifest_path=published.path if published else "",
        manifest_etag=published.etag if published else "",
        artifacts=tuple(_artifact(run.journal, image, a) for a in image.artifacts),
        state=_image_state(run.journal, image),
    )


def _target_id(journal: Journal, image: ImagePlan) -> str:
    """Its id at the target as far as the journal knows it."""
    if image.action == "reuse":
        return image.target_id
    step = journal.step(f"image/{image.source_id}/create")
    return str(step.outcome.get("id", "")) if step is not None else ""


def _image_state(journal: Journal, image: ImagePlan) -> RecordState:
    if image.action == "reuse":
        return "was there"
    step = journal.step(f"image/{image.source_id}/create")
    if step is None:
        return "not tried"
    if step.state == "undone":
        return "taken back"
    return "written" if journal.is_done(f"image/{image.source_id}/link") else "unsettled"


def _artifact(journal: Journal, image: ImagePlan, artifact: ArtifactPlan) -> ArtifactRecord:
    step = journal.step(artifact_step(image, artifact.name))
    outcome: Mapping[str, Any] = step.outcome if step is not None else {}
    return ArtifactRecord(
        name=artifact.name,
        size_bytes=artifact.size_bytes,
        md5=str(outcome.get("md5") or artifact.md5),
        source_etag=artifact.etag,
        target_etag=str(outcome.get("etag", artifact.etag)),
        moved_bytes=int(outcome.get("moved_bytes", 0)),
        proof=str(outcome.get("proof", "")),
    )


def _entity(journal: Journal, entity: EntityPlan) -> EntityRecord:
    step = journal.step(entity.step)
    read_back = str(step.outcome.get("canonical", "")) if step is not None else ""
    return EntityRecord(
        kind=entity.kind,
        name=entity.name,
        action=entity.action,
        before=entity.expected,
        after=read_back or entity.expected,
        tenant=entity.tenant,
        state=_entity_state(entity, step),
    )


def _entity_state(entity: EntityPlan, step: Step | None) -> RecordState:
    if entity.action == "reuse":
        return "was there"
    if step is None:
        return "not tried"
    if step.state == "done":
        return "written" if step.outcome.get("made", True) else "was there"
    return "taken back" if step.state == "undone" else "unsettled"
