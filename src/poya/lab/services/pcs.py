# SPDX-License-Identifier: Apache-2.0
"""PCS (hms-power-control): switching nodes, from CSM 1.4 on.

A transition is accepted at once and worked on by the site's own agenda; what becomes of each node
is told by its tasks, never by the status of the transition, which is `completed` either way.
"""

from __future__ import annotations

import uuid

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from poya.lab.life.power import OPERATIONS, PowerControl
from poya.lab.services.answers import Problem, go_app, go_body, json_answer, no_content
from poya.lab.services.orders import scattered_records
from poya.lab.services.times import rfc3339
from poya.lab.services.xnames import component_type, normalise
from poya.lab.site import LabSite
from poya.lab.state import JsonObject

_POWER_STATES = ("", "on", "off", "undefined")
_MANAGEMENT_STATES = ("", "available", "unavailable")
_EVERYTHING = ["On", "Off", "Soft-Off", "Soft-Restart", "Hard-Restart", "Init", "Force-Off"]


class _LocationIn(msgspec.Struct):
    xname: str = ""
    deputy_key: str = msgspec.field(name="deputyKey", default="")


class _TransitionIn(msgspec.Struct):
    operation: str = ""
    deadline: int | None = msgspec.field(name="taskDeadlineMinutes", default=None)
    location: list[_LocationIn] | None = None


class _StatusIn(msgspec.Struct):
    xnames: list[str] | None = msgspec.field(name="xname", default=None)
    power: str = msgspec.field(name="powerStateFilter", default="")
    management: str = msgspec.field(name="managementStateFilter", default="")


def app(site: LabSite) -> Starlette:
    """The service, to be mounted at /apis/power-control/v1."""
    service = _PowerControlService(site)
    routes = [
        Route("/transitions", service.list_all, methods=["GET"]),
        Route("/transitions", service.create, methods=["POST"]),
        Route("/transitions/{id}", service.get, methods=["GET"]),
        Route("/transitions/{id}", service.abort, methods=["DELETE"]),
        Route("/power-status", service.get_status, methods=["GET"]),
        Route("/liveness", service.alive, methods=["GET"]),
        Route("/readiness", service.alive, methods=["GET"]),
        Route("/health", service.health, methods=["GET"]),
    ]
    if site.profile.pcs_posts_status:
        routes.append(Route("/power-status", service.post_status, methods=["POST"]))
    return go_app(routes)


class _PowerControlService:
    def __init__(self, site: LabSite) -> None:
        self._site = site
        self._power = PowerControl(site)

    async def create(self, request: Request) -> Response:
        """Begin a transition; unknown or locked nodes fail later, as tasks of it."""
        asked = await go_body(request, _TransitionIn, malformed=400)
        operation = OPERATIONS.get(asked.operation.lower())
        if operation is None:
            raise Problem(400, f"invalid Operation type {asked.operation}")
        places = {place.xname: place.deputy_key for place in asked.location or []}
        transition_id = self._power.begin(operation, places)
        answer = json_answer({"transitionID": transition_id, "operation": operation})
        answer.headers["Location"] = f"../transitions/{transition_id}"
        return answer

    async def list_all(self, _request: Request) -> Response:
        """All transitions, without their tasks."""
        found = [
            _shown(one, tasks=False) for one in scattered_records(self._site.state.transitions)
        ]
        return json_answer({"transitions": found})

    async def get(self, request: Request) -> Response:
        """One transition with its tasks."""
        return json_answer(_shown(self._record(request), tasks=True))

    async def abort(self, request: Request) -> Response:
        """Ask for the end of a transition that has not ended."""
        record = self._record(request)
        if record["transitionStatus"] in ("completed", "aborted"):
            raise Problem(400, "Specified transition is complete")
        self._power.abort(record)
        return json_answer({"abortStatus": "Accepted - abort initiated"}, 202)

    async def get_status(self, request: Request) -> Response:
        """The power of all components, or of some."""
        query = request.query_params
        return self._status(
            query.getlist("xname"),
            query.get("powerStateFilter", ""),
            query.get("managementStateFilter", ""),
        )

    async def post_status(self, request: Request) -> Response:
        """The same, asked in a body that may name more nodes than a URL can."""
        asked = await go_body(request, _StatusIn, malformed=400)
        return self._status(asked.xnames or [], asked.power, asked.management)

    async def alive(self, _request: Request) -> Response:
        return no_content()

    async def health(self, _request: Request) -> Response:
        parts = ("KvStore", "DistLocking", "StateManager", "Vault", "TaskRunner")
        return json_answer(dict.fromkeys(parts, "connected, responsive"))

    def _status(self, asked: list[str], power: str, management: str) -> Response:
        if power.lower() not in _POWER_STATES:
            raise Problem(400, f"invalid PowerStateFilter type {power}")
        if management.lower() not in _MANAGEMENT_STATES:
            raise Problem(400, f"invalid ManagementStateFilter type {management}")
        xnames = [normalise(name) for name in asked]
        bad = [name for name in xnames if not component_type(name)]
        if bad:
            raise Problem(400, f"invalid xnames detected: {' '.join(bad)}")
        found = [self._status_of(xname) for xname in xnames or self._power.switchable()]
        return json_answer(
            {
                "status": [
                    one
                    for one in found
                    if power.lower() in ("", one["powerState"])
                    and management.lower() in ("", one["managementState"])
                ]
            }
        )

    def _status_of(self, xname: str) -> JsonObject:
        known = self._power.is_switchable(xname)
        return {
            "xname": xname,
            "powerState": self._power.state_of(xname) if known else "undefined",
            "managementState": "available" if known else "unavailable",
            "error": None if known else "Component not found in component map.",
            "supportedPowerTransitions": _EVERYTHING if known else [],
            "lastUpdated": rfc3339(self._site.clock()),
        }

    def _record(self, request: Request) -> JsonObject:
        given = request.path_params["id"]
        try:
            transition_id = str(uuid.UUID(given))
        except ValueError:
            raise Problem(400, f"invalid UUID length: {len(given)}") from None
        record = self._site.state.transitions.get(transition_id)
        if record is None:
            raise Problem(404, "TransitionID not found")
        return record


def _shown(record: JsonObject, *, tasks: bool) -> JsonObject:
    all_tasks: list[JsonObject] = list(record["tasks"].values())
    statuses = [task["taskStatus"] for task in all_tasks]
    counts = {name: statuses.count(name) for name in ("new", "in-progress", "failed", "succeeded")}
    counts |= {"total": len(all_tasks), "un-supported": statuses.count("unsupported")}
    fields = ("transitionID", "operation", "createTime", "automaticExpirationTime")
    shown = {field: record[field] for field in (*fields, "transitionStatus")}
    shown["taskCounts"] = counts
    if tasks and all_tasks:
        shown["tasks"] = [
            {k: v for k, v in task.items() if k != "deputyKey"} for task in all_tasks
        ]
    return shown
