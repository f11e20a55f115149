# SPDX-License-Identifier: Apache-2.0
"""SLS: /networks and /search/networks.

A network is read, changed and put back whole, its subnets and reservations in it; nothing tells
whether somebody else did so in between.
"""

from __future__ import annotations

import ipaddress
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from poya.lab.services.answers import Problem, json_answer
from poya.lab.services.orders import scattered_records
from poya.lab.services.sls_layout import Layout
from poya.lab.services.sls_search import extra_conditions, has_extra, sls_body
from poya.lab.state import JsonObject

_TYPES = frozenset(
    ("slingshot10", "slingshot11", "cassini", "ethernet", "infiniband", "mixed", "opa")
)
_SEARCH_FAILED = "Failed to search network from DB"


class _NetworkIn(msgspec.Struct):
    name: str = msgspec.field(name="Name", default="")
    full_name: str = msgspec.field(name="FullName", default="")
    ip_ranges: list[str] | None = msgspec.field(name="IPRanges", default=None)
    kind: str = msgspec.field(name="Type", default="")
    extra: Any = msgspec.field(name="ExtraProperties", default=None)


class Networks:
    """The networks of the site, with their subnets, reservations and aliases."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._networks = layout.networks

    def routes(self) -> list[Route]:
        """The paths of this part of SLS."""
        return [
            Route("/networks", self.list_all, methods=["GET"]),
            Route("/networks", self.create, methods=["POST"]),
            Route("/networks/{name}", self.get, methods=["GET"]),
            Route("/networks/{name}", self.put, methods=["PUT"]),
            Route("/networks/{name}", self.patch, methods=["PATCH"]),
            Route("/networks/{name}", self.delete, methods=["DELETE"]),
            Route("/search/networks", self.search, methods=["GET"]),
        ]

    async def list_all(self, _request: Request) -> Response:
        """All networks; `null` if there is none."""
        return json_answer(scattered_records(self._networks) or None)

    async def get(self, request: Request) -> Response:
        """One network."""
        return json_answer(self._network(request))

    async def create(self, request: Request) -> Response:
        """Create a network."""
        asked = await sls_body(request, _NetworkIn, "Failed to unmarshal body")
        network = _network(asked)
        if network["Name"] in self._networks:
            raise Problem(409, "A network with that name already exists in the database")
        self._layout.keep(self._networks, network["Name"], network)
        return json_answer(network, 201)

    async def put(self, request: Request) -> Response:
        """Create or replace: the name in the path wins over that in the body."""
        asked = await sls_body(request, _NetworkIn, "Failed to unmarshal body")
        asked.name = request.path_params["name"]
        network = _network(asked)
        self._layout.keep(self._networks, network["Name"], network)
        return json_answer(network)

    async def patch(self, _request: Request) -> Response:
        """Not implemented by SLS either."""
        return Response(status_code=501)

    async def delete(self, request: Request) -> Response:
        """Delete a network."""
        self._networks.delete(self._network(request)["Name"])
        self._layout.count()
        return Response(status_code=200)

    async def search(self, request: Request) -> Response:
        """The networks that meet all conditions; none is a 404."""
        query = request.query_params
        if query.get("name") and " " in query["name"]:
            raise Problem(500, _SEARCH_FAILED)
        if query.get("type") and query["type"].lower() not in _TYPES:
            raise Problem(500, _SEARCH_FAILED)
        fields = {"name": "Name", "full_name": "FullName", "type": "Type"}
        wanted = {fields[name]: query[name] for name in fields if query.get(name)}
        address, extra = query.get("ip_address", ""), extra_conditions(request)
        if not wanted and not address and not extra:
            raise Problem(500, _SEARCH_FAILED)
        found = [
            network
            for network in scattered_records(self._networks)
            if all(network.get(k) == v for k, v in wanted.items())
            and (not address or _covers(network["IPRanges"] or [], address))
            and has_extra(network.get("ExtraProperties"), extra)
        ]
        if not found:
            raise Problem(404, "Network not found in DB")
        return json_answer(found)

    def _network(self, request: Request) -> JsonObject:
        network = self._networks.get(request.path_params["name"])
        if network is None:
            raise Problem(404, "Network not found in DB")
        return network


def _network(asked: _NetworkIn) -> JsonObject:
    if asked.kind.lower() not in _TYPES:
        raise Problem(400, "invalid network type")
    if not asked.name or " " in asked.name:
        raise Problem(400, "invalid network name")
    for ip_range in asked.ip_ranges or []:
        try:
            ipaddress.ip_network(ip_range, strict=False)
        except ValueError:
            raise Problem(400, f"invalid IP Range: {ip_range}") from None
    network = {
        "Name": asked.name,
        "FullName": asked.full_name,
        "IPRanges": asked.ip_ranges,
        "Type": asked.kind,
    }
    return network if asked.extra is None else network | {"ExtraProperties": asked.extra}


def _covers(ip_ranges: list[str], address: str) -> bool:
    try:
        inner = ipaddress.ip_network(address, strict=False)
        return any(
            inner.version == outer.version and inner.subnet_of(outer)  # type: ignore[arg-type]
            for outer in (ipaddress.ip_network(r, strict=False) for r in ip_ranges)
        )
    except ValueError:
        raise Problem(500, _SEARCH_FAILED) from None
