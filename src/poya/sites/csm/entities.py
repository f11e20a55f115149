# SPDX-License-Identifier: Apache-2.0
"""Groups, configurations and templates of a live CSM: read, written, deleted by name."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from typing import Any, TypeAlias

from poya.concurrency import together
from poya.csm import MemberChange, Site, template_body
from poya.documents import Document, JsonObject
from poya.errors import Conflict, NotFound
from poya.model.records import EntityRef, Group
from poya.planning.canonical import canonical_form
from poya.sites.csm.branches import put_configuration

_MemberCall: TypeAlias = Callable[[str, str], Coroutine[Any, Any, MemberChange]]


class Entities:
    """Reads and writes the entities of one site."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def read(self, ref: EntityRef) -> Document | None:
        """The entity as the site holds it now, configurations in the v3 spelling."""
        try:
            if ref.kind == "group":
                return (await self._site.hsm.groups.get(ref.name)).document
            if ref.kind == "configuration":
                return (await self._site.cfs.configurations.get(ref.name)).v3_document
            tenant = ref.tenant or None
            return (await self._site.bos.templates.get(ref.name, tenant=tenant)).document
        except NotFound:
            return None

    async def write(self, ref: EntityRef, body: Document, present: Document | None) -> None:
        """Make the entity what `body` says."""
        if ref.kind == "group":
            await self._write_group(ref.name, body, present)
        elif ref.kind == "configuration":
            await put_configuration(self._site, ref.name, body)
        else:
            await self._site.bos.templates.put(
                ref.name, template_body(body), tenant=ref.tenant or None
            )

    async def delete(self, ref: EntityRef) -> None:
        """Delete the entity; absent is fine."""
        with suppress(NotFound):
            if ref.kind == "group":
                await self._site.hsm.groups.delete(ref.name)
            elif ref.kind == "configuration":
                await self._site.cfs.configurations.delete(ref.name)
            else:
                await self._site.bos.templates.delete(ref.name, tenant=ref.tenant or None)

    async def _write_group(self, label: str, body: Document, present: Document | None) -> None:
        if present is None:
            group = Group.of(body)
            await self._site.hsm.groups.create(
                label,
                members=group.members,
                description=_text(body.value, "description"),
                tags=_texts(body.value, "tags"),
                exclusive_group=group.exclusive_group,
            )
            return
        await self._change_group(label, body, present)

    async def _change_group(self, label: str, body: Document, present: Document) -> None:
        """SMD changes description and tags of a group, and members one at a time."""
        wanted = canonical_form("group", body.value)
        has = canonical_form("group", present.value)
        if wanted["exclusiveGroup"] != has["exclusiveGroup"]:
            raise Conflict(
                f"The exclusive group of HSM group {label} cannot be changed.",
                why=f"It is '{has['exclusiveGroup']}', the plan wants "
                f"'{wanted['exclusiveGroup']}'; HSM fixes it when a group is created.",
                todo="Bring the group under another name: --on-conflict group=rename.",
            )
        new, old = set(Group.of(body).members), set(Group.of(present).members)
        # Added before removed, so that the group is never smaller than it must be.
        await self._each(self._site.hsm.groups.add_member, label, sorted(new - old))
        await self._each(self._site.hsm.groups.remove_member, label, sorted(old - new))
        if (wanted["description"], wanted["tags"]) != (has["description"], has["tags"]):
            await self._site.hsm.groups.update(
                label,
                description=_text(body.value, "description"),
                tags=_texts(body.value, "tags"),
            )

    async def _each(self, change: _MemberCall, label: str, xnames: Iterable[str]) -> None:
        await together(change(label, xname) for xname in xnames)


def _text(value: JsonObject, key: str) -> str:
    return str(value.get(key) or "")


def _texts(value: JsonObject, key: str) -> tuple[str, ...]:
    found = value.get(key)
    return tuple(str(item) for item in found) if isinstance(found, list) else ()
