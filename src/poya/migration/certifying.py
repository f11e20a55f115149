# SPDX-License-Identifier: Apache-2.0
"""Make the receipt of a run from its plan and journal; compare a receipt with a target."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from poya import __version__
from poya.concurrency import together
from poya.errors import UsageError
from poya.journal import Journal
from poya.migration.applying import published_images, target_id
from poya.migration.carrying import Run
from poya.migration.moving import artifact_step
from poya.migration.verifying import Mismatch
from poya.model.image import Image
from poya.model.plan import ArtifactPlan, EntityPlan, ImagePlan
from poya.model.records import EntityRef, Kind
from poya.planning.canonical import canonical_digest
from poya.receipts import ArtifactRecord, EntityRecord, ImageRecord, LogRecord, Receipt
from poya.sites.base import Target

_CERTIFIED = ("applied", "undone")
_KINDS: Mapping[str, Kind] = {
    "group": "group",
    "configuration": "configuration",
    "template": "template",
}


def receipt_of(run: Run) -> Receipt:
    """What a finished run did, unsigned.

    Raises:
        UsageError: It is not finished.
    """
    facts = run.journal.facts()
    state = facts.get("state", "")
    if state not in _CERTIFIED:
        raise UsageError(
            f"The run {run.id} is not finished; there is nothing to certify yet.",
            todo=f"'poya migrate status {run.id}' says where it stands.",
        )
    plan = run.plan
    return Receipt(
        run=run.id,
        vcluster=plan.vcluster,
        source=plan.source,
        target=plan.target,
        operator=facts.get("operator", ""),
        tool=f"poya {__version__}",
        started=facts.get("started", ""),
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        state=state,
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
    )


def _target_id(journal: Journal, image: ImagePlan) -> str:
    step = journal.step(f"image/{image.source_id}/create")
    if step is not None and step.state == "undone":
        return str(step.outcome.get("id", ""))
    return target_id(journal, image)


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
    )


async def compare_with_target(receipt: Receipt, target: Target) -> list[Mismatch]:
    """Derive from the receipt what the target must hold now, and read whether it does."""
    images = await together(_image_mismatches(receipt, image, target) for image in receipt.images)
    entities = await together(_entity_mismatches(receipt, e, target) for e in receipt.entities)
    return [mismatch for found in (*images, *entities) for mismatch in found]


async def _image_mismatches(
    receipt: Receipt, image: ImageRecord, target: Target
) -> list[Mismatch]:
    subject = f"IMS image {image.name} ({image.target_id})"
    stored = await target.read_image(image.target_id) if image.target_id else None
    if receipt.state == "undone" and image.action == "create":
        return [Mismatch(subject, "is there although it was taken back")] if stored else []
    if stored is None:
        return [Mismatch(subject, "is not registered at the target")]
    return [Mismatch(subject, message) for message in _differences(image, stored)]


def _differences(image: ImageRecord, stored: Image) -> Iterator[str]:
    if (stored.manifest_path, stored.manifest_etag) != (image.manifest_path, image.manifest_etag):
        yield f"has the manifest {stored.manifest_path} with the etag {stored.manifest_etag}"
    artifacts = stored.manifest.artifacts if stored.manifest else ()
    if len(artifacts) != len(image.artifacts):
        yield f"names {len(artifacts)} files, certified {len(image.artifacts)}"
        return
    for certified, artifact in zip(image.artifacts, artifacts, strict=True):
        is_same_size = artifact.size_bytes == certified.size_bytes
        if not is_same_size or artifact.stored_etag != certified.target_etag:
            held = f"{artifact.size_bytes} bytes, etag {artifact.stored_etag or 'none'}"
            yield f"{certified.name} is {held}; certified {certified.target_etag}"


async def _entity_mismatches(
    receipt: Receipt, entity: EntityRecord, target: Target
) -> list[Mismatch]:
    kind = _KINDS.get(entity.kind)
    if kind is None:
        return [Mismatch(entity.name, f"is of the kind {entity.kind}, which poya does not know")]
    ref = EntityRef(kind, entity.name)
    stored = await target.read(ref)
    digest = canonical_digest(kind, stored.value) if stored is not None else ""
    wanted = entity.before if receipt.state == "undone" else entity.after
    if digest == wanted:
        return []
    if not digest:
        return [Mismatch(str(ref), "does not exist at the target")]
    return [Mismatch(str(ref), "is not what was certified" if wanted else "is there again")]
