# SPDX-License-Identifier: Apache-2.0
"""HSM: /groups.

Labels, tags and exclusive groups are lowered. A component is at most once in the groups that
share an exclusive group; without one, groups overlap freely. Members are added and removed one
by one: there is no PUT, and PATCH only knows the description and the tags.
"""

from __future__ import annotations

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


class _GroupIn(msgspec.Struct):
    label: str = ""
    description: str = ""
    exclusive: str = msgspec.field(name="exclusiveGroup", default="")
    tags: list[str] | None = None
    members: MembersIn | None = None


class Groups:
    """Groups of components."""

    def __init__(self, site: LabSite) -> None:
        self._state = site.state

    def routes(self) -> list[Route]:
        """The paths of this part of HSM."""
        return [
            Route("/groups", self.list_all, methods=["GET"]),
            Route("/groups", self.create, methods=["POST"]),
            Route("/groups/labels", self.list_labels, methods=["GET"]),
            Route("/groups/{label}", self.get, methods=["GET"]),
            Route("/groups/{label}", self.patch, methods=["PATCH"]),
            Route("/groups/{label}", self.delete, methods=["DELETE"]),
            Route("/groups/{label}/members", self.list_members, methods=["GET"]),
            Route("/groups/{label}/members", self.add_member, methods=["POST"]),
            Route("/groups/{label}/members/{xname}", self.remove_member, methods=["DELETE"]),
        ]

    async def list_all(self, request: Request) -> Response:
        """All groups, or those of some labels or tags."""
        labels = [fold(v, "Invalid group label.") for v in request.query_params.getlist("group")]
        tags = {fold(v, "Invalid tag.") for v in request.query_params.getlist("tag")}
        groups = [
            self._in_partition(group, request)
            for group in scattered_records(self._state.groups)
            if (not labels or group["label"] in labels)
            and (not tags or tags & set(group.get("tags", ())))
        ]
        return json_answer(groups)

    async def list_labels(self, _request: Request) -> Response:
        """All labels."""
        return json_answer(scattered(self._state.groups.keys()))

    async def get(self, request: Request) -> Response:
        """One group."""
        return json_answer(self._in_partition(self._group(request.path_params["label"]), request))

    async def create(self, request: Request) -> Response:
        """Create a group with its members: all of it, or nothing."""
        label = self._insert(_new_group(await go_body(request, _GroupIn)))
        return created(f"/hsm/v2/groups/{label}", "/hsm/v2/groups")

    def exists(self, label: str) -> bool:
        """Whether there is a group of this label."""
        return label in self._state.groups

    def insert(self, label: str, xnames: list[str], *, exclusive: str, tags: list[str]) -> None:
        """Create a group as a client inside the site does.

        Raises:
            Problem: As to any client.
        """
        members = MembersIn(ids=xnames)
        asked = _GroupIn(label=label, exclusive=exclusive, tags=tags, members=members)
        self._insert(_new_group(asked))

    def add(self, label: str, given: str) -> str:
        """Add one member; its normalised xname.

        Raises:
            Problem: 400 for no xname or no component, 404 for no group, 409 for a member.
        """
        xname = member_xname(given)
        group = self._group(label)
        require_components(self._state.components, [xname])
        if xname in group["members"]["ids"]:
            raise Problem(
                409, "operation would conflict with an existing member in the same group."
            )
        self._require_exclusive(group, [xname])
        group["members"]["ids"].append(xname)
        self._state.groups.put(group["label"], group)
        return xname

    def drop(self, label: str, given: str) -> None:
        """Remove one member.

        Raises:
            Problem: 404 for no group or no such member.
        """
        xname = member_xname(given)
        group = self._group(label)
        if xname not in group["members"]["ids"]:
            raise Problem(404, "group has no such member.")
        group["members"]["ids"].remove(xname)
        self._state.groups.put(group["label"], group)

    def _insert(self, group: JsonObject) -> str:
        members: list[str] = group["members"]["ids"]
        label: str = group["label"]
        # PostgreSQL looks at the keys of a row before the components that it refers to.
        if label in self._state.groups or len(set(members)) < len(members):
            raise Problem(
                409,
                "operation would conflict with an existing group that has the same label or "
                "duplicate ids found in request.",
            )
        self._require_exclusive(group, members)
        require_components(self._state.components, members)
        self._state.groups.put(label, group)
        return label

    async def patch(self, request: Request) -> Response:
        """Change the description or the tags; anything else is ignored."""
        asked = await go_body(request, PatchIn)
        if asked.description is None and asked.tags is None:
            raise Problem(400, "Request must have at least one patch field.")
        group = self._group(request.path_params["label"], "no such group.")
        apply_patch(group, asked)
        self._state.groups.put(group["label"], group)
        return no_content()

    async def delete(self, request: Request) -> Response:
        """Delete a group; its members stay what they are."""
        label = fold(request.path_params["label"], "Invalid group label.")
        if not self._state.groups.delete(label):
            raise Problem(404, "no such group.")
        return json_answer({"code": 0, "message": "deleted 1 entry"})

    async def list_members(self, request: Request) -> Response:
        """The members of a group."""
        return json_answer(
            self._in_partition(self._group(request.path_params["label"]), request)["members"]
        )

    async def add_member(self, request: Request) -> Response:
        """Add one member."""
        label = fold(request.path_params["label"], "Invalid group label.")
        xname = self.add(label, (await go_body(request, MemberIn)).id)
        return created(f"/hsm/v2/groups/{label}/members/{xname}", "/hsm/v2/groups")

    async def remove_member(self, request: Request) -> Response:
        """Remove one member."""
        self.drop(request.path_params["label"], request.path_params["xname"])
        return json_answer({"code": 0, "message": "deleted 1 entry"})

    def _group(self, given: str, missing: str = "") -> JsonObject:
        label = fold(given, "Invalid group label.")
        group = self._state.groups.get(label)
        if group is None:
            raise Problem(404, missing or f"No such group: {label}")
        return group

    def _require_exclusive(self, group: JsonObject, xnames: Iterable[str]) -> None:
        exclusive = group.get("exclusiveGroup")
        if not exclusive:
            return
        taken = {
            xname
            for other in self._state.groups.values()
            if other.get("exclusiveGroup") == exclusive and other["label"] != group["label"]
            for xname in other["members"]["ids"]
        }
        if taken.intersection(xnames):
            raise Problem(
                409, "operation would conflict with an existing member in another exclusive group."
            )

    def _in_partition(self, group: JsonObject, request: Request) -> JsonObject:
        name = request.query_params.get("partition")
        if name is None:
            return shown_members(group)
        ids: list[str] = group["members"]["ids"]
        if name == "NULL":
            taken = {x for p in self._state.partitions.values() for x in p["members"]["ids"]}
            kept = [xname for xname in ids if xname not in taken]
        else:
            partition = self._state.partitions.get(fold(name, "Invalid partition name."))
            inside = set(partition["members"]["ids"]) if partition else set()
            kept = [xname for xname in ids if xname in inside]
        return shown_members({**group, "members": {"ids": kept}})


def _new_group(asked: _GroupIn) -> JsonObject:
    refusal = "couldn't validate group"
    group: JsonObject = {
        "label": fold(asked.label, f"{refusal}: {BAD_FIELD}"),
        "description": asked.description,
    }
    if asked.exclusive:
        group["exclusiveGroup"] = fold(asked.exclusive, f"{refusal}: {BAD_FIELD}")
    tags = fold_tags(asked.tags, f"{refusal}: {BAD_FIELD}")
    if tags:
        group["tags"] = tags
    return {**group, "members": {"ids": member_xnames(asked.members, refusal)}}
