# SPDX-License-Identifier: Apache-2.0
"""Read everything back from the target and compare it with the plan."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from poya.documents import Document
from poya.journal import Journal
from poya.migration.applying import published_images, target_id
from poya.migration.moving import artifact_step
from poya.migration.publishing import bound_body
from poya.model.image import Artifact, Image
from poya.model.plan import EntityPlan, ImagePlan, Plan
from poya.planning.canonical import are_equal
from poya.planning.diff import changes
from poya.sites.base import Published, Target

VALID = "Valid"
_MOST_CHANGES = 4
# BOS 2.29 and later put a semicolon between findings, earlier ones nothing at all.
_NEXT_FINDING = re.compile(r";|(?=Session template: ')")


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One thing at the target that is not as planned."""

    subject: str
    message: str


@dataclass(frozen=True, slots=True)
class Verification:
    """The outcome of a verification.

    Attributes:
        checked: How many images, artifacts and entities were read back.
        answers: What the target's own validation said of each template.
        mismatches: Empty when the target is as planned.
    """

    checked: int
    answers: Mapping[str, str]
    mismatches: tuple[Mismatch, ...]

    def with_more(self, mismatches: Iterable[Mismatch]) -> Verification:
        """The same with more that differs."""
        return replace(self, mismatches=(*self.mismatches, *mismatches))


class Verifier:
    """Compares a target with a plan and what its run recorded."""

    def __init__(self, plan: Plan, target: Target, journal: Journal) -> None:
        self._plan = plan
        self._target = target
        self._journal = journal
        self._checked = 0

    async def verify(self) -> Verification:
        """Read back and compare; what differs is in the result, not raised."""
        mismatches: list[Mismatch] = []
        answers: dict[str, str] = {}
        published = published_images(self._plan, self._journal)
        for image in self._plan.images:
            mismatches.extend(await self._image(image, published.get(image.source_id)))
        for entity in self._plan.entities:
            mismatches.extend(await self._entity(entity, published))
        for entity in self._plan.of_kind("template"):
            answer = await self._target.validate(entity.name, entity.tenant)
            answers[entity.name] = answer
            mismatches.extend(_judge(entity, answer, self._plan.predicted))
        return Verification(self._checked, answers, tuple(mismatches))

    async def _image(self, image: ImagePlan, published: Published | None) -> list[Mismatch]:
        subject = f"IMS image {image.name}"
        self._checked += 1
        if published is None:
            return [Mismatch(subject, "was not brought to the target")]
        stored = await self._target.read_image(target_id(self._journal, image))
        if stored is None:
            return [Mismatch(subject, "is not registered at the target")]
        found = [*_record(image, stored, published)]
        found.extend(self._artifacts(image, stored))
        return [Mismatch(subject, message) for message in found]

    def _artifacts(self, image: ImagePlan, stored: Image) -> Iterator[str]:
        artifacts = stored.manifest.artifacts if stored.manifest else ()
        if len(artifacts) != len(image.artifacts):
            yield f"its manifest names {len(artifacts)} artifacts, planned {len(image.artifacts)}"
            return
        for planned, found in zip(image.artifacts, artifacts, strict=True):
            self._checked += 1
            etag = planned.etag if image.action == "reuse" else ""
            step = artifact_step(image, planned.name)
            if self._journal.is_done(step):
                etag = str(self._journal.outcome(step)["etag"])
            yield from _artifact(
                planned.name,
                planned.size_bytes,
                planned.md5,
                etag,
                found,
                verbatim=self._plan.verbatim,
            )

    async def _entity(
        self, entity: EntityPlan, published: Mapping[str, Published]
    ) -> list[Mismatch]:
        self._checked += 1
        stored = await self._target.read(entity.ref)
        if stored is None:
            return [Mismatch(str(entity.ref), "does not exist at the target")]
        missing = [b.image for b in entity.bindings if b.image not in published]
        if missing:
            return [Mismatch(str(entity.ref), "refers to an image that was not brought")]
        body: Document = bound_body(entity, published)
        if are_equal(entity.kind, stored.value, body.value):
            return []
        differing = changes(body.value, stored.value)[:_MOST_CHANGES]
        texts = [f"{c.pointer} is {c.after or 'absent'}, planned {c.before}" for c in differing]
        return [Mismatch(str(entity.ref), "; ".join(texts) or "differs from the plan")]


def _record(image: ImagePlan, stored: Image, published: Published) -> Iterator[str]:
    if stored.name != image.name:
        yield f"is called '{stored.name}'"
    if image.arch is not None and stored.arch != image.arch:
        yield f"has the architecture {stored.arch or 'none'}, planned {image.arch}"
    if stored.manifest_path != published.path:
        yield f"is linked to {stored.manifest_path or 'nothing'}, planned {published.path}"
    if published.etag and stored.manifest_etag != published.etag:
        yield f"its manifest has the etag {stored.manifest_etag}, recorded {published.etag}"
    lost = [key for key, value in image.metadata.items() if stored.metadata.get(key) != value]
    if lost and image.action == "create":
        yield f"lacks the metadata {', '.join(lost)}"


def _artifact(
    name: str, size_bytes: int, md5: str, etag: str, found: Artifact, *, verbatim: bool
) -> Iterator[str]:
    if found.size_bytes is None:
        yield f"{name} is not in the object store"
        return
    if found.size_bytes != size_bytes:
        yield f"{name} has {found.size_bytes} bytes, planned {size_bytes}"
    if md5 and found.md5 != md5:
        yield f"{name} has the md5 {found.md5 or 'none'} in the manifest, planned {md5}"
    if etag and found.stored_etag != etag:
        yield f"{name} has the etag {found.stored_etag}, recorded {etag}"
    if not verbatim and found.etag != found.stored_etag:
        yield f"{name}: the manifest says etag {found.etag}, the store {found.stored_etag}"


def _judge(entity: EntityPlan, answer: str, predicted: tuple[str, ...]) -> Iterator[Mismatch]:
    if answer == VALID:
        return
    pieces = [piece.strip() for piece in _NEXT_FINDING.split(answer) if piece.strip()]
    unexpected = [p for p in pieces if not any(text in p for text in predicted)]
    if unexpected or not pieces:
        yield Mismatch(str(entity.ref), f"the target says of it: {'; '.join(unexpected)}")
