# SPDX-License-Identifier: Apache-2.0
"""Groups of components (SMD, `/groups`): what node groups of boot sets name."""

from __future__ import annotations

import re
from collections.abc import Iterable

from poya.csm.hsm.components import normalise_xname
from poya.csm.hsm.members import MemberChange, Members, add_member, remove_member
from poya.csm.http.calls import params_of, path_of
from poya.csm.http.channel import Channel
from poya.csm.records import Record, record_of, records_of
from poya.documents import JsonObject
from poya.errors import UsageError

_LABEL = re.compile(r"[-a-z0-9:._]+")


class Group(Record, frozen=True, rename="camel"):
    """An HSM group.

    Attributes:
        exclusive_group: Groups that share this word share no member; empty if not exclusive.
    """

    label: str
    description: str = ""
    tags: tuple[str, ...] | None = None
    exclusive_group: str = ""
    members: Members = Members()

    @property
    def xnames(self) -> tuple[str, ...]:
        """The members."""
        return self.members.ids or ()


class Groups:
    """HSM groups (`/groups`). Labels are folded to lower case, as SMD folds them."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def labels(self) -> tuple[str, ...]:
        """The labels of all groups, without their members."""
        return tuple((await self._channel.get("/groups/labels")).decode(list[str]))

    async def list(self, *, tag: str | None = None) -> tuple[Group, ...]:
        """All groups, or those with a tag."""
        answer = await self._channel.get("/groups", params_of({"tag": tag}))
        return records_of(Group, answer.rows(), answer)

    async def get(self, label: str) -> Group:
        """One group.

        Raises:
            NotFound: There is none with that label.
        """
        return record_of(Group, await self._channel.get(_group(label)))

    async def create(
        self,
        label: str,
        *,
        members: Iterable[str] = (),
        description: str = "",
        tags: Iterable[str] = (),
        exclusive_group: str = "",
    ) -> Group:
        """Create a group with its members, all or nothing, and read it back.

        Raises:
            RequestRefused: With status 409 if the label is taken, or a member is in another
                group of the same exclusive group; with 400 if a component is not known.
        """
        body: JsonObject = {"label": fold_label(label), "description": description}
        body["members"] = {"ids": [normalise_xname(xname) for xname in members]}
        if tagged := [*tags]:
            body["tags"] = [*tagged]
        if exclusive_group:
            body["exclusiveGroup"] = exclusive_group
        await self._channel.post("/groups", body)
        return await self.get(label)

    async def update(
        self, label: str, *, description: str | None = None, tags: Iterable[str] | None = None
    ) -> None:
        """Change a group's description or tags; SMD can change nothing else of it."""
        body: JsonObject = {}
        if description is not None:
            body["description"] = description
        if tags is not None:
            body["tags"] = [*tags]
        await self._channel.patch(_group(label), body)

    async def delete(self, label: str) -> None:
        """Delete a group; its members stay components.

        Raises:
            NotFound: There is none with that label.
        """
        await self._channel.delete(_group(label))

    async def add_member(self, label: str, xname: str) -> MemberChange:
        """Add one component; safe to repeat.

        Raises:
            NotFound: There is no such group.
            RequestRefused: The component is not known (400), or is in another group of the
                same exclusive group (409).
        """
        return await add_member(self._channel, _group(label), xname)

    async def remove_member(self, label: str, xname: str) -> MemberChange:
        """Remove one component; safe to repeat.

        Raises:
            NotFound: There is no such group.
        """
        return await remove_member(self._channel, _group(label), xname)


def fold_label(label: str) -> str:
    """A group's label as SMD stores it: lower case.

    Raises:
        UsageError: SMD would refuse it (letters, digits and `-:._` only).
    """
    folded = label.lower()
    if not _LABEL.fullmatch(folded):
        raise UsageError(
            f"{label!r} cannot be the label of an HSM group.",
            why="Labels are made of letters, digits and - : . _ only.",
        )
    return folded


def _group(label: str) -> str:
    return f"/groups{path_of(fold_label(label))}"
