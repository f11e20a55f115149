# SPDX-License-Identifier: Apache-2.0
"""Partitions of the machine, and which groups and partition each component is in (SMD)."""

from __future__ import annotations

from collections.abc import Iterable

from poya.csm.hsm.components import ids_of, normalise_xname
from poya.csm.hsm.members import MemberChange, Members, add_member, remove_member
from poya.csm.http.calls import params_of, path_of
from poya.csm.http.channel import Channel
from poya.csm.records import Record, record_of, records_of
from poya.documents import JsonObject


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
        return record_of(Partition, await self._channel.get(_partition(name)))

    async def create(
        self,
        name: str,
        *,
        members: Iterable[str] = (),
        description: str = "",
        tags: Iterable[str] = (),
    ) -> Partition:
        """Create a partition with its members, all or nothing, and read it back.

        Args:
            name: As `p1` or `p1.2`.
            members: Components; each is in one partition at most.
            description: For people.
            tags: Words to find it by.

        Raises:
            RequestRefused: With status 409 if the name is taken or a member is in another
                partition; with 400 if the name or a component is not accepted.
        """
        body: JsonObject = {"name": name, "description": description}
        body["members"] = {"ids": ids_of(members)}
        if tagged := [*tags]:
            body["tags"] = [*tagged]
        await self._channel.post("/partitions", body)
        return await self.get(name)

    async def update(
        self, name: str, *, description: str | None = None, tags: Iterable[str] | None = None
    ) -> None:
        """Change a partition's description or tags.

        Raises:
            NotFound: There is none with that name.
        """
        body: JsonObject = {}
        if description is not None:
            body["description"] = description
        if tags is not None:
            body["tags"] = [*tags]
        await self._channel.patch(_partition(name), body)

    async def delete(self, name: str) -> None:
        """Delete a partition; its members stay components.

        Raises:
            NotFound: There is none with that name.
        """
        await self._channel.delete(_partition(name))

    async def add_member(self, name: str, xname: str) -> MemberChange:
        """Add one component; safe to repeat.

        Raises:
            NotFound: There is no such partition.
            RequestRefused: The component is not known (400) or in another partition (409).
        """
        return await add_member(self._channel, _partition(name), xname)

    async def remove_member(self, name: str, xname: str) -> MemberChange:
        """Remove one component; safe to repeat.

        Raises:
            NotFound: There is no such partition.
        """
        return await remove_member(self._channel, _partition(name), xname)


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


def _partition(name: str) -> str:
    return f"/partitions{path_of(name)}"
