# SPDX-License-Identifier: Apache-2.0
"""BOS's operators: every few seconds they look at each enabled component and take one step.

A node is switched off unless it runs what it should, switched on, waited for, configured. What
goes wrong on the node itself BOS never learns: it waits, tries again, and gives up in the end.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from poya.lab.life.boot_sessions import EMPTY_STATE, NO_ARTIFACTS, BootSessions, new_component
from poya.lab.life.configuring import Configuring
from poya.lab.life.power import PowerControl
from poya.lab.services.bos_options import Options
from poya.lab.services.bss_records import BootRecords, ParametersIn
from poya.lab.services.times import rfc3339
from poya.lab.site import LabSite
from poya.lab.state import JsonObject

_RETRIES_SPENT = (
    "The retry limit has been hit for this component, "
    "but no services have reported specific errors"
)
_OFF_GRACEFULLY, _OFF_FORCEFULLY, _ON = (
    "power_off_gracefully",
    "power_off_forcefully",
    "power_on",
)
_ATTEMPTS = {
    _OFF_GRACEFULLY: "power_off_graceful_attempts",
    _OFF_FORCEFULLY: "power_off_forceful_attempts",
    _ON: "power_on_attempts",
}
_IMAGE_OF = re.compile(r"s3://[^/]+/([0-9a-f-]{36})/.+")


class BootOperators:
    """The operators of a site's BOS."""

    def __init__(self, site: LabSite, power: PowerControl, configuring: Configuring) -> None:
        self._site = site
        self._components = site.state.bos_components
        self._power = power
        self._configuring = configuring
        self._boot_records = BootRecords(site)
        self._options = Options(site)
        self._sessions = BootSessions(site)

    def attend(self) -> None:
        """Look at components, by the site's agenda; once a site."""
        self._sessions.attend()
        self._site.agenda.on("boot-look", self._look)

    async def _look(self, _event: JsonObject, now_s: float) -> None:
        enabled = {x: _whole(c) for x, c in self._components.items() if c.get("enabled")}
        if not enabled:
            self._sessions.complete(now_s)
            return
        to_switch: dict[str, list[str]] = {}
        for xname, component in enabled.items():
            action = self._step(xname, component, now_s)
            if action:
                to_switch.setdefault(action, []).append(xname)
        self._components.put_many(enabled)
        self._act(to_switch, enabled, now_s)
        self._sessions.complete(now_s)
        wait_s = self._site.pace.of(max(float(self._options.current()["polling_frequency"]), 1.0))
        if not self._site.agenda.awaits("boot-look"):
            self._site.agenda.schedule(now_s + wait_s, "boot-look")

    def _step(self, xname: str, component: JsonObject, now_s: float) -> str:
        """Find out where a component stands; the action that it needs, or ""."""
        if self._power.state_of(xname) == "undefined":
            _disable(component, "", "on_hold", "Component information was not returned by pcs")
            return ""
        is_off = self._power.state_of(xname) == "off"
        wants_off = not component["desired_state"]["boot_artifacts"]["kernel"]
        if is_off and wants_off:
            return _finish(component)
        if is_off:
            return self._step_on(component, now_s)
        if wants_off:
            return self._step_off(component, now_s)
        if _runs_what_it_should(component):
            return self._step_configure(xname, component, now_s)
        if component["last_action"]["action"] == _ON and not self._spent(
            component, "max_boot_wait_time", now_s
        ):
            _stand(component, "powering_on", "power_on_called")
            return ""
        return self._step_off(component, now_s)

    def _step_on(self, component: JsonObject, now_s: float) -> str:
        if component["status"]["phase"] == "powering_off":
            component["actual_state"] = EMPTY_STATE
        waits = component["last_action"]["action"] == _ON and not self._spent(
            component, "max_power_on_wait_time", now_s
        )
        _stand(component, "powering_on", "power_on_called" if waits else "power_on_pending")
        return "" if waits else self._attempt(component, _ON)

    def _step_off(self, component: JsonObject, now_s: float) -> str:
        last = component["last_action"]["action"]
        if last not in (_OFF_GRACEFULLY, _OFF_FORCEFULLY):
            _stand(component, "powering_off", "power_off_pending")
            return self._attempt(component, _OFF_GRACEFULLY)
        called = f"{last}_called"
        if not self._spent(component, "max_power_off_wait_time", now_s):
            _stand(component, "powering_off", called)
            return ""
        return self._attempt(component, _OFF_FORCEFULLY)

    def _step_configure(self, xname: str, component: JsonObject, now_s: float) -> str:
        wanted = component["desired_state"]["configuration"]
        if not wanted:
            return _finish(component)
        _stand(component, "configuring", "configuring")
        if self._configuring.wants(xname) != wanted:
            self._configuring.want(xname, wanted, enabled=True, now_s=now_s)
            return ""
        self._configuring.enable(xname, now_s)
        status = self._configuring.status_of(xname)
        if status == "configured":
            return _finish(component)
        if status == "failed":
            _disable(component, "configuring", "failed", "cfs configuration failed")
        elif status != "pending":
            text = "cfs is not reporting a valid configuration status for this component:"
            _disable(component, "configuring", "failed", f"{text} {status}")
        return ""

    def _attempt(self, component: JsonObject, action: str) -> str:
        """Count an attempt; "" if there were too many."""
        limit = component.get("retry_policy")
        limit = self._options.current()["default_retry_policy"] if limit is None else limit
        field = _ATTEMPTS[action]
        if component["event_stats"][field] >= limit != -1:
            text = component["error"] or _RETRIES_SPENT
            _disable(component, component["status"]["phase"], "failed", text)
            return ""
        component["event_stats"][field] += 1
        return action

    def _spent(self, component: JsonObject, option: str, now_s: float) -> bool:
        """Whether the time is over that BOS waits after an action."""
        since_s = now_s - _seconds(component["last_action"]["last_updated"])
        return since_s >= self._site.pace.of(float(self._options.current()[option]))

    def _act(
        self, to_switch: dict[str, list[str]], components: dict[str, JsonObject], now_s: float
    ) -> None:
        for action, xnames in to_switch.items():
            for xname in xnames:
                component = components[xname]
                last = {"action": action, "failed": False, "last_updated": rfc3339(now_s)}
                self._components.put(xname, component | {"last_action": last})
            if action == _ON:
                self._prepare(xnames, components, now_s)
            operation = {_ON: "On", _OFF_GRACEFULLY: "Soft-Off", _OFF_FORCEFULLY: "Force-Off"}
            self._power.begin(operation[action], dict.fromkeys(xnames, ""), now_s)

    def _prepare(self, xnames: list[str], components: dict[str, JsonObject], now_s: float) -> None:
        """Before power: tag the image for SBPS, tell BSS what to boot and CFS what to want."""
        by_artifacts: dict[tuple[str, ...], list[str]] = {}
        for xname in xnames:
            artifacts = components[xname]["desired_state"]["boot_artifacts"]
            key = tuple(artifacts[k] for k in ("kernel", "initrd", "kernel_parameters"))
            by_artifacts.setdefault(key, []).append(xname)
        for (kernel, initrd, params), alike in by_artifacts.items():
            if "root=sbps-s3:" in params:
                self._tag(kernel)
            token = self._boot_records.store(
                ParametersIn(hosts=sorted(alike), params=params, kernel=kernel, initrd=initrd)
            )
            for xname in alike:
                record = self._components.get(xname) or {}
                record["desired_state"]["bss_token"] = token
                self._components.put(xname, record)
        for xname in xnames:
            wanted = components[xname]["desired_state"]["configuration"]
            self._configuring.want(xname, wanted, enabled=False, now_s=now_s)

    def _tag(self, kernel: str) -> None:
        found = _IMAGE_OF.fullmatch(kernel)
        image = self._site.state.images.get(found[1]) if found else None
        if image is not None:
            image["metadata"] = {**(image.get("metadata") or {}), "sbps-project": "true"}
            self._site.state.images.put(image["id"], image)


def _whole(component: JsonObject) -> JsonObject:
    """A component with everything in it that clients may leave out."""
    given = {k: v for k, v in component.items() if v is not None}
    whole = new_component(str(component["id"])) | given
    for part in ("desired_state", "actual_state", "last_action", "event_stats", "status"):
        whole[part] = new_component("")[part] | (whole[part] or {})
    for part in ("desired_state", "actual_state"):
        artifacts = {**NO_ARTIFACTS, **(whole[part].get("boot_artifacts") or {})}
        whole[part]["boot_artifacts"] = artifacts
    return whole


def _runs_what_it_should(component: JsonObject) -> bool:
    desired, actual = component["desired_state"], component.get("actual_state") or EMPTY_STATE
    return bool(desired["boot_artifacts"] == actual["boot_artifacts"])


def _stand(component: JsonObject, phase: str, status: str) -> None:
    component["status"] = {"phase": phase, "status": status, "status_override": ""}


def _finish(component: JsonObject) -> str:
    _stand(component, "", "stable")
    component["enabled"] = False
    component["event_stats"] = dict.fromkeys(component["event_stats"], 0)
    return ""


def _disable(component: JsonObject, phase: str, status: str, error: str) -> None:
    component["status"] = {"phase": phase, "status": status, "status_override": status}
    component["enabled"] = False
    component["error"] = error


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).astimezone(UTC).timestamp()
