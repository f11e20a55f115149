# SPDX-License-Identifier: Apache-2.0
"""Carry out a plan: bytes, manifest, link, group, configuration, template, validated.

Nothing visible refers to anything unverified: a link is set once its manifest and artifacts are
read back, a template is written once all that it names stands. Every step looks at the target
before it acts, so a run that was killed anywhere is carried on by running this again:

* died before a write: the target is as the plan expected, the write is made;
* died after it, before the journal knew: the target is already as planned, and that is recorded;
* died during a transfer: parts that arrived are kept, their upload's id is in the journal.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any

from poya.documents import Document
from poya.errors import (
    Cancelled,
    Locked,
    PoyaError,
    StalePlan,
    StoppedPartWay,
    VerificationFailed,
)
from poya.journal import Journal, Step
from poya.migration.claiming import claimed, is_claimed
from poya.migration.events import Listener, StepFinished, StepStarted
from poya.migration.halfway import is_between
from poya.migration.moving import Mover, artifact_step
from poya.migration.publishing import PlacedArtifact, bound_body, manifest_for
from poya.model.plan import EntityPlan, ImagePlan, Plan
from poya.model.run import CONTENT_KEY, RUN_KEY, SOURCE_KEY
from poya.planning.canonical import are_equal, canonical_digest
from poya.planning.diff import changes
from poya.sites.base import NewImage, Published, Target


class Applier:
    """Walks one plan, step by step, at most once each."""

    def __init__(
        self, run: str, plan: Plan, target: Target, journal: Journal, listener: Listener
    ) -> None:
        self._run = run
        self._plan = plan
        self._target = target
        self._journal = journal
        self._tell = listener

    async def apply(self, mover: Mover) -> None:
        """Do all that is not done yet.

        Raises:
            StalePlan: The target changed since the plan was made; nothing more was written.
            StoppedPartWay: A step failed; what was done is in the journal, the cause is chained.
        """
        try:
            self._journal.set_fact("state", "applying")
            await self._refuse_if_stale()
            async with self._claimed():
                await self._walk(mover)
            self._journal.set_fact("state", "applied")
        except Locked as error:
            # Where this process was evicted, the journal is another's, and takes nothing from it.
            note_stop(self._journal, error.what)
            raise
        except (StalePlan, Cancelled) as error:
            note_stop(self._journal, error.what)
            raise self._with_way_on(error) from error
        except (PoyaError, OSError) as error:
            stopped = self._stopped(error)
            note_stop(self._journal, stopped.what)
            raise stopped from error

    async def _walk(self, mover: Mover) -> None:
        for image in self._new_images():
            step = f"image/{image.source_id}/create"
            await self._step(step, _title(image, "register"), partial(self._create, image))
        await mover.move(self._new_images(), self._target_ids())
        for image in self._new_images():
            await self._publish(image)
        for entity in self._plan.entities:
            await self._entity(entity)

    def _claimed(self) -> AbstractAsyncContextManager[None]:
        """The claim on the vCluster, where there is anything left to write."""
        steps = [f"image/{image.source_id}/link" for image in self._new_images()]
        steps += [e.step for e in self._plan.entities if e.action != "reuse"]
        is_done = all(self._journal.is_done(step) for step in steps)
        if is_done and not is_claimed(self._journal):
            return contextlib.nullcontext()
        return claimed(self._target, self._run, self._plan.vcluster, self._journal)

    def published(self) -> dict[str, Published]:
        """Every image as it stands at the target, by source id; those not there yet are absent."""
        return published_images(self._plan, self._journal)

    # Images

    def _new_images(self) -> list[ImagePlan]:
        return [image for image in self._plan.images if image.action == "create"]

    def _target_ids(self) -> dict[str, str]:
        return {i.source_id: target_id(self._journal, i) for i in self._new_images()}

    async def _create(self, image: ImagePlan) -> Mapping[str, Any]:
        step = f"image/{image.source_id}/create"
        new = self._new_image(image)
        earlier = self._journal.step(step)
        if earlier is None:
            known = await self._target.unlinked_namesakes(image.name)
            self._journal.intend(step, note={"known": sorted(known)})
        else:
            known = frozenset(earlier.outcome.get("known", ()))
        # Looked for even the first time: that a row is missing proves nothing about the target.
        found = await self._target.find_image(new, known)
        return {"id": found or await self._target.create_image(new), "known": sorted(known)}

    async def _publish(self, image: ImagePlan) -> None:
        image_id = target_id(self._journal, image)
        placed = [
            PlacedArtifact(
                path=self._target.artifact_path(image_id, artifact.name),
                etag=str(outcome["etag"]),
                md5=str(outcome["md5"]),
            )
            for artifact in image.artifacts
            for outcome in [self._journal.outcome(artifact_step(image, artifact.name))]
        ]
        body = (
            image.source_manifest.encode("utf-8", "surrogateescape")
            if self._plan.verbatim
            else manifest_for(image, placed)
        )

        async def publish() -> Mapping[str, Any]:
            published = await self._target.publish_manifest(image_id, body)
            return {"path": published.path, "etag": published.etag}

        async def link() -> Mapping[str, Any]:
            outcome = self._journal.outcome(f"image/{image.source_id}/manifest")
            published = Published(outcome["path"], outcome["etag"])
            await self._target.link_image(image_id, self._new_image(image), published)
            return outcome

        prefix = f"image/{image.source_id}"
        await self._step(f"{prefix}/manifest", _title(image, "publish the manifest of"), publish)
        await self._step(f"{prefix}/link", _title(image, "link"), link)

    def _new_image(self, image: ImagePlan) -> NewImage:
        marks = {RUN_KEY: self._run, SOURCE_KEY: image.source_id, CONTENT_KEY: image.content}
        return NewImage(
            source_id=image.source_id,
            name=image.name,
            arch=image.arch,
            metadata={**image.metadata, **marks},
            run=self._run,
            source_document=Document(image.source_record.encode("utf-8", "surrogateescape")),
        )

    # Groups, configurations, templates

    async def _entity(self, entity: EntityPlan) -> None:
        if entity.action == "reuse" or self._journal.is_done(entity.step):
            return
        self._tell(StepStarted(entity.step, f"write {entity.ref}"))
        body = bound_body(entity, self.published())
        try:
            wrote = await self._write(entity, body)
            stored = await self._read_back(entity, body)
        except PoyaError as error:
            self._journal.failed(entity.step, error.what)
            raise
        self._journal.done(entity.step, {"made": wrote, "canonical": self._digest(entity, stored)})
        title = f"write {entity.ref}"
        self._tell(StepFinished(entity.step, title, "done" if wrote else "already"))

    async def _write(self, entity: EntityPlan, body: Document) -> bool:
        """Write unless it is so already; answers whether this run made it so."""
        present = await self._target.read(entity.ref)
        earlier = self._journal.step(entity.step)
        if present is not None and are_equal(entity.kind, present.value, body.value):
            return earlier is not None
        is_as_planned = self._digest(entity, present) == entity.expected
        if not is_as_planned and not self._is_ours_half_way(entity, earlier, present, body):
            raise self._stale(entity)
        pre_image = present.raw if present else None
        self._journal.intend(entity.step, pre_image=pre_image)
        await self._target.write(entity.ref, body, present)
        return True

    def _is_ours_half_way(
        self, entity: EntityPlan, earlier: Step | None, present: Document | None, body: Document
    ) -> bool:
        before = self._journal.pre_image(earlier) if earlier is not None else None
        if before is None or present is None:
            return False
        return is_between(entity.kind, present.value, Document(before).value, body.value)

    async def _read_back(self, entity: EntityPlan, body: Document) -> Document:
        stored = await self._target.read(entity.ref)
        if stored is None or not are_equal(entity.kind, stored.value, body.value):
            differing = changes(body.value, stored.value if stored else None)
            raise VerificationFailed(
                f"{entity.ref} was written to {self._target.label} and reads back differently.",
                why="; ".join(f"{c.pointer}: {c.before} → {c.after}" for c in differing[:4]),
                todo="Somebody else may be writing there. Undo the run, or look and run it again.",
            )
        return stored

    # Staleness, steps

    async def _refuse_if_stale(self) -> None:
        for entity in self._plan.entities:
            if self._journal.step(entity.step) is not None:
                continue
            present = await self._target.read(entity.ref)
            if self._digest(entity, present) == entity.expected:
                continue
            if entity.action == "reuse" and present is not None:
                is_equal = are_equal(entity.kind, present.value, entity.body)
                if is_equal:
                    continue
            raise self._stale(entity)

    def _digest(self, entity: EntityPlan, present: Document | None) -> str:
        return canonical_digest(entity.kind, present.value) if present else ""

    def _stale(self, entity: EntityPlan) -> StalePlan:
        before = "was not there" if not entity.expected else "was something else"
        return StalePlan(
            f"{entity.ref} at {self._target.label} changed since the plan was made.",
            why=f"When the plan was made it {before}.",
            todo="Make the plan anew; what this run wrote stays until it is undone.",
        )

    async def _step(
        self, step: str, title: str, act: Callable[[], Awaitable[Mapping[str, Any]]]
    ) -> None:
        if self._journal.is_done(step):
            return
        self._tell(StepStarted(step, title))
        if not step.endswith("/create"):
            self._journal.intend(step)
        try:
            outcome = await act()
        except PoyaError as error:
            self._journal.failed(step, error.what)
            raise
        self._journal.done(step, outcome)
        self._tell(StepFinished(step, title, "done"))

    def _stopped(self, error: PoyaError | OSError) -> StoppedPartWay:
        what = error.what if isinstance(error, PoyaError) else str(error)
        why = error.why if isinstance(error, PoyaError) else ""
        hint = error.todo if isinstance(error, PoyaError) else ""
        return StoppedPartWay(
            f"The run {self._run} stopped part-way: {what}",
            why=why,
            todo=f"{hint}\n{self._way_on()}".strip(),
        )

    def _with_way_on(self, error: StalePlan | Cancelled) -> PoyaError:
        todo = f"{error.todo}\n{self._way_on()}".strip()
        return type(error)(error.what, why=error.why, todo=todo)

    def _way_on(self) -> str:
        return (
            f"'poya migrate resume {self._run}' goes on where it stopped; "
            f"'poya migrate undo {self._run}' takes back what was written."
        )


def note_stop(journal: Journal, reason: str) -> None:
    """Record that the run stopped, and why; a journal that cannot be written any more says so by
    the error that is on its way already.
    """
    with contextlib.suppress(PoyaError):
        journal.set_fact("stopped_because", reason)
        journal.set_fact("state", "stopped")


def target_id(journal: Journal, image: ImagePlan) -> str:
    """The image's id at the target; it must be there or created."""
    if image.action == "reuse":
        return image.target_id
    return str(journal.outcome(f"image/{image.source_id}/create")["id"])


def published_images(plan: Plan, journal: Journal) -> dict[str, Published]:
    """Every image of the plan that stands at the target, by source id."""
    published: dict[str, Published] = {}
    for image in plan.images:
        step = f"image/{image.source_id}/manifest"
        if image.action == "reuse":
            published[image.source_id] = Published(image.target_path, image.target_etag)
        elif journal.is_done(step):
            outcome = journal.outcome(step)
            published[image.source_id] = Published(outcome["path"], outcome["etag"])
    return published


def _title(image: ImagePlan, verb: str) -> str:
    return f"{verb} image {image.name}"
