# SPDX-License-Identifier: Apache-2.0
"""HSM: /partitions. A component is in one partition at most."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from poya.lab.services.answers import Problem, go_body, json_answer, no_content
from poya.lab.services.orders import scattered, scattered_records
from poya.lab.services.smd_members import (
    BAD_FIELD,
    MemberIn,
    MembersIn,
    PatchIn,
    apply_patch,
    created,
    fold,
    fold_tags,
    member_xname,
    member_xnames,
    require_components,
    shown_members,
)
from poya.lab.site import LabSite
from poya.lab.state import JsonObject

_NAME = re.compile(r"p\d+(\.\d+)?")


class _PartitionIn(msgspec.Struct):
    name: str = ""
    description: str = ""
    tags: list[str] | None = None
    members: MembersIn | None = None


class Partitions:
    """Partitions of the system."""

    def __init__(self, site: LabSite) -> None:
        self._state = site.state

    def routes(self) -> list[Route]:
        """The paths of this part of HSM."""
        return [
            Route("/partitions", self.list_all, methods=["GET"]),
            Route("/partitions", self.create, methods=["POST"]),
            Route("/partitions/names", self.list_names, methods=["GET"]),
            Route("/partitions/{name}", self.get, methods=["GET"]),
            Route("/partitions/{name}", self.patch, methods=["PATCH"]),
            Route("/partitions/{name}", self.delete, methods=["DELETE"]),
            Route("/partitions/{name}/members", self.list_members, methods=["GET"]),
            Route("/partitions/{name}/members", self.add_member, methods=["POST"]),
            Route("/partitions/{name}/members/{xname}", self.remove_member, methods=["DELETE"]),
        ]

    async def list_all(self, request: Request) -> Response:
        """All partitions, or those of some names or tags."""
        query = request.query_params
        names = [fold(v, "Invalid partition name.") for v in query.getlist("partition")]
        tags = {fold(v, "Invalid tag.") for v in query.getlist("tag")}
        return json_answer(
            [
                shown_members(partition)
                for partition in scattered_records(self._state.partitions)
                if (not names or partition["name"] in names)
                and (not tags or tags & set(partition.get("tags", ())))
            ]
        )

    async def list_names(self, _request: Request) -> Response:
        """All names."""
        return json_answer(scattered(self._state.partitions.keys()))

    async def get(self, request: Request) -> Response:
        """One partition."""
        return json_answer(self._partition(request.path_params["name"]))

    async def create(self, request: Request) -> Response:
        """Create a partition with its members: all of it, or nothing."""
        name = self._insert(_new_partition(await go_body(request, _PartitionIn)))
        return created(f"/hsm/v2/partitions/{name}", "/hsm/v2/partitions")

    def exists(self, name: str) -> bool:
        """Whether there is a partition of this name."""
        return name in self._state.partitions

    def insert(self, name: str, xnames: list[str], *, tags: list[str]) -> None:
        """Create a partition as a client inside the site does.

        Raises:
            Problem: As to any client.
        """
        members = MembersIn(ids=xnames)
        self._insert(_new_partition(_PartitionIn(name=name, tags=tags, members=members)))

    def add(self, name: str, given: str) -> str:
        """Add one member; its normalised xname.

        Raises:
            Problem: 400 for no xname or no component, 404 for no partition, 409 for a member.
        """
        xname = member_xname(given)
        partition = self._partition(name)
        require_components(self._state.components, [xname])
        if xname in partition["members"]["ids"]:
            raise Problem(
                409, "operation would conflict with an existing member in the same partition."
            )
        self._require_free([xname])
        partition["members"]["ids"].append(xname)
        self._state.partitions.put(partition["name"], partition)
        return xname

    def drop(self, name: str, given: str) -> None:
        """Remove one member.

        Raises:
            Problem: 404 for no partition or no such member.
        """
        xname = member_xname(given)
        partition = self._partition(name)
        if xname not in partition["members"]["ids"]:
            raise Problem(404, "partition has no such member.")
        partition["members"]["ids"].remove(xname)
        self._state.partitions.put(partition["name"], partition)

    def _insert(self, partition: JsonObject) -> str:
        if partition["name"] in self._state.partitions:
            raise Problem(
                409,
                "operation would conflict with an existing partition that has the same name.",
            )
        self._require_free(partition["members"]["ids"])
        require_components(self._state.components, partition["members"]["ids"])
        self._state.partitions.put(partition["name"], partition)
        return str(partition["name"])

    async def patch(self, request: Request) -> Response:
        """Change the description or the tags; anything else is ignored."""
        asked = await go_body(request, PatchIn)
        if asked.description is None and asked.tags is None:
            raise Problem(400, "Request must have at least one patch field.")
        partition = self._partition(request.path_params["name"], "no such partition.")
        apply_patch(partition, asked)
        self._state.partitions.put(partition["name"], partition)
        return no_content()

    async def delete(self, request: Request) -> Response:
        """Delete a partition; its members stay what they are."""
        name = fold(request.path_params["name"], "Invalid partition name.")
        if not self._state.partitions.delete(name):
            raise Problem(404, "no such partition.")
        return json_answer({"code": 0, "message": "deleted 1 entry"})

    async def list_members(self, request: Request) -> Response:
        """The members of a partition."""
        return json_answer(self._partition(request.path_params["name"])["members"])

    async def add_member(self, request: Request) -> Response:
        """Add one member."""
        name = fold(request.path_params["name"], "Invalid partition name.")
        xname = self.add(name, (await go_body(request, MemberIn)).id)
        return created(f"/hsm/v2/partitions/{name}/members/{xname}", "/hsm/v2/partitions")

    async def remove_member(self, request: Request) -> Response:
        """Remove one member."""
        self.drop(request.path_params["name"], request.path_params["xname"])
        return json_answer({"code": 0, "message": "deleted 1 entry"})

    def _partition(self, given: str, missing: str = "") -> JsonObject:
        name = fold(given, "Invalid partition name.")
        partition = self._state.partitions.get(name)
        if partition is None:
            raise Problem(404, missing or f"No such partition: {name}")
        return partition

    def _require_free(self, xnames: Iterable[str]) -> None:
        taken = {x for other in self._state.partitions.values() for x in other["members"]["ids"]}
        if taken.intersection(xnames):
            raise Problem(
                409, "operation would conflict with an existing member in another partition."
            )


def _new_partition(asked: _PartitionIn) -> JsonObject:
    refusal = "couldn't validate partition"
    name = fold(asked.name, f"{refusal}: {BAD_FIELD}")
    if not _NAME.fullmatch(name):
        raise Problem(400, f"{refusal}: {BAD_FIELD}")
    partition: JsonObject = {"name": name}
    if asked.description:
        partition["description"] = asked.description
    tags = fold_tags(asked.tags, f"{refusal}: {BAD_FIELD}")
    if tags:
        partition["tags"] = tags
    return {**partition, "members": {"ids": member_xnames(asked.members, refusal)}}
