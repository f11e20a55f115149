# SPDX-License-Identifier: Apache-2.0
"""HSM: /Inventory/Hardware (reading)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeAlias

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from poya.lab.services.answers import Problem, encoded_answer, json_answer
from poya.lab.services.orders import scattered
from poya.lab.services.xnames import component_type, is_type, is_within, normalise
from poya.lab.site import LabSite
from poya.lab.state import JsonObject, SiteState

Handler: TypeAlias = Callable[[Request], Awaitable[Response]]

NESTED = "NestNodesOnly"
FLAT = "FullyFlat"

_ARRAYS = {
    "Node": "Nodes",
    "Processor": "Processors",
    "NodeAccel": "NodeAccels",
    "Memory": "Memory",
    "Drive": "Drives",
    "NodeHsnNic": "NodeHsnNics",
    "NodeAccelRiser": "NodeAccelRisers",
    "Cabinet": "Cabinets",
    "Chassis": "Chassis",
    "ComputeModule": "ComputeModules",
    "RouterModule": "RouterModules",
    "NodeEnclosure": "NodeEnclosures",
    "NodeBMC": "NodeBMCs",
    "RouterBMC": "RouterBMCs",
    "HSNBoard": "HSNBoards",
}
# the code of SMD spells some keys otherwise than its specification; clients must take both
_SPECIFIED = (
    (b"NodeHsnNicLocationInfo", b"HSNNICLocationInfo"),
    (b"NodeHsnNicFRUInfo", b"HSNNICFRUInfo"),
    (b"NodeHsnNics", b"NodeHsnNICs"),
)
SPELLINGS = ("code", "specification")
_IN_NODE = ("Processors", "NodeAccels", "Memory", "Drives", "NodeHsnNics", "NodeAccelRisers")


class Inventory:
    """What the discovery found in the machine."""

    def __init__(self, site: LabSite) -> None:
        self._state = site.state

    def routes(self) -> list[Route]:
        """The paths of this part of HSM."""
        hardware = "/Inventory/Hardware"
        return [
            Route(hardware, self._spelt(self.list_hardware), methods=["GET"]),
            Route(
                f"{hardware}/Query/{{xname}}", self._spelt(self.query_hardware), methods=["GET"]
            ),
            Route(f"{hardware}/{{xname}}", self._spelt(self.get_hardware), methods=["GET"]),
        ]

    def _spelt(self, handler: Handler) -> Handler:
        """The handler, its keys spelt as the lab's controls say."""

        async def answer(request: Request) -> Response:
            found = await handler(request)
            if spelling_of(self._state) == "code":
                return found
            body = bytes(found.body)
            for in_code, specified in _SPECIFIED:
                body = body.replace(in_code, specified)
            return encoded_answer(body)

        return answer

    async def list_hardware(self, request: Request) -> Response:
        """All hardware as a flat array, or what the query asks for."""
        known = scattered(self._state.hardware.keys())
        if not request.query_params:
            return encoded_answer(self._state.hardware.encoded(known))
        keep = self._filter(request.query_params)
        names = {normalise(value) for value in request.query_params.getlist("id")}
        found = [x for x in known if keep(x) and (not names or x in names)]
        return encoded_answer(self._state.hardware.encoded(found))

    async def get_hardware(self, request: Request) -> Response:
        """One piece of hardware, without its parts."""
        record = self._state.hardware.get(normalise(request.path_params["xname"]))
        if record is None:
            raise Problem(404, "no such xname.")
        return json_answer(record)

    async def query_hardware(self, request: Request) -> Response:
        """A piece of hardware with its parts, parts of a node nested in it by default."""
        asked = request.path_params["xname"]
        form = _form(request.query_params)
        reach = self._reach(normalise(asked), request.query_params)
        keep = self._filter(request.query_params)
        records = self._state.hardware
        names = [name for name in scattered(records.keys()) if reach(name) and keep(name)]
        found = [record for name in names if (record := records.get(name))]
        arrays = _nested(found) if form == NESTED else _arranged(found)
        return json_answer({"XName": asked, "Format": form, **arrays})

    def _filter(self, query: QueryParams) -> Callable[[str], bool]:
        kinds = _listed(query, "type")
        if not all(is_type(kind) for kind in kinds):
            raise Problem(400, "Invalid HMS type")
        wanted = {kind.lower() for kind in kinds}
        members = self._members(query.getlist("partition"))

        def keep(xname: str) -> bool:
            if members is not None and not _belongs(xname, members):
                return False
            return not wanted or component_type(xname).lower() in wanted

        return keep

    def _members(self, names: list[str]) -> list[str] | None:
        if not names:
            return None
        found = (self._state.partitions.get(name.lower()) for name in names)
        return [xname for partition in found if partition for xname in partition["members"]["ids"]]

    def _reach(self, xname: str, query: QueryParams) -> Callable[[str], bool]:
        kind = component_type(xname)
        if not kind:
            raise Problem(400, "Invalid xname")
        if kind in ("System", "All"):
            return lambda _name: True
        if kind == "Partition":
            members = self._members([xname]) or []
            return lambda name: _belongs(name, members)
        parents = _flag(query, "parents", default=False)
        children = _flag(query, "children", default=not parents)
        return lambda name: (
            name == xname
            or (children and is_within(name, xname))
            or (parents and is_within(xname, name))
        )


def spelling_of(state: SiteState) -> str:
    """How the keys of hardware are spelt: one of `SPELLINGS`."""
    return str((state.options.get("smd") or {}).get("hardware_keys", SPELLINGS[0]))


def _belongs(xname: str, members: Iterable[str]) -> bool:
    return any(xname == member or is_within(xname, member) for member in members)


def _listed(query: QueryParams, name: str) -> list[str]:
    return [part for value in query.getlist(name) for part in value.split(",") if part]


def _flag(query: QueryParams, name: str, *, default: bool) -> bool:
    given = query.get(name)
    if given is None:
        return default
    if given.lower() not in ("true", "false", "1", "0", "t", "f"):
        raise Problem(400, f"Invalid boolean for {name}")
    return given.lower() in ("true", "1", "t")


def _form(query: QueryParams) -> str:
    given = query.get("format", NESTED)
    for form in (NESTED, FLAT):
        if given.lower() == form.lower():
            return form
    raise Problem(400, "Invalid format")


def _arranged(records: Iterable[JsonObject]) -> dict[str, list[JsonObject]]:
    arrays: dict[str, list[JsonObject]] = {}
    for record in records:
        name = _ARRAYS.get(record["Type"])
        if name:
            arrays.setdefault(name, []).append(record)
    return arrays


def _nested(records: list[JsonObject]) -> dict[str, list[JsonObject]]:
    nodes = {r["ID"]: r | {name: [] for name in _IN_NODE} for r in records if r["Type"] == "Node"}
    loose = []
    for record in records:
        if record["Type"] == "Node":
            continue
        name = _ARRAYS.get(record["Type"])
        node = nodes.get(_node_of(record["ID"]))
        if node is not None and name in _IN_NODE:
            node[name].append(record)
        else:
            loose.append(record)
    arrays = _arranged(loose)
    if nodes:
        arrays["Nodes"] = list(nodes.values())
    return arrays


def _node_of(xname: str) -> str:
    head, mark, tail = xname.partition("n")
    digits = len(tail) - len(tail.lstrip("0123456789"))
    return f"{head}{mark}{tail[:digits]}"
