# SPDX-License-Identifier: Apache-2.0
"""SLS: /hardware and /search/hardware."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from poya.lab.services.answers import Problem, json_answer
from poya.lab.services.orders import scattered_records
from poya.lab.services.sls_layout import Layout
from poya.lab.services.sls_search import extra_conditions, has_extra, sls_body
from poya.lab.services.xnames import component_type, normalise, parent, sls_type
from poya.lab.state import JsonObject

_CLASSES = ("River", "Mountain", "Hill")
_NO_HARDWARE = frozenset(("", "All", "Partition"))


class _HardwareIn(msgspec.Struct):
    xname: str = msgspec.field(name="Xname", default="")
    kind: str = msgspec.field(name="Class", default="")
    extra: Any = msgspec.field(name="ExtraProperties", default=None)


class Hardware:
    """The pieces of hardware that the site shall have, each below its parent."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._hardware = layout.hardware

    def routes(self) -> list[Route]:
        """The paths of this part of SLS."""
        return [
            Route("/hardware", self.list_all, methods=["GET"]),
            Route("/hardware", self.create, methods=["POST"]),
            Route("/hardware/{xname}", self.get, methods=["GET"]),
            Route("/hardware/{xname}", self.put, methods=["PUT"]),
            Route("/hardware/{xname}", self.delete, methods=["DELETE"]),
            Route("/search/hardware", self.search, methods=["GET"]),
        ]

    async def list_all(self, _request: Request) -> Response:
        """All hardware; `null` if there is none."""
        return json_answer(scattered_records(self._hardware) or None)

    async def get(self, request: Request) -> Response:
        """One piece."""
        return json_answer(self._piece(request))

    async def create(self, request: Request) -> Response:
        """Create a piece: its parent, type and spelling are SLS's to say."""
        asked = await sls_body(request, _HardwareIn, "error decoding JSON")
        if not asked.xname:
            raise Problem(400, "missing required Xname field")
        xname = normalise(asked.xname)
        if not component_type(xname):
            raise Problem(400, "invalid Xname field")
        if not parent(xname):
            raise Problem(500, "Could not determine Parent for xname")
        if not asked.kind:
            raise Problem(400, "missing required Class field")
        if asked.kind not in _CLASSES:
            raise Problem(400, "invalid Class field")
        if xname in self._hardware:
            raise Problem(409, "object already exists")
        self._layout.keep(self._hardware, xname, _piece(xname, asked))
        return json_answer({"code": 0, "message": "inserted new entry"}, 201)

    async def put(self, request: Request) -> Response:
        """Create or replace a piece."""
        xname = _path_xname(request)
        asked = await sls_body(request, _HardwareIn, "unable to unmarshal JSON payload")
        if not asked.kind:
            raise Problem(400, "missing fields Class ")
        if asked.kind not in _CLASSES:
            raise Problem(400, "invalid component class")
        existed, piece = xname in self._hardware, _piece(xname, asked)
        self._layout.keep(self._hardware, xname, piece)
        return json_answer(piece, 200 if existed else 201)

    async def delete(self, request: Request) -> Response:
        """Delete a piece and everything below it."""
        doomed = [self._piece(request)["Xname"]]
        for xname in doomed:  # grows while it is walked: the whole tree below
            doomed += [p["Xname"] for p in self._hardware.values() if p["Parent"] == xname]
        for xname in reversed(doomed):
            self._hardware.delete(xname)
        self._layout.count()
        return json_answer({"code": 0, "message": "deleted entry and its descendants"})

    async def search(self, request: Request) -> Response:
        """The pieces that meet all conditions; none is a 404."""
        query = request.query_params
        for name in ("xname", "parent"):
            if query.get(name) and component_type(normalise(query[name])) in _NO_HARDWARE:
                words = "xname is invalid"
                raise Problem(400, words if name == "xname" else f"invalid parent: {words}")
        if query.get("type") and not query["type"].startswith("comptype_"):
            raise Problem(400, "type is unknown")
        if query.get("class") and query["class"] not in _CLASSES:
            raise Problem(400, "class is invalid")
        fields = {"xname": "Xname", "parent": "Parent", "type": "Type", "class": "Class"}
        wanted = {fields[name]: query[name] for name in fields if query.get(name)}
        extra = extra_conditions(request)
        if not wanted and not extra:
            raise Problem(400, "no conditions/properties with which to search")
        found = [
            piece
            for piece in scattered_records(self._hardware)
            if all(piece.get(k) == v for k, v in wanted.items())
            and has_extra(piece.get("ExtraProperties"), extra)
        ]
        if not found:
            raise Problem(404, "Hardware not found in DB")
        return json_answer(found)

    def _piece(self, request: Request) -> JsonObject:
        piece = self._hardware.get(_path_xname(request))
        if piece is None:
            raise Problem(404, "no such component not in DB")
        return piece


def _path_xname(request: Request) -> str:
    xname = normalise(request.path_params["xname"])
    if not component_type(xname):
        raise Problem(400, "invalid xname")
    return xname


def _piece(xname: str, asked: _HardwareIn) -> JsonObject:
    piece = {
        "Parent": parent(xname),
        "Xname": xname,
        "Type": sls_type(xname),
        "Class": asked.kind,
        "TypeString": component_type(xname),
    }
    return piece if asked.extra is None else piece | {"ExtraProperties": asked.extra}
