# SPDX-License-Identifier: Apache-2.0
"""Derive from a receipt what a target must hold now, and read whether it does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import msgspec

from poya.concurrency import together
from poya.migration.verifying import Mismatch
from poya.model.image import Image
from poya.model.records import EntityRef, Kind
from poya.planning.canonical import canonical_digest
from poya.receipts import EntityRecord, ImageRecord, Receipt, RecordState
from poya.sites.base import Target

_KINDS: Mapping[str, Kind] = {
    "group": "group",
    "configuration": "configuration",
    "template": "template",
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """A receipt beside its target.

    Attributes:
        compared: How many images, files and records were read.
        unsettled: What was under way when the run stopped, so that nothing is certified of it.
        mismatches: What is not as certified.
    """

    compared: int
    unsettled: tuple[str, ...]
    mismatches: tuple[Mismatch, ...]


async def compare_with_target(receipt: Receipt, target: Target) -> Comparison:
    """Compare all that the receipt certifies with what the target holds now."""
    records: list[ImageRecord | EntityRecord] = [*receipt.images, *receipt.entities]
    unsettled = [r for r in records if state_of(receipt, r) == "unsettled"]
    images = [i for i in receipt.images if i not in unsettled]
    entities = [e for e in receipt.entities if e not in unsettled]
    found = [
        *await together(_image_mismatches(receipt, image, target) for image in images),
        *await together(_entity_mismatches(receipt, entity, target) for entity in entities),
    ]
    return Comparison(
        compared=sum(1 + len(image.artifacts) for image in images) + len(entities),
        unsettled=tuple(_subject(record) for record in unsettled),
        mismatches=tuple(mismatch for some in found for mismatch in some),
    )


def state_of(receipt: Receipt, record: ImageRecord | EntityRecord) -> RecordState:
    """What the run left of something; of version 1, which did not say, as its run ended."""
    if record.state is not msgspec.UNSET:
        return record.state
    if receipt.state == "undone" and record.action != "reuse":
        return "taken back"
    return "was there" if record.action == "reuse" else "written"


def _subject(record: ImageRecord | EntityRecord) -> str:
    if isinstance(record, ImageRecord):
        return f"IMS image {record.name} ({record.target_id or 'without an id yet'})"
    kind = _KINDS.get(record.kind)
    return str(EntityRef(kind, record.name)) if kind else f"{record.kind} {record.name}"


async def _image_mismatches(
    receipt: Receipt, image: ImageRecord, target: Target
) -> list[Mismatch]:
    state, subject = state_of(receipt, image), _subject(image)
    stored = await target.read_image(image.target_id) if image.target_id else None
    if state in ("taken back", "not tried"):
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
    kind, subject = _KINDS.get(entity.kind), _subject(entity)
    if kind is None:
        return [Mismatch(subject, f"is of the kind {entity.kind}, which poya does not know")]
    tenant = "" if entity.tenant is msgspec.UNSET else entity.tenant
    stored = await target.read(EntityRef(kind, entity.name, tenant))
    digest = canonical_digest(kind, stored.value) if stored is not None else ""
    is_before = state_of(receipt, entity) in ("taken back", "not tried")
    wanted = entity.before if is_before else entity.after
    if digest == wanted:
        return []
    if not digest:
        return [Mismatch(subject, "does not exist at the target")]
    return [Mismatch(subject, "is not what was certified" if wanted else "is there again")]
