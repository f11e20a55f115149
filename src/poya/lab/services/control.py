# SPDX-License-Identifier: Apache-2.0
"""The lab's own controls, below /_lab: what no real site has."""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from poya.lab.faults import Fault
from poya.lab.life.nodes import STAGES, Nodes
from poya.lab.services.answers import (
    Problem,
    connexion_app,
    json_answer,
    no_content,
    query_boolean,
)
from poya.lab.services.smd_inventory import spelling_of
from poya.lab.services.xnames import normalise
from poya.lab.site import LabSite

T = TypeVar("T")


class _TimeIn(msgspec.Struct, forbid_unknown_fields=True):
    advance_s: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    skew_s: float | None = None
    pace: Annotated[float, msgspec.Meta(gt=0)] | None = None


class _HabitsIn(msgspec.Struct, forbid_unknown_fields=True):
    hardware_keys: Literal["code", "specification"]


class _FailureIn(msgspec.Struct, forbid_unknown_fields=True):
    stage: str
    times: Annotated[int, msgspec.Meta(ge=-1)] = 1


def app(site: LabSite) -> Starlette:
    """The controls of a site."""
    return _Control(site).app()


class _Control:
    def __init__(self, site: LabSite) -> None:
        self._site = site
        self._nodes = Nodes(site)

    def app(self) -> Starlette:
        return connexion_app(
            [
                Route("/site", self.describe, methods=["GET"]),
                Route("/site", self.set_habits, methods=["PATCH"]),
                Route("/faults", self.list_faults, methods=["GET"]),
                Route("/faults", self.add_fault, methods=["POST"]),
                Route("/faults", self.replace_faults, methods=["PUT"]),
                Route("/faults", self.clear_faults, methods=["DELETE"]),
                Route("/requests", self.list_requests, methods=["GET"]),
                Route("/requests", self.clear_requests, methods=["DELETE"]),
                Route("/time", self.tell_time, methods=["GET"]),
                Route("/time", self.set_time, methods=["PATCH"]),
                Route("/nodes/{xname}", self.show_node, methods=["GET"]),
                Route("/nodes/{xname}/failures", self.set_failure, methods=["PUT"]),
            ]
        )

    async def describe(self, _request: Request) -> Response:
        site = self._site
        return json_answer(
            {
                "name": site.name,
                "system": site.system,
                "domain": site.domain,
                "release": site.profile.release,
                "time": site.clock(),
                "hardware_keys": spelling_of(site.state),
            }
        )

    async def set_habits(self, request: Request) -> Response:
        """Choose between habits that real sites have."""
        asked = await _given(request, _HabitsIn)
        self._site.state.options.put("smd", {"hardware_keys": asked.hardware_keys})
        return await self.describe(request)

    async def list_faults(self, _request: Request) -> Response:
        return json_answer(self._site.faults.describe())

    async def add_fault(self, request: Request) -> Response:
        self._site.faults.add(await _given(request, Fault))
        return json_answer(self._site.faults.describe(), 201)

    async def replace_faults(self, request: Request) -> Response:
        self._site.faults.replace(await _given(request, list[Fault]))
        return json_answer(self._site.faults.describe())

    async def clear_faults(self, _request: Request) -> Response:
        self._site.faults.clear()
        return no_content()

    async def list_requests(self, request: Request) -> Response:
        log = self._site.requests
        service = request.query_params.get("service")
        found = log.entries(mutating=query_boolean(request, "mutating"))
        return json_answer(log.describe(r for r in found if service in (None, r.service)))

    async def clear_requests(self, _request: Request) -> Response:
        self._site.requests.clear()
        return no_content()

    async def tell_time(self, _request: Request) -> Response:
        site, clocks = self._site, self._site.clocks
        return json_answer(
            {
                "time": site.clock(),
                "skew_s": clocks.skew_s if clocks else 0.0,
                "ahead_s": clocks.ahead_s if clocks else 0.0,
                "pace": site.pace.times,
                "events_to_come": len(site.state.agenda),
            }
        )

    async def set_time(self, request: Request) -> Response:
        """Let as much time pass as at a real site, skew the clocks, set the pace."""
        asked = await _given(request, _TimeIn)
        site = self._site
        if asked.pace is not None:
            site.pace.times = asked.pace
        if site.clocks is not None:
            if asked.skew_s is not None:
                site.clocks.skew_s = asked.skew_s
            site.clocks.ahead_s += site.pace.of(asked.advance_s)
        await site.agenda.catch_up(site.clock())
        return await self.tell_time(request)

    async def show_node(self, request: Request) -> Response:
        await self._site.agenda.catch_up(self._site.clock())
        xname = self._xname(request)
        return json_answer(
            {
                "xname": xname,
                "state": (self._site.state.components.get(xname) or {}).get("State"),
                "failures": self._nodes.failures(xname),
                "console": self._nodes.console(xname),
            }
        )

    async def set_failure(self, request: Request) -> Response:
        xname, asked = self._xname(request), await _given(request, _FailureIn)
        if asked.stage not in STAGES:
            raise Problem(400, f"Nodes fail at {', '.join(STAGES)}.")
        self._nodes.set_failure(xname, asked.stage, asked.times)
        return await self.show_node(request)

    def _xname(self, request: Request) -> str:
        xname = normalise(request.path_params["xname"])
        if xname not in self._site.state.components:
            raise Problem(404, f"The site has no {xname}.")
        return xname


async def _given(request: Request, form: type[T]) -> T:
    try:
        return msgspec.json.decode(await request.body(), type=form)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Problem(400, f"{error}") from None
