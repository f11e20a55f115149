# SPDX-License-Identifier: Apache-2.0
"""HSM: /locks/service/reservations, which end by themselves after some minutes.

Services take them (FAS, PCS), of unlocked components; whoever holds the keys renews or releases.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from poya.lab.services.answers import Problem, go_body, json_answer
from poya.lab.services.times import rfc3339
from poya.lab.services.xnames import normalise
from poya.lab.site import LabSite
from poya.lab.state import JsonObject

_MINUTES = range(1, 16)


class _ReserveIn(msgspec.Struct):
    ids: list[str] = msgspec.field(name="ComponentIDs", default_factory=list)
    model: str = msgspec.field(name="ProcessingModel", default="")
    minutes: int = msgspec.field(name="ReservationDuration", default=0)


class _KeyIn(msgspec.Struct):
    id: str = msgspec.field(name="ID", default="")
    key: str = msgspec.field(name="Key", default="")


class _KeysIn(msgspec.Struct):
    keys: list[_KeyIn] = msgspec.field(name="ReservationKeys", default_factory=list)
    model: str = msgspec.field(name="ProcessingModel", default="")
    minutes: int = msgspec.field(name="ReservationDuration", default=0)


class _DeputiesIn(msgspec.Struct):
    keys: list[_KeyIn] = msgspec.field(name="DeputyKeys", default_factory=list)


class ServiceReservations:
    """Reservations with an end."""

    def __init__(self, site: LabSite) -> None:
        self._site = site
        self._components = site.state.components
        self._records = site.state.reservations

    def routes(self) -> list[Route]:
        """The paths of this part of HSM."""
        base = "/locks/service/reservations"
        return [
            Route(base, self.reserve, methods=["POST"]),
            Route(f"{base}/renew", self.renew, methods=["POST"]),
            Route(f"{base}/release", self.release, methods=["POST"]),
            Route(f"{base}/check", self.check, methods=["POST"]),
        ]

    async def reserve(self, request: Request) -> Response:
        """Reserve components that nobody has locked or reserved."""
        asked = await go_body(request, _ReserveIn)
        until = self._until(asked.minutes)
        good, bad = self._sorted(normalise(name) for name in asked.ids)
        if bad and asked.model.lower() != "flexible":
            raise Problem(400, _REFUSALS[next(iter(bad.values()))])
        given = [self._reserved(xname, until) for xname in good]
        return json_answer({"Success": given, "Failure": _failures(bad)})

    async def renew(self, request: Request) -> Response:
        """Let reservations last longer."""
        asked = await go_body(request, _KeysIn)
        until = self._until(asked.minutes)
        held, lost = self._held(asked.keys, "ReservationKey")
        self._refuse(asked.model, lost)
        for xname, record in held.items():
            self._records.put(xname, record | {"ExpirationTime": until})
        return _counted(list(held), lost)

    async def release(self, request: Request) -> Response:
        """Give reservations back."""
        asked = await go_body(request, _KeysIn)
        held, lost = self._held(asked.keys, "ReservationKey")
        self._refuse(asked.model, lost)
        for xname in held:
            self._records.delete(xname)
        return _counted(list(held), lost)

    async def check(self, request: Request) -> Response:
        """Tell whether deputy keys are good, and how long."""
        asked = await go_body(request, _DeputiesIn)
        held, lost = self._held(asked.keys, "DeputyKey")
        good = [
            {"ID": x, "DeputyKey": r["DeputyKey"], "ExpirationTime": r.get("ExpirationTime")}
            for x, r in held.items()
        ]
        return json_answer({"Success": good, "Failure": _failures(lost)})

    def _until(self, minutes: int) -> str:
        if minutes not in _MINUTES:
            raise Problem(400, "Invalid ReservationDuration: it is 1 to 15 minutes")
        return rfc3339(self._site.clock() + 60 * minutes)

    def _sorted(self, xnames: Iterable[str]) -> tuple[list[str], dict[str, str]]:
        bad: dict[str, str] = {}
        good: list[str] = []
        for xname in dict.fromkeys(xnames):
            reason = self._objection(xname)
            if reason:
                bad[xname] = reason
            else:
                good.append(xname)
        return good, bad

    def _objection(self, xname: str) -> str:
        component = self._components.get(xname)
        if component is None:
            return "NotFound"
        if component.get("Locked"):
            return "Locked"
        if component.get("ReservationDisabled"):
            return "Disabled"
        return "Reserved" if self._current(xname) else ""

    def _current(self, xname: str) -> JsonObject | None:
        record = self._records.get(xname)
        until = (record or {}).get("ExpirationTime")
        over = until is not None and until <= rfc3339(self._site.clock())
        return None if over else record

    def _reserved(self, xname: str, until: str) -> JsonObject:
        keys = {
            "DeputyKey": f"{xname}:dk:{uuid.uuid4()}",
            "ReservationKey": f"{xname}:rk:{uuid.uuid4()}",
        }
        self._records.put(xname, keys | {"ExpirationTime": until})
        return {"ID": xname, **keys, "ExpirationTime": until}

    def _held(
        self, keys: list[_KeyIn], field: str
    ) -> tuple[dict[str, JsonObject], dict[str, str]]:
        held: dict[str, JsonObject] = {}
        lost: dict[str, str] = {}
        for pair in keys:
            xname = normalise(pair.id)
            record = self._current(xname)
            if record is not None and record.get(field) == pair.key:
                held[xname] = record
            else:
                lost[xname] = "NotFound"
        return held, lost

    def _refuse(self, model: str, lost: dict[str, str]) -> None:
        if lost and model.lower() != "flexible":
            raise Problem(400, "Reservation not found")


_REFUSALS = {
    "NotFound": "Component not found",
    "Locked": "Component is Locked",
    "Disabled": "Component reservations are disabled",
    "Reserved": "Component is Reserved",
}


def _failures(bad: dict[str, str]) -> list[JsonObject]:
    return [{"ID": xname, "Reason": reason} for xname, reason in bad.items()]


def _counted(good: list[str], bad: dict[str, str]) -> Response:
    counts = {"Total": len(good) + len(bad), "Success": len(good), "Failure": len(bad)}
    success = {"ComponentIDs": good}
    return json_answer({"Counts": counts, "Success": success, "Failure": _failures(bad)})
