# SPDX-License-Identifier: Apache-2.0
"""HSM: /State/Components and /memberships."""

from __future__ import annotations

import contextlib
from typing import Any

import msgspec
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from poya.lab.services.answers import (
    Problem,
    encoded_answer,
    go_body,
    json_answer,
    no_content,
)
from poya.lab.services.orders import scattered, scattered_records
from poya.lab.services.smd_filters import select
from poya.lab.services.xnames import component_type, is_within, normalise
from poya.lab.site import LabSite
from poya.lab.state import JsonObject

_VIEWS = {
    "stateonly": ("State", "Flag"),
    "flagonly": ("Flag",),
    "roleonly": ("Role", "SubRole"),
    "nidonly": ("NID",),
}
_ASPECTS = {
    "StateData": ("State", "Flag"),
    "FlagOnly": ("Flag",),
    "Enabled": ("Enabled",),
    "SoftwareStatus": ("SoftwareStatus",),
    "Role": ("Role", "SubRole"),
    "NID": ("NID",),
}


class _QueryIn(msgspec.Struct):
    ids: list[str] = msgspec.field(name="ComponentIDs", default_factory=list)
    partition: str = ""
    group: str = ""
    type: list[str] | str = ""
    role: list[str] | str = ""
    state: list[str] | str = ""


class _ComponentsIn(msgspec.Struct):
    components: list[dict[str, Any]] = msgspec.field(name="Components", default_factory=list)
    force: bool = msgspec.field(name="Force", default=False)


class Components:
    """Components: their state, and the groups and the partition that each is in."""

    def __init__(self, site: LabSite) -> None:
        self._state = site.state

    def routes(self) -> list[Route]:
        """The paths of this part of HSM."""
        base = "/State/Components"
        return [
            Route(base, self.list_all, methods=["GET"]),
            Route(base, self.create, methods=["POST"]),
            Route(f"{base}/Query", self.query, methods=["POST"]),
            Route(f"{base}/ByNID/{{nid}}", self.get_by_nid, methods=["GET"]),
            Route(f"{base}/Query/{{xname}}", self.query_one, methods=["GET"]),
            Route(f"{base}/Bulk{{aspect}}", self.patch_many, methods=["PATCH"]),
            Route(f"{base}/{{xname}}", self.get, methods=["GET"]),
            Route(f"{base}/{{xname}}", self.delete, methods=["DELETE"]),
            Route(f"{base}/{{xname}}/{{aspect}}", self.patch, methods=["PATCH"]),
            Route("/memberships", self.list_memberships, methods=["GET"]),
            Route("/memberships/{xname}", self.get_membership, methods=["GET"]),
        ]

    async def list_all(self, request: Request) -> Response:
        """All components, or those that the query asks for."""
        if not request.query_params:
            keys = scattered(self._state.components.keys())
            listed = self._state.components.encoded(keys)
            return encoded_answer(b'{"Components":' + listed + b"}")
        found = select(self._state, request.query_params)
        return json_answer({"Components": [_view(c, request.query_params) for c in found]})

    async def query(self, request: Request) -> Response:
        """The components named in the body, and whatever lies within them."""
        asked = await go_body(request, _QueryIn)
        if not asked.ids:
            raise Problem(400, "Missing IDs")
        return json_answer({"Components": self._within(asked.ids, _as_filters(asked))})

    async def query_one(self, request: Request) -> Response:
        """The same for one xname in the path."""
        found = self._within([request.path_params["xname"]], request.query_params)
        return json_answer({"Components": found})

    async def get(self, request: Request) -> Response:
        """One component."""
        return json_answer(self._component(request))

    async def get_by_nid(self, request: Request) -> Response:
        """The component of a node number."""
        given = request.path_params["nid"]
        if not given.isdecimal():
            raise Problem(400, "Invalid NID")
        for component in self._state.components.values():
            if component.get("NID") == int(given):
                return json_answer(component)
        raise Problem(404, f"no such component nid: {given}")

    async def create(self, request: Request) -> Response:
        """Create components; those that exist stay as they are unless forced."""
        asked = await go_body(request, _ComponentsIn)
        if not asked.components:
            raise Problem(400, "Missing Components")
        records = {}
        for given in asked.components:
            record = _new_component(given)
            if asked.force or record["ID"] not in self._state.components:
                records[record["ID"]] = record
        self._state.components.put_many(records)
        return no_content()

    async def delete(self, request: Request) -> Response:
        """Delete a component; it leaves its groups and its partition."""
        component = self._component(request)
        with self._state.transaction():
            self._state.components.delete(component["ID"])
            for records in (self._state.groups, self._state.partitions):
                for key, record in records.items():
                    if component["ID"] in record["members"]["ids"]:
                        record["members"]["ids"].remove(component["ID"])
                        records.put(key, record)
        return json_answer({"code": 0, "message": "deleted 1 entry"})

    async def patch(self, request: Request) -> Response:
        """Change one aspect of one component."""
        body = await go_body(request, dict[str, Any])
        component = self._component(request)
        self._change([component], _aspect(request), body)
        return no_content()

    async def patch_many(self, request: Request) -> Response:
        """Change one aspect of several components."""
        body = await go_body(request, dict[str, Any])
        names = [normalise(str(name)) for name in body.get("ComponentIDs") or []]
        if not names:
            raise Problem(400, "Missing IDs")
        components = [c for name in names if (c := self._state.components.get(name))]
        if len(components) < len(names):
            raise Problem(404, "no such xname.")
        self._change(components, _aspect(request), body)
        return no_content()

    async def list_memberships(self, request: Request) -> Response:
        """The groups and the partition of every component, or of those asked for."""
        groups, partitions = self._memberships()
        found = select(self._state, request.query_params)
        return json_answer([_membership(c["ID"], groups, partitions) for c in found])

    async def get_membership(self, request: Request) -> Response:
        """The groups and the partition of one component."""
        xname = normalise(request.path_params["xname"])
        if not component_type(xname):
            raise Problem(400, "invalid xname")
        if xname not in self._state.components:
            raise Problem(404, f"No such xname: {xname}")
        return json_answer(_membership(xname, *self._memberships()))

    def _component(self, request: Request) -> JsonObject:
        component = self._state.components.get(normalise(request.path_params["xname"]))
        if component is None:
            raise Problem(404, "no such xname.")
        return component

    def _within(self, names: list[str], query: QueryParams) -> list[JsonObject]:
        wanted = [normalise(name) for name in names]
        kinds = {name: component_type(name) for name in wanted}
        if not all(kinds.values()):
            raise Problem(400, "bad query param: Argument was not a valid xname ID")
        everything = any(kind in ("System", "All") for kind in kinds.values())
        exact = set(wanted)
        for name, kind in kinds.items():
            if kind == "Partition":
                record = self._state.partitions.get(name) or {"members": {"ids": []}}
                exact.update(record["members"]["ids"])
        return [
            component
            for component in select(self._state, query)
            if everything
            or component["ID"] in exact
            or any(is_within(component["ID"], name) for name in wanted)
        ]

    def _change(
        self, components: list[JsonObject], fields: tuple[str, ...], body: JsonObject
    ) -> None:
        given = {field: body[field] for field in fields if field in body}
        if fields[0] not in given:
            raise Problem(400, f"Missing {fields[0]}")
        self._state.components.put_many({c["ID"]: {**c, **given} for c in components})

    def _memberships(self) -> tuple[dict[str, list[str]], dict[str, str]]:
        groups: dict[str, list[str]] = {}
        for group in scattered_records(self._state.groups):
            for xname in group["members"]["ids"]:
                groups.setdefault(xname, []).append(group["label"])
        partitions = {
            xname: name
            for name, partition in self._state.partitions.items()
            for xname in partition["members"]["ids"]
        }
        return groups, partitions


def _membership(
    xname: str, groups: dict[str, list[str]], partitions: dict[str, str]
) -> JsonObject:
    return {
        "id": xname,
        "groupLabels": groups.get(xname, []),
        "partitionName": partitions.get(xname, ""),
    }


def _view(component: JsonObject, query: QueryParams) -> JsonObject:
    for name, fields in _VIEWS.items():
        if query.get(name, "").lower() in ("true", "1", "t"):
            kept = ("ID", "Type", *fields)
            return {field: component[field] for field in kept if field in component}
    return component


def _as_filters(asked: _QueryIn) -> QueryParams:
    pairs: list[tuple[str, str]] = []
    for name in ("partition", "group", "type", "role", "state"):
        given = getattr(asked, name)
        values = [given] if isinstance(given, str) else given
        pairs.extend((name, value) for value in values if value)
    return QueryParams(pairs)


def _aspect(request: Request) -> tuple[str, ...]:
    with contextlib.suppress(KeyError):
        return _ASPECTS[request.path_params["aspect"]]
    raise Problem(404, "404 page not found")


def _new_component(given: JsonObject) -> JsonObject:
    xname = normalise(str(given.get("ID", "")))
    kind = component_type(xname)
    if not kind:
        raise Problem(400, f"couldn't validate components: xname ID '{xname}' is invalid")
    if not given.get("State"):
        raise Problem(400, f"couldn't validate components: Component {xname} has no State")
    return {
        "Flag": "OK",
        "Enabled": True,
        "NetType": "Sling",
        "Arch": "X86",
        **given,
        "ID": xname,
        "Type": kind,
    }
