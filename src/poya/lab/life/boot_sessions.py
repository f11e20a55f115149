# SPDX-License-Identifier: Apache-2.0
"""BOS sessions: pending; running, when it is written what each node shall run; complete."""

from __future__ import annotations

from poya.lab.life.boot_image import NoImage, boot_artifacts, require_provider
from poya.lab.life.boot_nodes import NodeChoice, joined
from poya.lab.services.times import bos_time, rfc3339
from poya.lab.site import LabSite
from poya.lab.state import JsonObject, tenant_key

NO_ARTIFACTS = {"kernel": "", "kernel_parameters": "", "initrd": ""}
NEVER = "1970-01-01T00:00:00.000000Z"
EMPTY_STATE: JsonObject = {
    "boot_artifacts": NO_ARTIFACTS,
    "bss_token": "",
    "last_updated": NEVER,
}
_NO_ATTEMPTS = {
    "power_on_attempts": 0,
    "power_off_graceful_attempts": 0,
    "power_off_forceful_attempts": 0,
}


def new_component(xname: str) -> JsonObject:
    """What BOS knows of a node that it has just discovered."""
    return {
        "id": xname,
        "actual_state": dict(EMPTY_STATE),
        "desired_state": EMPTY_STATE | {"configuration": ""},
        "staged_state": {
            "boot_artifacts": NO_ARTIFACTS,
            "configuration": "",
            "session": "",
            "last_updated": NEVER,
        },
        "last_action": {"action": "newly_discovered", "failed": False, "last_updated": NEVER},
        "event_stats": dict(_NO_ATTEMPTS),
        "status": {"phase": "", "status": "stable", "status_override": ""},
        "enabled": False,
        "error": "",
        "session": "",
        "retry_policy": 3,
    }


class BootSessions:
    """The sessions of a site's BOS."""

    def __init__(self, site: LabSite) -> None:
        self._site = site
        self._sessions = site.state.bos_sessions
        self._components = site.state.bos_components

    def attend(self) -> None:
        """Set sessions up, by the site's agenda; once a site."""
        self._site.agenda.on("boot-session", self._set_up)

    def begin(self, session: JsonObject) -> None:
        """A session was asked for: BOS will look at it soon."""
        wait_s = self._site.pace.of(self._site.pace.durations.session_setup_s)
        key = tenant_key(session["name"], session.get("tenant"))
        self._site.agenda.schedule(self._site.clock() + wait_s, "boot-session", session=key)

    def complete(self, now_s: float) -> None:
        """End every running session that no enabled component works for any more."""
        busy = {c.get("session") for c in self._components.values() if c.get("enabled")}
        for key, session in list(self._sessions.items()):
            if session["status"]["status"] == "running" and session["name"] not in busy:
                self._end(key, session, now_s)

    def apply_staged(self, xnames: list[str], now_s: float) -> dict[str, list[str]]:
        """Make what was staged for nodes what they shall run."""
        outcome: dict[str, list[str]] = {"succeeded": [], "failed": [], "ignored": []}
        for xname in xnames:
            component = self._components.get(xname)
            staged = (component or {}).get("staged_state") or {}
            if component is None:
                outcome["failed"].append(xname)
            elif not staged.get("session"):
                outcome["ignored"].append(xname)
            else:
                wanted = {k: staged[k] for k in ("boot_artifacts", "configuration")}
                self._components.put(xname, _asked(component, wanted, staged["session"], now_s))
                outcome["succeeded"].append(xname)
        return outcome

    async def _set_up(self, event: JsonObject, now_s: float) -> None:
        session = self._sessions.get(event["session"])
        if session is None or session["status"]["status"] != "pending":
            return
        try:
            chosen = await self._write(session, self._template(session), now_s)
        except NoImage as error:
            session["status"]["error"] = str(error)
            self._end(event["session"], session, now_s)
            return
        session["components"] = joined(chosen)
        if not chosen:
            session["status"]["error"] = "No nodes were found to act on."
            self._end(event["session"], session, now_s)
            return
        session["status"]["status"] = "running"
        self._sessions.put(event["session"], session)
        self._site.agenda.schedule(now_s, "boot-look")

    def _template(self, session: JsonObject) -> JsonObject:
        name = session["template_name"]
        found = self._site.state.templates.get(tenant_key(name, session.get("tenant")))
        if found is None:
            raise NoImage(f"Session template {name} is gone")
        return found

    async def _write(self, session: JsonObject, template: JsonObject, now_s: float) -> set[str]:
        choice, chosen = NodeChoice(self._site), set[str]()
        for boot_set in template["boot_sets"].values():
            found = choice.of(boot_set, session) & set(self._components.keys())
            wanted = await self._wanted(session, template, boot_set)
            records = {x: self._components.get(x) or {} for x in found}
            self._components.put_many(
                {
                    x: _staged(c, wanted, session, now_s)
                    if session["stage"]
                    else _asked(c, wanted, session["name"], now_s, session["operation"])
                    for x, c in records.items()
                }
            )
            chosen |= found
        return chosen

    async def _wanted(
        self, session: JsonObject, template: JsonObject, boot_set: JsonObject
    ) -> JsonObject:
        if session["operation"] == "shutdown":
            return {"boot_artifacts": NO_ARTIFACTS, "configuration": ""}
        cfs = (boot_set.get("cfs") or {}).get("configuration") or (
            (template.get("cfs") or {}).get("configuration")
        )
        configured = template.get("enable_cfs", True)
        require_provider(self._site.profile, boot_set)
        return {
            "boot_artifacts": await boot_artifacts(self._site.objects, boot_set),
            "configuration": cfs or "" if configured else "",
        }

    def _end(self, key: str, session: JsonObject, now_s: float) -> None:
        session["status"] |= {"status": "complete", "end_time": bos_time(now_s)}
        self._sessions.put(key, session)


def _asked(
    component: JsonObject, wanted: JsonObject, session: str, now_s: float, operation: str = "boot"
) -> JsonObject:
    """A component that BOS shall bring to what is wanted."""
    now = rfc3339(now_s)
    changed = component | {
        "desired_state": wanted | {"bss_token": "", "last_updated": now},
        "session": session,
        "enabled": True,
        "error": "",
        "last_action": {"action": "session_setup", "failed": False, "last_updated": now},
        "event_stats": dict(_NO_ATTEMPTS),
        "status": {"phase": "", "status": "stable", "status_override": ""},
    }
    if operation == "reboot":
        # what it runs now counts for nothing, so it is switched off and on again
        changed["actual_state"] = EMPTY_STATE
    return changed


def _staged(
    component: JsonObject, wanted: JsonObject, session: JsonObject, now_s: float
) -> JsonObject:
    staged = wanted | {"session": session["name"], "last_updated": rfc3339(now_s)}
    return component | {"staged_state": staged}
