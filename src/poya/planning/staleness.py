# SPDX-License-Identifier: Apache-2.0
"""What moved between a saved plan and the plan that would be made now.

The plan says from what it was made (`selector`, `intent`), so it can be made again; whatever
differs then has moved since, at the source or at the target.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import msgspec
from msgspec.structs import replace

from poya.documents import Json
from poya.model.plan import EntityPlan, ImagePlan, Plan
from poya.planning.diff import changes

_MOST_FIELDS = 3


@dataclass(frozen=True, slots=True)
class Moved:
    """One thing that is no longer what a plan was made from."""

    subject: str
    message: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.message}"


def what_moved(saved: Plan, fresh: Plan) -> tuple[Moved, ...]:
    """Everything that differs; empty if the saved plan still holds.

    Findings that went away do not count, nor do those that only inform. Of secrets, which a saved
    plan does not tell, it is said that they changed.
    """
    saved, fresh = saved.sealed(), fresh.sealed()
    moved = (
        *_releases(saved, fresh),
        *_images(saved, fresh),
        *_entities(saved, fresh),
        *_secrets(saved, fresh),
        *_findings(saved, fresh),
    )
    return moved or tuple(_anything_else(saved, fresh))


def _releases(saved: Plan, fresh: Plan) -> Iterator[Moved]:
    for site, before, after in (
        (saved.source, saved.source_release, fresh.source_release),
        (saved.target, saved.target_release, fresh.target_release),
    ):
        if before != after:
            yield Moved(site, f"was {before}, is {after} now")


def _images(saved: Plan, fresh: Plan) -> Iterator[Moved]:
    before = {image.source_id: _without_twins(image) for image in saved.images}
    after = {image.source_id: _without_twins(image) for image in fresh.images}
    for image_id in sorted(before.keys() | after.keys()):
        old, new = before.get(image_id), after.get(image_id)
        if old is None or new is None:
            name = old.name if old else new.name if new else ""
            yield _only_once(f"IMS image {name}", saved, is_new=old is None)
        elif old != new:
            yield Moved(f"IMS image {old.name}", _image_change(old, new, saved))


def _without_twins(image: ImagePlan) -> ImagePlan:
    """Where else the target holds a file is no part of what is planned, only a shorter way to it.

    A whole survey knows of more such places than one made for a single plan.
    """
    artifacts = tuple(replace(artifact, twin=None) for artifact in image.artifacts)
    return replace(image, artifacts=artifacts)


def _image_change(old: ImagePlan, new: ImagePlan, plan: Plan) -> str:
    if old.artifacts != new.artifacts or old.content != new.content:
        return f"its files at {plan.source} changed"
    if old.target_id != new.target_id:
        was = f"was there as {old.target_id}" if old.target_id else "was not there"
        is_now = f"is there as {new.target_id} now" if new.target_id else "is not there any more"
        return f"{was} at {plan.target}, {is_now}"
    if old.action != new.action:
        return f"another image of its name appeared at, or went from, {plan.target}"
    return _fields(_plain(old), _plain(new))


def _entities(saved: Plan, fresh: Plan) -> Iterator[Moved]:
    before = {(e.kind, e.source_name): e for e in saved.entities}
    after = {(e.kind, e.source_name): e for e in fresh.entities}
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key), after.get(key)
        if old is None or new is None:
            ref = old.ref if old else new.ref if new else ""
            yield _only_once(f"{ref}", saved, is_new=old is None)
        elif old != new:
            yield Moved(str(old.ref), _entity_change(old, new, saved))


def _entity_change(old: EntityPlan, new: EntityPlan, plan: Plan) -> str:
    if old.expected != new.expected:
        if not old.expected:
            return f"appeared at {plan.target}"
        if not new.expected:
            return f"is gone from {plan.target}"
        return f"changed at {plan.target}"
    if old.body != new.body:
        return f"changed at {plan.source}: {_fields(old.body, new.body)}"
    return _fields(_plain(old), _plain(new))


def _secrets(saved: Plan, fresh: Plan) -> Iterator[Moved]:
    """The secrets that the fresh plan does not have, by what they belong to."""
    known = {withheld.digest for withheld in fresh.withheld}
    for withheld in saved.withheld:
        if withheld.digest not in known:
            subject, place = _owner(withheld.pointer, saved)
            yield Moved(subject, f"a secret of it changed, or is gone, at {saved.source}: {place}")


def _owner(pointer: str, plan: Plan) -> tuple[str, str]:
    """What a pointer into a plan is about, and the place within that."""
    _, part, *rest = pointer.split("/")
    if part == "entities":
        return str(plan.entities[int(rest[0])].ref), "/".join(["", *rest[2:]])
    if part == "images":
        return f"IMS image {plan.images[int(rest[0])].name}", "/".join(["", *rest[1:]])
    return f"vCluster {plan.vcluster}", pointer


def _only_once(subject: str, plan: Plan, *, is_new: bool) -> Moved:
    what = "belongs to the vCluster now" if is_new else "does not belong to the vCluster any more"
    return Moved(subject, f"{what} at {plan.source}")


def _findings(saved: Plan, fresh: Plan) -> Iterator[Moved]:
    known = {(f.id, f.subject, f.severity) for f in saved.findings}
    for finding in fresh.findings:
        key = (finding.id, finding.subject, finding.severity)
        if finding.severity != "info" and key not in known:
            yield Moved(finding.subject, f"new finding {finding.id}: {finding.message}")


def _anything_else(saved: Plan, fresh: Plan) -> Iterator[Moved]:
    """What has no words of its own here."""
    one, other = _plain(saved), _plain(fresh)
    for value in (one, other):
        for key in ("findings", "predicted", "steps", "rights", "images"):
            value.pop(key, None)
    if one != other:
        yield Moved(f"vCluster {saved.vcluster}", _fields(one, other))


def _plain(value: Plan | EntityPlan | ImagePlan) -> dict[str, Json]:
    plain: dict[str, Json] = json.loads(msgspec.json.encode(value))
    return plain


def _fields(before: Mapping[str, Json], after: Mapping[str, Json]) -> str:
    found = changes(dict(before), dict(after))
    shown = [
        f"{c.pointer} {c.before or '(absent)'} → {c.after or '(gone)'}"
        for c in found[:_MOST_FIELDS]
    ]
    more = len(found) - len(shown)
    return "; ".join([*shown, *([f"and {more} fields more"] if more > 0 else [])])
