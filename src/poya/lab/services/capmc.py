# SPDX-License-Identifier: Apache-2.0
"""CAPMC (hms-capmc): switching nodes up to CSM 1.6; on 1.3 there is nothing else.

Everything is a POST with a JSON body. It answers 200 when the commands are given, with `e` not 0
in the body if some node refused; how they end shows in `get_xname_status`.
"""

from __future__ import annotations

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from poya.lab.life.power import PowerControl
from poya.lab.services.answers import go_app, json_answer
from poya.lab.services.xnames import normalise
from poya.lab.site import LabSite

_OPERATIONS = {"xname_on": "On", "xname_off": "Off", "xname_reinit": "Init"}
_FILTERS = ("show_all", "show_off", "show_on", "show_halt", "show_standby", "show_ready")


class _XnamesIn(msgspec.Struct):
    xnames: list[str] | None = None
    force: bool = False
    filter: str = "show_all"


def app(site: LabSite) -> Starlette:
    """The service, to be mounted at /apis/capmc/capmc/v1."""
    return _Capmc(site).app()


class _Capmc:
    def __init__(self, site: LabSite) -> None:
        self._components = site.state.components
        self._power = PowerControl(site)

    def app(self) -> Starlette:
        return go_app(
            [
                *(Route(f"/{name}", self.switch, methods=["POST"]) for name in _OPERATIONS),
                Route("/get_xname_status", self.status, methods=["POST"]),
                Route("/health", self.health, methods=["GET"]),
            ]
        )

    async def switch(self, request: Request) -> Response:
        """Give the command to every node named."""
        asked = await _asked(request)
        if asked is None:
            return _refusal("Bad Request: Malformed JSON")
        if not asked.xnames:
            return _refusal("Bad Request: Missing required xnames parameter")
        xnames = [normalise(name) for name in asked.xnames]
        unknown = [name for name in xnames if not self._power.is_switchable(name)]
        if unknown:
            return _refusal(f"Bad Request: xnames not found: {unknown}")
        operation = _OPERATIONS[request.url.path.rpartition("/")[2]]
        forced = asked.force and operation == "Off"
        locked = [x for x in xnames if (self._components.get(x) or {}).get("Locked")]
        free = [xname for xname in xnames if xname not in locked]
        self._power.begin("Force-Off" if forced else operation, dict.fromkeys(free, ""))
        if not locked:
            return json_answer({"e": 0, "err_msg": ""})
        failed = [{"xname": x, "e": -1, "err_msg": "component is locked"} for x in locked]
        message = f"Errors encountered with {len(locked)} components"
        return json_answer({"e": -1, "err_msg": message, "xnames": failed})

    async def status(self, request: Request) -> Response:
        """Nodes by their state."""
        asked = await _asked(request)
        if asked is None:
            return _refusal("Bad Request: Malformed JSON")
        if asked.filter not in _FILTERS:
            return _refusal(f"invalid filter string: {asked.filter}")
        xnames = [normalise(name) for name in asked.xnames or []] or self._power.switchable()
        wanted = asked.filter.removeprefix("show_")
        by_state: dict[str, list[str]] = {}
        for xname in xnames:
            state = str((self._components.get(xname) or {}).get("State", "undefined")).lower()
            if wanted in ("all", state):
                by_state.setdefault(state, []).append(xname)
        return json_answer({"e": 0, "err_msg": "", **by_state})

    async def health(self, _request: Request) -> Response:
        return json_answer({"readiness": "Ready"})


async def _asked(request: Request) -> _XnamesIn | None:
    raw = await request.body()
    try:
        return msgspec.json.decode(raw or b"{}", type=_XnamesIn)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _refusal(message: str) -> Response:
    return json_answer({"e": 400, "err_msg": message}, 400)
