# SPDX-License-Identifier: Apache-2.0
"""Take back what a run wrote, in reverse order, until the target is what it was.

Every step looks first, so undoing is resumed by undoing again. What somebody else changed since
is not touched: it is named, and the run stays partly undone until that is settled.
"""

from __future__ import annotations

from poya.documents import Document
from poya.errors import (
    AuthenticationError,
    Cancelled,
    Conflict,
    Locked,
    PoyaError,
    StoppedPartWay,
    Unreachable,
)
from poya.journal import Journal, Step
from poya.migration.applying import published_images
from poya.migration.claiming import claimed, is_claimed
from poya.migration.events import Listener, StepFinished, StepStarted
from poya.migration.halfway import is_between
from poya.migration.publishing import bound_body
from poya.model.plan import EntityPlan, ImagePlan, Plan
from poya.model.run import CONTENT_KEY, RUN_KEY, SOURCE_KEY
from poya.planning.canonical import are_equal
from poya.sites.base import NewImage, Target


class Undoer:
    """Undoes one run."""

    def __init__(
        self, run: str, plan: Plan, target: Target, journal: Journal, listener: Listener
    ) -> None:
        self._run = run
        self._plan = plan
        self._target = target
        self._journal = journal
        self._tell = listener

    async def undo(self) -> int:
        """Undo every step that acted; answers how many had an effect to take back.

        Raises:
            StoppedPartWay: Something could not be undone; the rest was. The causes are in `why`.
        """
        self._journal.set_fact("state", "undoing")
        refusals: list[str] = []
        try:
            count = await self._all(refusals)
        except (Unreachable, AuthenticationError) as error:
            raise StoppedPartWay(
                f"The run {self._run} is not undone: {error.what}",
                why=error.why,
                todo=f"{error.todo}\n'poya migrate undo {self._run}' goes on.".strip(),
            ) from error
        if refusals:
            raise StoppedPartWay(
                f"The run {self._run} is undone in part: {len(refusals)} steps were left.",
                why="\n".join(refusals),
                todo=f"Settle these, then 'poya migrate undo {self._run}' again.",
            )
        self._journal.set_fact("state", "undone")
        return count

    async def _all(self, refusals: list[str]) -> int:
        is_left = any(step.state != "undone" for step in self._journal.steps())
        if not is_left and not is_claimed(self._journal):
            return 0
        count = 0
        async with claimed(self._target, self._run, self._plan.vcluster, self._journal):
            for entity in reversed(self._plan.entities):
                title = f"take back {entity.ref}"
                count += await self._guarded(entity.step, title, entity, refusals)
            for image in reversed(self._plan.images):
                step = f"image/{image.source_id}/create"
                count += await self._guarded(step, f"remove image {image.name}", image, refusals)
        return count

    async def _guarded(
        self, step_id: str, title: str, planned: EntityPlan | ImagePlan, refusals: list[str]
    ) -> int:
        step = self._journal.step(step_id)
        if step is None or step.state == "undone" or not step.outcome.get("made", True):
            return 0
        self._tell(StepStarted(step_id, title))
        try:
            if isinstance(planned, EntityPlan):
                await self._entity(planned, step)
            else:
                await self._image(planned, step)
        except (Cancelled, Locked):
            raise
        except PoyaError as error:
            refusals.append(f"{error.what} {error.why}".strip())
            return 0
        self._journal.undone(step_id)
        self._tell(StepFinished(step_id, title, "done"))
        return 1

    async def _entity(self, entity: EntityPlan, step: Step) -> None:
        present = await self._target.read(entity.ref)
        before = self._before(step)
        if _same(entity, present, before):
            return
        if not self._is_ours(entity, present, step):
            raise Conflict(
                f"{entity.ref} at {self._target.label} was changed by somebody else since.",
                why="It is neither what this run wrote nor what was there before.",
            )
        if before is None:
            await self._target.delete(entity.ref)
        else:
            await self._target.write(entity.ref, before, present)
        if not _same(entity, await self._target.read(entity.ref), before):
            raise Conflict(f"{entity.ref} at {self._target.label} did not go back to what it was.")

    def _is_ours(self, entity: EntityPlan, present: Document | None, step: Step) -> bool:
        if present is None:
            return True
        published = published_images(self._plan, self._journal)
        if any(binding.image not in published for binding in entity.bindings):
            return False
        wrote = bound_body(entity, published).value
        if are_equal(entity.kind, present.value, wrote):
            return True
        before = self._before(step)
        return before is not None and is_between(entity.kind, present.value, before.value, wrote)

    def _before(self, step: Step) -> Document | None:
        pre_image = self._journal.pre_image(step)
        return None if pre_image is None else Document(pre_image)

    async def _image(self, image: ImagePlan, step: Step) -> None:
        image_id = str(step.outcome.get("id", ""))
        if not image_id:
            found = await self._lost(image, step)
            if not found:
                return
            # Noted before it is deleted: IMS deletes softly at first, and what is deleted softly
            # is not found by its marks any more.
            image_id = found
            self._journal.observe(step.id, {**step.outcome, "id": image_id})
        users = await self._target.users_of_image(image_id)
        if users:
            raise Conflict(
                f"IMS image {image.name} ({image_id}) is still in use at {self._target.label}.",
                why=f"Used by {', '.join(users[:4])}.",
            )
        await self._target.delete_image(image_id)

    async def _lost(self, image: ImagePlan, step: Step) -> str | None:
        """The id of an image whose creation was never acknowledged, if it was created."""
        marks = {RUN_KEY: self._run, SOURCE_KEY: image.source_id, CONTENT_KEY: image.content}
        new = NewImage(image.source_id, image.name, image.arch, marks, self._run)
        return await self._target.find_image(new, frozenset(step.outcome.get("known", ())))


def _same(entity: EntityPlan, one: Document | None, other: Document | None) -> bool:
    if one is None or other is None:
        return one is other
    return are_equal(entity.kind, one.value, other.value)
