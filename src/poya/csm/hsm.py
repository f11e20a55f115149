# SPDX-License-Identifier: Apache-2.0
"""The Hardware State Manager (SMD, `/apis/smd/hsm/v2`): groups, partitions and memberships."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum

import msgspec

from poya.csm.calls import params_of, path_of
from poya.csm.channel import Channel
from poya.csm.hsm_inventory import Components, Hardware, Locks, normalise_xname
from poya.csm.records import Record, record_of, records_of
from poya.documents import Json, JsonObject
from poya.errors import NotFound, RequestRefused, UsageError

_LABEL = re.compile(r"[-a-z0-9:._]+")
_CONFLICT = 409


class MemberChange(StrEnum):
    """What adding or removing a member came to."""

    DONE = "done"
    ALREADY_SO = "already so"


class Members(msgspec.Struct, frozen=True):
    """The xnames in a group or partition; a Go service's null is none."""

    ids: tuple[str, ...] | None = None


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


class Partition(Record, frozen=True):
    """An HSM partition (`p1`, `p1.2`); a component is in at most one."""

    name: str
    description: str = ""
    tags: tuple[str, ...] | None = None
    members: Members = Members()

    @property
    def xnames(self) -> tuple[str, ...]:
        """The members."""
        return self.members.ids or ()


class Membership(Record, frozen=True, rename="camel"):
    """The groups and the partition that one component is in."""

    id: str
    partition_name: str = ""
    group_labels: tuple[str, ...] | None = None


class Groups:
    """HSM groups (`/groups`). Labels are folded to lower case, as SMD folds them."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

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
                same exclusive group (409; the same status as being in this one already, so
                the group is read to tell).
        """
        member: Json = {"id": normalise_xname(xname)}
        try:
            await self._channel.post(f"{_group(label)}/members", member, is_repeatable=True)
        except RequestRefused as refused:
            if refused.status != _CONFLICT or not await self._holds(label, xname):
                raise
            return MemberChange.ALREADY_SO
        return MemberChange.DONE

    async def remove_member(self, label: str, xname: str) -> MemberChange:
        """Remove one component; safe to repeat.

        Raises:
            NotFound: There is no such group (the same status as being no member, so the group
                is read to tell).
        """
        path = f"{_group(label)}/members{path_of(normalise_xname(xname))}"
        try:
            await self._channel.delete(path)
        except NotFound:
            if await self._holds(label, xname):
                raise
            return MemberChange.ALREADY_SO
        return MemberChange.DONE

    async def _holds(self, label: str, xname: str) -> bool:
        members = (await self.get(label)).xnames
        return normalise_xname(xname) in {normalise_xname(member) for member in members}


class Partitions:
    """HSM partitions (`/partitions`)."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def list(self) -> tuple[Partition, ...]:
        """All partitions."""
        answer = await self._channel.get("/partitions")
        return records_of(Partition, answer.rows(), answer)

    async def get(self, name: str) -> Partition:
        """One partition.

        Raises:
            NotFound: There is none with that name.
        """
        return record_of(Partition, await self._channel.get(f"/partitions{path_of(name)}"))


class Memberships:
    """Which groups and partition each component is in (`/memberships`)."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def list(
        self,
        *,
        type: str | None = "Node",  # noqa: A002 - SMD's word
        group: str | None = None,
        partition: str | None = None,
    ) -> tuple[Membership, ...]:
        """Memberships of all components of a type, or of those in a group or partition."""
        wanted = params_of({"type": type, "group": group, "partition": partition})
        answer = await self._channel.get("/memberships", wanted)
        return records_of(Membership, answer.rows(), answer)

    async def get(self, xname: str) -> Membership:
        """Memberships of one component.

        Raises:
            NotFound: There is no such component.
        """
        path = f"/memberships{path_of(normalise_xname(xname))}"
        return record_of(Membership, await self._channel.get(path))


class Hsm:
    """The Hardware State Manager of one site."""

    def __init__(self, channel: Channel) -> None:
        self.groups = Groups(channel)
        self.partitions = Partitions(channel)
        self.memberships = Memberships(channel)
        self.components = Components(channel)
        self.hardware = Hardware(channel)
        self.locks = Locks(channel)


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
