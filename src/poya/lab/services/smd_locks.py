# SPDX-License-Identifier: Apache-2.0
"""HSM: /locks. A lock keeps FAS, PCS and (from BOS 2.47) BOS away from a component."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from poya.lab.services.answers import Problem, go_body, json_answer
from poya.lab.services.smd_filters import select
from poya.lab.services.xnames import normalise
from poya.lab.site import LabSite
from poya.lab.state import JsonObject

_Failure = tuple[str, str]


class _FilterIn(msgspec.Struct):
    ids: list[str] = msgspec.field(name="ComponentIDs", default_factory=list)
    model: str = msgspec.field(name="ProcessingModel", default="")


class _KeyIn(msgspec.Struct):
    id: str = msgspec.field(name="ID", default="")
    key: str = msgspec.field(name="Key", default="")


class _ReleaseIn(msgspec.Struct):
    keys: list[_KeyIn] = msgspec.field(name="ReservationKeys", default_factory=list)
    model: str = msgspec.field(name="ProcessingModel", default="")


class Locks:
    """Locks of components, and reservations of locked ones."""

    def __init__(self, site: LabSite) -> None:
        self._state = site.state

    def routes(self) -> list[Route]:
        """The paths of this part of HSM."""
        return [
            Route("/locks/lock", self.lock, methods=["POST"]),
            Route("/locks/unlock", self.unlock, methods=["POST"]),
            Route("/locks/disable", self.disable, methods=["POST"]),
            Route("/locks/repair", self.repair, methods=["POST"]),
            Route("/locks/status", self.status, methods=["GET"]),
            Route("/locks/status", self.status_of, methods=["POST"]),
            Route("/locks/reservations", self.reserve, methods=["POST"]),
            Route("/locks/reservations/release", self.release, methods=["POST"]),
            Route("/locks/reservations/remove", self.remove, methods=["POST"]),
        ]

    async def lock(self, request: Request) -> Response:
        """Lock components."""
        return await self._switch(request, "Locked", to=True, otherwise="Locked")

    async def unlock(self, request: Request) -> Response:
        """Unlock components."""
        return await self._switch(request, "Locked", to=False, otherwise="Unlocked")

    async def disable(self, request: Request) -> Response:
        """Forbid reservations of components."""
        return await self._switch(request, "ReservationDisabled", to=True, otherwise="Disabled")

    async def repair(self, request: Request) -> Response:
        """Permit reservations of components again."""
        return await self._switch(request, "ReservationDisabled", to=False, otherwise="Enabled")

    async def status(self, request: Request) -> Response:
        """The locks of all components, or of those that the query asks for."""
        found = select(self._state, request.query_params)
        return json_answer({"Components": [self._status(c) for c in found]})

    async def status_of(self, request: Request) -> Response:
        """The locks of the components named in the body."""
        asked = await go_body(request, _FilterIn)
        names = [normalise(name) for name in asked.ids]
        found = {x: c for x in names if (c := self._state.components.get(x))}
        if not found:
            raise Problem(404, "Components not found")
        missing = [name for name in names if name not in found]
        body: JsonObject = {"Components": [self._status(c) for c in found.values()]}
        return json_answer(body | ({"NotFound": missing} if missing else {}))

    async def reserve(self, request: Request) -> Response:
        """Reserve locked components."""
        asked = await go_body(request, _FilterIn)
        good, bad = self._sort(asked.ids, self._not_reservable)
        _refuse_rigid(asked.model, bad)
        given = []
        for component in good:
            xname = component["ID"]
            keys = {
                "DeputyKey": f"{xname}:dk:{uuid.uuid4()}",
                "ReservationKey": f"{xname}:rk:{uuid.uuid4()}",
            }
            self._state.reservations.put(xname, keys)
            given.append({"ID": xname, **keys})
        return json_answer({"Success": given, "Failure": _failures(bad)})

    async def release(self, request: Request) -> Response:
        """Give reservations back, by their keys."""
        asked = await go_body(request, _ReleaseIn)
        given = {normalise(pair.id): pair.key for pair in asked.keys}

        def wrong_key(component: JsonObject) -> str:
            held = self._state.reservations.get(component["ID"])
            return "" if held and held["ReservationKey"] == given[component["ID"]] else "NotFound"

        return self._drop(list(given), asked.model, wrong_key)

    async def remove(self, request: Request) -> Response:
        """Take reservations away, without their keys."""
        asked = await go_body(request, _FilterIn)

        def not_held(component: JsonObject) -> str:
            return "" if component["ID"] in self._state.reservations else "NotFound"

        return self._drop(asked.ids, asked.model, not_held)

    async def _switch(self, request: Request, field: str, *, to: bool, otherwise: str) -> Response:
        asked = await go_body(request, _FilterIn)

        def already(component: JsonObject) -> str:
            return otherwise if bool(component.get(field)) is to else ""

        good, bad = self._sort(asked.ids, already)
        _refuse_rigid(asked.model, bad)
        self._state.components.put_many({c["ID"]: {**c, field: to} for c in good})
        return _update([c["ID"] for c in good], bad)

    def _drop(
        self, names: list[str], model: str, objection: Callable[[JsonObject], str]
    ) -> Response:
        good, bad = self._sort(names, objection)
        _refuse_rigid(model, bad)
        for component in good:
            self._state.reservations.delete(component["ID"])
        return _update([c["ID"] for c in good], bad)

    def _sort(
        self, names: list[str], objection: Callable[[JsonObject], str]
    ) -> tuple[list[JsonObject], list[_Failure]]:
        good: list[JsonObject] = []
        bad: list[_Failure] = []
        for name in dict.fromkeys(normalise(name) for name in names):
            component = self._state.components.get(name)
            reason = "NotFound" if component is None else objection(component)
            if component is None or reason:
                bad.append((name, reason))
            else:
                good.append(component)
        return good, bad

    def _not_reservable(self, component: JsonObject) -> str:
        if component.get("ReservationDisabled"):
            return "Disabled"
        if not component.get("Locked"):
            return "Unlocked"
        return "Reserved" if component["ID"] in self._state.reservations else ""

    def _status(self, component: JsonObject) -> dict[str, Any]:
        return {
            "ID": component["ID"],
            "Locked": bool(component.get("Locked")),
            "Reserved": component["ID"] in self._state.reservations,
            "ReservationDisabled": bool(component.get("ReservationDisabled")),
        }


_REFUSALS = {
    "NotFound": "Component not found",
    "Locked": "Component is Locked",
    "Unlocked": "Component is Unlocked",
    "Disabled": "Component reservations are disabled",
    "Enabled": "Unknown locking error",
    "Reserved": "Component is Reserved",
}


def _refuse_rigid(model: str, bad: list[_Failure]) -> None:
    """Under the rigid model (the default) one failure fails them all."""
    if model.lower() not in ("", "rigid", "flexible"):
        raise Problem(400, "Invalid Processing Model")
    if bad and model.lower() != "flexible":
        raise Problem(400, _REFUSALS[bad[0][1]])


def _update(good: list[str], bad: list[_Failure]) -> Response:
    counts = {"Total": len(good) + len(bad), "Success": len(good), "Failure": len(bad)}
    return json_answer(
        {"Counts": counts, "Success": {"ComponentIDs": good}, "Failure": _failures(bad)}
    )


def _failures(bad: list[_Failure]) -> list[dict[str, str]]:
    return [{"ID": name, "Reason": reason} for name, reason in bad]
