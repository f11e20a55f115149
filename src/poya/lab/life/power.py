# SPDX-License-Identifier: Apache-2.0
"""Power: what becomes of a transition, and of the nodes that it names.

HSM's state of a component is where a site keeps whether it has power: `Off`; `On` while a node
boots; `Ready` when its operating system has told HSM so.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping

from poya.lab.services.times import rfc3339
from poya.lab.services.xnames import component_type, normalise
from poya.lab.site import LabSite
from poya.lab.state import JsonObject

OPERATIONS = {
    name.lower(): name
    for name in ("On", "Off", "Soft-Off", "Soft-Restart", "Hard-Restart", "Init", "Force-Off")
}
_DAY_S = 86_400
_SWITCHABLE = frozenset(
    ("Node", "Chassis", "ComputeModule", "RouterModule", "CabinetPDUPowerConnector")
)
_ON = frozenset(("On", "Ready", "Standby", "Halt"))
_TO_OFF = frozenset(("Off", "Soft-Off", "Force-Off"))
_NEEDS_POWER = frozenset(("Soft-Restart", "Hard-Restart"))

NodeEvent = Callable[[str, float], None]
"""Told of a node that was switched: its xname and when."""


class PowerControl:
    """The switch of every component of a site."""

    def __init__(self, site: LabSite) -> None:
        self._site = site
        self._components = site.state.components
        self._records = site.state.transitions
        self.switched_on: list[NodeEvent] = []
        self.switched_off: list[NodeEvent] = []
        self.sick: Callable[[str], bool] = lambda _xname: False

    def attend(self) -> None:
        """Work on what is begun, by the site's agenda; once a site."""
        self._site.agenda.on("power", self._work)
        self._site.agenda.on("power-settled", self._settle)

    def switchable(self) -> list[str]:
        """Every component that can be switched."""
        return list(filter(self.is_switchable, self._components.keys()))

    def is_switchable(self, xname: str) -> bool:
        """Whether HSM knows a component of this name that can be switched."""
        return component_type(xname) in _SWITCHABLE and xname in self._components

    def state_of(self, xname: str) -> str:
        """`on`, `off` or `undefined`."""
        state = (self._components.get(xname) or {}).get("State")
        if state == "Off":
            return "off"
        return "on" if state in _ON else "undefined"

    def begin(self, operation: str, places: Mapping[str, str], now_s: float | None = None) -> str:
        """Write a transition down: xnames and their deputy keys; its id."""
        now_s = self._site.clock() if now_s is None else now_s
        transition_id = str(uuid.uuid4())
        tasks = {
            name: _task(name, "new", "Gathering data") | {"deputyKey": key}
            for name, key in places.items()
        }
        record: JsonObject = {
            "transitionID": transition_id,
            "operation": operation,
            "createTime": rfc3339(now_s),
            "automaticExpirationTime": rfc3339(now_s + _DAY_S),
            "transitionStatus": "new",
            "tasks": tasks,
        }
        self._records.put(transition_id, record)
        self._site.agenda.schedule(now_s, "power", transition=transition_id)
        return transition_id

    def abort(self, record: JsonObject) -> None:
        """Ask for the end of a transition: what has not been commanded yet is given up."""
        self._records.put(record["transitionID"], record | {"transitionStatus": "abort-signaled"})

    async def _work(self, event: JsonObject, now_s: float) -> None:
        record = self._records.get(event["transition"])
        if record is None:
            return
        if record["transitionStatus"] == "abort-signaled":
            self._end(record, "aborted")
            return
        for name, task in record["tasks"].items():
            record["tasks"][name] = self._commanded(name, record["operation"], task)
        record["transitionStatus"] = "in-progress"
        self._records.put(record["transitionID"], record)
        self._site.agenda.schedule(
            now_s + self._site.pace.of(self._lasts_s(record["operation"])),
            "power-settled",
            transition=record["transitionID"],
        )

    async def _settle(self, event: JsonObject, now_s: float) -> None:
        record = self._records.get(event["transition"])
        if record is None:
            return
        busy = [n for n, task in record["tasks"].items() if task["taskStatus"] == "in-progress"]
        self._switch([normalise(name) for name in busy], record["operation"], now_s)
        for name in busy:
            record["tasks"][name] |= _task(name, "succeeded", _done(record["operation"]))
        aborted = record["transitionStatus"] == "abort-signaled"
        self._end(record, "aborted" if aborted else "completed")

    def _switch(self, xnames: list[str], operation: str, now_s: float) -> None:
        state = "Off" if operation in _TO_OFF else "On"
        changed = {x: c | {"State": state} for x in xnames if (c := self._components.get(x))}
        self._components.put_many(changed)
        nodes = [xname for xname in changed if component_type(xname) == "Node"]
        for tell in self.switched_off if state == "Off" else self.switched_on:
            for xname in nodes:
                tell(xname, now_s)

    def _commanded(self, name: str, operation: str, task: JsonObject) -> JsonObject:
        """A task after the component was looked up, reserved and told."""
        xname = normalise(name)
        kind = component_type(xname)
        if not kind:
            return task | _failed(name, "Invalid xname")
        if kind not in _SWITCHABLE:
            status = _task(name, "unsupported", f"Unable to control power of type {kind}")
            return task | status
        if xname not in self._components:
            return task | _failed(name, "Component not found in component map")
        if not self._may_reserve(xname, task["deputyKey"]):
            return task | _failed(name, "Unable to reserve component")
        state = self.state_of(xname)
        if operation in _NEEDS_POWER and state != "on":
            return task | _failed(name, f"Component must be in the On state for {operation}")
        if self.sick(xname):
            return task | _failed(name, "Failed to achieve transition: BMC did not respond")
        if state == ("off" if operation in _TO_OFF else "on") and operation in ("On", *_TO_OFF):
            described = f"Component already in {state} state"
            return task | _task(name, "succeeded", described)
        return task | _task(name, "in-progress", f"Applied {operation}, waiting for confirmation")

    def _may_reserve(self, xname: str, deputy_key: str) -> bool:
        reservation = self._site.state.reservations.get(xname)
        if reservation is not None:
            return bool(deputy_key) and reservation.get("DeputyKey") == deputy_key
        component = self._components.get(xname) or {}
        return not (component.get("Locked") or component.get("ReservationDisabled"))

    def _lasts_s(self, operation: str) -> float:
        durations = self._site.pace.durations
        if operation == "On":
            return durations.power_on_s
        if operation in _TO_OFF:
            return durations.power_off_s
        return durations.power_off_s + durations.power_on_s

    def _end(self, record: JsonObject, status: str) -> None:
        for name, task in record["tasks"].items():
            if task["taskStatus"] in ("new", "in-progress"):
                record["tasks"][name] = task | _failed(name, "Transition aborted")
        self._records.put(record["transitionID"], record | {"transitionStatus": status})


def _task(name: str, status: str, description: str) -> JsonObject:
    return {"xname": name, "taskStatus": status, "taskStatusDescription": description}


def _failed(name: str, description: str) -> JsonObject:
    return _task(name, "failed", description) | {"error": description}


def _done(operation: str) -> str:
    return f"Transition confirmed, {'off' if operation in _TO_OFF else 'on'}"
