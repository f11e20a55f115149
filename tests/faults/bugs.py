"""Twenty known bugs, each a wiring that has it, and the rows that should catch it.

Every one of them has been made by somebody: by the tools that operators use today, by the systems
that poya learns from, or by an earlier poya.
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self, cast

import msgspec

from faults.fuse import FusedJournal
from faults.network import Template
from faults.rows import (
    Deaths,
    How,
    changed_by_another,
    evicted,
    expired,
    gone_stale,
    killed_resumed_then_undone,
    killed_then_resumed,
    resends_little,
    struck_by,
    synced,
    undone_with_kills,
)
from faults.situations import FRESH, OVERWRITE, Situation
from faults.wiring import Provide, Wiring
from faults.world import World
from poya.documents import Document
from poya.errors import PoyaError, Unreachable
from poya.journal import Upload
from poya.migration import carrying
from poya.migration.applying import Applier
from poya.migration.carrying import Run
from poya.migration.moving import Mover
from poya.migration.undoing import Undoer
from poya.model.records import EntityRef
from poya.model.run import OWN_KEYS
from poya.sites.base import NewImage, Published, Target
from poya.transfer import Credentials


@dataclass(frozen=True)
class Bug:
    """A known bug.

    Attributes:
        wiring: A run that has it.
        caught: Runs the row that should catch it; what it finds.
    """

    name: str
    wiring: Wiring
    caught: Callable[[World, How], list[str]]


class Meddling:
    """A target whose methods a bug replaces."""

    def __init__(self, inner: Target) -> None:
        self.inner: Any = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def meddled(kind: type[Meddling]) -> Wiring:
    return Wiring(target=lambda inner: cast("Target", kind(inner)))


class CreatesBlindly(Meddling):
    async def find_image(self, new: NewImage, known: frozenset[str]) -> str | None:
        return None


class LeavesNoMarks(Meddling):
    async def create_image(self, new: NewImage) -> str:
        bare = {k: v for k, v in new.metadata.items() if k not in OWN_KEYS}
        changed = NewImage(new.source_id, new.name, new.arch, bare, new.run, new.source_document)
        return cast("str", await self.inner.create_image(changed))


class TakesEtagForMd5(Meddling):
    async def publish_manifest(self, image_id: str, body: bytes) -> Published:
        manifest = json.loads(body)
        for artifact in manifest["artifacts"]:
            artifact["md5"] = artifact["link"]["etag"]
        changed = json.dumps(manifest).encode()
        return cast("Published", await self.inner.publish_manifest(image_id, changed))


class WritesShort(Meddling):
    async def publish_manifest(self, image_id: str, body: bytes) -> Published:
        return cast("Published", await self.inner.publish_manifest(image_id, body[:-2]))


class DeletesInOrderToPut(Meddling):
    async def write(self, ref: EntityRef, body: Document, present: Document | None) -> None:
        if present is not None:
            await self.inner.delete(ref)
        await self.inner.write(ref, body, None)


class RepeatsCreation(Meddling):
    async def create_image(self, new: NewImage) -> str:
        try:
            return cast("str", await self.inner.create_image(new))
        except Unreachable:
            return cast("str", await self.inner.create_image(new))


class LeavesUploads(Meddling):
    async def publish_manifest(self, image_id: str, body: bytes) -> Published:
        objects = self.inner._objects
        keep, objects.abort_uploads_below = objects.abort_uploads_below, _do_nothing
        try:
            return cast("Published", await self.inner.publish_manifest(image_id, body))
        finally:
            objects.abort_uploads_below = keep


class DoesNotPurge(Meddling):
    async def delete_image(self, image_id: str) -> None:
        images = self.inner._site.ims.images
        keep, images.purge = images.purge, _do_nothing
        try:
            await self.inner.delete_image(image_id)
        finally:
            images.purge = keep


class LogsTheToken(Meddling):
    async def read(self, ref: EntityRef) -> Document | None:
        token = await self.inner._site.token()
        logging.getLogger("poya.csm").debug("asking with %s", token.reveal())
        return cast("Document | None", await self.inner.read(ref))


async def _do_nothing(*_: object) -> None:
    pass


class RecordsBeforeActing(FusedJournal):
    def intend(self, step_id: str, **details: Any) -> None:
        super().intend(step_id, **details)
        if step_id.startswith(("group/", "configuration/", "template/")):
            self.done(step_id, {"made": True})


class ForgetsPreImages(FusedJournal):
    def intend(self, step_id: str, **details: Any) -> None:
        super().intend(step_id, **{**details, "pre_image": None})


class OverwritesPreImages(FusedJournal):
    def intend(self, step_id: str, **details: Any) -> None:
        super().intend(step_id, **details)
        if "pre_image" in details:
            with self._writing("step", {}):
                values = (details["pre_image"], step_id)
                self._db.execute("UPDATE step SET pre_image = ? WHERE id = ?", values)


class DoesNotSync(FusedJournal):
    @classmethod
    def open(cls, path: Any, *, is_audited: bool = True) -> Self:
        journal = super().open(path)
        journal._db.execute("PRAGMA synchronous=OFF")
        return journal


class LetsTwoIn(FusedJournal):
    def _check_token(self) -> None:
        pass


class ForgetsUploads(FusedJournal):
    def remember_upload(self, place: str, upload: Upload) -> None:
        pass


def keeps_first_credentials(provide: Provide) -> Provide:
    given: list[Credentials] = []

    def first() -> Credentials:
        if not given:
            given.append(provide())
        return given[0]

    return first


async def reports_success(*run: Any) -> None:
    with contextlib.suppress(PoyaError):
        await carrying.carry_out(*run)


async def writes_templates_first(run: Run, *rest: Any) -> Any:
    entities = tuple(sorted(run.plan.entities, key=lambda e: e.kind != "template"))
    plan = msgspec.structs.replace(run.plan, entities=entities)
    return await carrying.carry_out(Run(run.id, plan, run.journal), *rest)


async def ignores_staleness(run: Run, source: Any, target: Any, limits: Any, tell: Any) -> Any:
    class Rash(Applier):
        async def _refuse_if_stale(self) -> None:
            pass

        def _digest(self, entity: Any, present: Any) -> str:
            return str(entity.expected)

    mover = Mover((source, target), run.journal, limits, tell)
    return await Rash(run.id, run.plan, target, run.journal, tell).apply(mover)


async def undoes_all(run: Run, target: Any, tell: Any) -> int:
    class Rash(Undoer):
        def _is_ours(self, *_: Any) -> bool:
            return True

    return await Rash(run.id, run.plan, target, run.journal, tell).undo()


async def undoes_no_images(run: Run, target: Any, tell: Any) -> int:
    plan = msgspec.structs.replace(run.plan, images=())
    return await Undoer(run.id, plan, target, run.journal, tell).undo()


_Row = Callable[..., list[str]]


def by(row: _Row, situation: Situation, at: Any = ()) -> Callable[[World, How], list[str]]:
    """The row, in a situation, at a point."""
    return lambda world, how: row(world, world.scene(situation), at, how)


def by_fault(method: str, path: str, fault: str) -> Callable[[World, How], list[str]]:
    """The row of a request that goes wrong."""
    template = Template("prealps", method, path, 1)
    return lambda world, how: struck_by(world, world.scene(FRESH), template, fault, how)


def at(*labels: str) -> Deaths:
    return labels


_IMAGE = at("after POST /apis/ims/v3/images")
_MEMBER = at("after POST /apis/smd/hsm/v2/groups/NAME/members")
BUGS = (
    Bug(
        "creates without looking", meddled(CreatesBlindly), by(killed_then_resumed, FRESH, _IMAGE)
    ),
    Bug("leaves no marks", meddled(LeavesNoMarks), by(killed_then_resumed, FRESH, _IMAGE)),
    Bug("takes an etag for an md5", meddled(TakesEtagForMd5), by(killed_then_resumed, FRESH)),
    Bug("writes short", meddled(WritesShort), by(killed_then_resumed, FRESH)),
    Bug(
        "deletes in order to put",
        meddled(DeletesInOrderToPut),
        by(killed_then_resumed, OVERWRITE, at("after DELETE /apis/cfs")),
    ),
    Bug(
        "repeats a creation",
        meddled(RepeatsCreation),
        by_fault("POST", "/apis/ims/v3/images", "lost answer"),
    ),
    Bug(
        "leaves uploads open",
        meddled(LeavesUploads),
        by(killed_then_resumed, FRESH, at("after POST /boot-images/ID/rootfs?uploads")),
    ),
    Bug("does not purge", meddled(DoesNotPurge), by(undone_with_kills, FRESH)),
    Bug("logs the token", meddled(LogsTheToken), by(killed_then_resumed, FRESH)),
    Bug(
        "records before it acts",
        Wiring(journal=RecordsBeforeActing),
        by(killed_then_resumed, FRESH, at("before POST /apis/smd/hsm/v2/groups")),
    ),
    Bug("forgets pre-images", Wiring(journal=ForgetsPreImages), by(undone_with_kills, OVERWRITE)),
    Bug(
        "takes a half-way group for the beginning",
        Wiring(journal=OverwritesPreImages),
        by(killed_resumed_then_undone, OVERWRITE, _MEMBER),
    ),
    Bug("does not sync", Wiring(journal=DoesNotSync), by(synced, FRESH)),
    Bug(
        "lets two in",
        Wiring(journal=LetsTwoIn),
        by(evicted, FRESH, "before PATCH /apis/ims/v3/images"),
    ),
    Bug(
        "forgets uploads",
        Wiring(journal=ForgetsUploads),
        by(resends_little, FRESH, at("before PUT /boot-images/ID/rootfs?partNumber=2")),
    ),
    Bug(
        "keeps its first credentials",
        Wiring(provider=keeps_first_credentials),
        by(expired, FRESH, "before PUT /boot-images/ID/rootfs?partNumber=2"),
    ),
    Bug(
        "reports success whatever happened",
        Wiring(carry=reports_success),
        by_fault("PUT", "/apis/bos/v2/sessiontemplates/*", "500 for good"),
    ),
    Bug(
        "writes templates before what they name",
        Wiring(carry=writes_templates_first),
        by(killed_then_resumed, FRESH, at("after PUT /apis/bos")),
    ),
    Bug(
        "ignores that a plan is stale", Wiring(carry=ignores_staleness), by(gone_stale, OVERWRITE)
    ),
    Bug("undoes others' work", Wiring(take_back=undoes_all), by(changed_by_another, OVERWRITE)),
    Bug(
        "forgets to undo images", Wiring(take_back=undoes_no_images), by(undone_with_kills, FRESH)
    ),
)
