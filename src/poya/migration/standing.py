# SPDX-License-Identifier: Apache-2.0
"""How a run stands: what is done, what failed and why, what was not tried, what to type. Pure.

A run that stopped part-way is a state like any other, not an accident that nobody knows of.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, TypeAlias

import msgspec

from poya.journal import Step
from poya.migration.moving import artifact_step
from poya.model.plan import EntityPlan, ImagePlan, Plan

ItemState: TypeAlias = Literal["done", "failed", "begun", "not tried", "undone", "was there"]
Phase: TypeAlias = Literal["running", "interrupted", "stopped", "done", "part undone", "undone"]

_ITEM_STATES: Mapping[str, ItemState] = {
    "intent": "begun",
    "done": "done",
    "failed": "failed",
    "undone": "undone",
}


class Item(msgspec.Struct, frozen=True):
    """One planned step.

    Attributes:
        step: Its id in the journal.
        title: What it does, in words.
        error: Why it failed; empty otherwise.
        ended: When it got to this state, RFC 3339; empty if it never did.
    """

    step: str
    title: str
    state: ItemState
    error: str = ""
    ended: str = ""


class Standing(msgspec.Struct, frozen=True):
    """How a run stands.

    Attributes:
        because: Why it stopped; empty if it did not.
        items: Every planned step in the order of doing.
        next: What can be typed now, each with what it does.
        is_regrouping: It changes who is in groups of one site, and moves no vCluster.
    """

    run: str
    phase: Phase
    because: str
    items: tuple[Item, ...]
    next: tuple[tuple[str, str], ...]
    is_regrouping: bool = False

    def count(self, state: ItemState) -> int:
        """How many steps are in a state."""
        return sum(item.state == state for item in self.items)


def standing_of(
    plan: Plan, facts: Mapping[str, str], steps: Sequence[Step], *, is_held: bool
) -> Standing:
    """Sum up a run.

    Args:
        is_held: Whether a process works on it now.
    """
    known = {step.id: step for step in steps}
    to_carry = is_to_be_carried(facts)
    phase = _phase("stopped" if to_carry else facts.get("state", ""), is_held=is_held)
    stopped = phase in ("stopped", "part undone")
    return Standing(
        run=facts["run"],
        phase=phase,
        because=_because(facts, to_carry=to_carry) if stopped else "",
        items=tuple(_item(step, title, known.get(step)) for step, title in planned_steps(plan)),
        next=tuple(_next(phase, facts["run"])),
        is_regrouping=plan.is_regrouping,
    )


def is_to_be_carried(facts: Mapping[str, str]) -> bool:
    """Whether a bundle is made, and not yet where it is to go (a tar, a stream, a store)."""
    return facts.get("state") == "applied" and facts.get("carried", "yes") != "yes"


def _because(facts: Mapping[str, str], *, to_carry: bool) -> str:
    if to_carry:
        return f"The bundle is made; it is not yet carried to {facts.get('target_label', '')}."
    return facts.get("stopped_because", "")


def planned_steps(plan: Plan) -> Iterator[tuple[str, str]]:
    """Every step of a plan and its title, in the order of doing; reused ones have no id."""
    images = plan.images
    created = [image for image in images if image.action == "create"]
    yield from (("", f"IMS image {i.name}") for i in images if i.action == "reuse")
    yield from ((f"image/{i.source_id}/create", f"register IMS image {i.name}") for i in created)
    for image in created:
        yield from _artifacts(image)
    for image in created:
        prefix = f"image/{image.source_id}"
        yield f"{prefix}/manifest", f"publish the manifest of {image.name}"
        yield f"{prefix}/link", f"link IMS image {image.name}"
    yield from (_entity(entity) for entity in plan.entities)


def _artifacts(image: ImagePlan) -> Iterator[tuple[str, str]]:
    for artifact in image.artifacts:
        yield artifact_step(image, artifact.name), f"bring {image.name}/{artifact.name}"


def _entity(entity: EntityPlan) -> tuple[str, str]:
    if entity.action == "reuse":
        return "", str(entity.ref)
    return entity.step, f"write {entity.ref}"


def _item(step: str, title: str, known: Step | None) -> Item:
    if not step:
        return Item("", title, "was there")
    if known is None:
        return Item(step, title, "not tried")
    return Item(step, title, _ITEM_STATES[known.state], known.error, known.ended or "")


def _phase(state: str, *, is_held: bool) -> Phase:
    if is_held:
        return "running"
    if state in ("applied", "undone"):
        return "done" if state == "applied" else "undone"
    if state == "undoing":
        return "part undone"
    return "stopped" if state == "stopped" else "interrupted"


def _next(phase: Phase, run: str) -> Iterator[tuple[str, str]]:
    if phase == "running":
        yield f"poya migrate watch {run}", "follows it"
        yield f"poya migrate cancel {run}", "stops it where it can be resumed"
    if phase in ("interrupted", "stopped"):
        yield f"poya migrate resume {run}", "goes on where it stopped"
    if phase == "done":
        yield f"poya migrate verify {run}", "reads everything back again"
        yield f"poya migrate receipt {run}", "shows the signed record of it"
    if phase in ("interrupted", "stopped", "done"):
        yield f"poya migrate undo {run}", "takes back what was written"
    if phase == "part undone":
        yield f"poya migrate undo {run}", "takes back the rest"
