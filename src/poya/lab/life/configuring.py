# SPDX-License-Identifier: Apache-2.0
"""CFS at work: its batcher brings components to what they want, its sessions run playbooks.

Nobody checked a layer's repository or commit when the configuration was written (a branch
excepted). They are cloned now, and what is not there fails.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from poya.lab.life.customising import customise
from poya.lab.life.layers import LayerFailed, require_layers
from poya.lab.life.nodes import Nodes
from poya.lab.services.cfs_options import Options
from poya.lab.services.cfs_status import configuration_status
from poya.lab.services.times import bos_time, cfs_time
from poya.lab.site import LabSite
from poya.lab.state import JsonObject

_BATCH_NODES = 25


class Configuring:
    """CFS's batcher and its sessions."""

    def __init__(self, site: LabSite) -> None:
        self._site = site
        self._components = site.state.cfs_components
        self._sessions = site.state.cfs_sessions
        self._options = Options(site)
        self._nodes = Nodes(site)
        self._checked: tuple[float, dict[str, LayerFailed | None]] = (0.0, {})

    def attend(self) -> None:
        """Configure what wants it, by the site's agenda; once a site."""
        self._site.agenda.on("configure-look", self._look)
        self._site.agenda.on("configure-start", self._start)
        self._site.agenda.on("configure-end", self._end)

    def wants(self, xname: str) -> str:
        """The configuration that a component is to have."""
        return str((self._components.get(xname) or {}).get("desired_config") or "")

    def want(self, xname: str, configuration: str, *, enabled: bool, now_s: float) -> None:
        """Let a component want a configuration, from the start."""
        record = self._components.get(xname) or {"id": xname, "tags": {}, "retry_policy": 3}
        changes = {"desired_config": configuration, "enabled": enabled, "error_count": 0}
        self._components.put(xname, record | changes | {"state": []})
        if enabled:
            self.look_soon(now_s)

    def enable(self, xname: str, now_s: float) -> None:
        """Let the batcher have a component, if it does not yet."""
        record = self._components.get(xname)
        if record is not None and not record.get("enabled"):
            self._components.put(xname, record | {"enabled": True})
            self.look_soon(now_s)

    def status_of(self, xname: str) -> str:
        """`configured`, `pending`, `failed` or `unconfigured`."""
        record = self._components.get(xname)
        if record is None:
            return "unconfigured"
        record.setdefault("state", [])
        configuration = self._site.state.configurations.get(record.get("desired_config") or "")
        return configuration_status(record, configuration, self._options.current())

    def look_soon(self, now_s: float) -> None:
        """Something may want configuration: the batcher will look."""
        if not self._site.agenda.awaits("configure-look"):
            wait_s = self._site.pace.of(self._site.pace.durations.cfs_session_s)
            self._site.agenda.schedule(now_s + wait_s, "configure-look")

    def begin(self, name: str) -> None:
        """A session was asked for: its job will start soon."""
        wait_s = self._site.pace.of(self._site.pace.durations.cfs_session_s)
        self._site.agenda.schedule(self._site.clock() + wait_s, "configure-start", session=name)

    async def _look(self, _event: JsonObject, now_s: float) -> None:
        """Make batches of what is enabled and pending, one session each."""
        waiting: dict[str, list[str]] = {}
        taken = self._at_work()
        for xname, record in self._components.items():
            free = record.get("enabled") and "state" in record and xname not in taken
            if free and self.status_of(xname) == "pending":
                waiting.setdefault(record["desired_config"], []).append(xname)
        for configuration, xnames in waiting.items():
            for start in range(0, len(xnames), _BATCH_NODES):
                self._begin_batch(configuration, xnames[start : start + _BATCH_NODES], now_s)

    def _at_work(self) -> set[str]:
        running = [
            s["ansible"]["limit"]
            for s in self._sessions.values()
            if s["status"]["session"]["status"] in ("pending", "running")
        ]
        return {xname for limit in running for xname in limit.split(",")}

    def _begin_batch(self, configuration: str, xnames: Sequence[str], now_s: float) -> None:
        name = f"batcher-{uuid.uuid4()}"
        self._sessions.put(
            name,
            {
                "name": name,
                "configuration": {"name": configuration, "limit": ""},
                "ansible": {
                    "config": self._options.current()["default_ansible_config"],
                    "limit": ",".join(xnames),
                    "verbosity": 0,
                    "passthrough": "",
                },
                "target": {"definition": "dynamic", "groups": []},
                "tags": {"bos_session": ""},
                "debug_on_failure": False,
                "status": {
                    "artifacts": [],
                    "session": {
                        "status": "pending",
                        "succeeded": "none",
                        "start_time": bos_time(now_s),
                    },
                },
            },
        )
        self._site.agenda.schedule(now_s, "configure-start", session=name)

    async def _start(self, event: JsonObject, now_s: float) -> None:
        session = self._sessions.get(event["session"])
        if session is None or session["status"]["session"]["status"] != "pending":
            return
        job = f"cfs-{uuid.uuid4()}"
        session["status"]["session"] |= {"status": "running", "job": job}
        self._sessions.put(session["name"], session)
        layers = self._layers(session["configuration"]["name"])
        wait_s = self._site.pace.of(self._site.pace.durations.configure_s * max(len(layers), 1))
        self._site.agenda.schedule(now_s + wait_s, "configure-end", session=session["name"])

    async def _end(self, event: JsonObject, now_s: float) -> None:
        session = self._sessions.get(event["session"])
        if session is None:
            return
        failed = await self._failed_layer(session["configuration"]["name"], now_s)
        succeeded = failed is None
        if session["target"]["definition"] == "image":
            if succeeded:
                session["status"]["artifacts"] = await customise(self._site, session, now_s)
        else:
            succeeded = self._apply(session, failed, now_s)
        session["status"]["session"] |= {
            "status": "complete",
            "succeeded": "true" if succeeded else "false",
            "completion_time": bos_time(now_s),
        }
        self._sessions.put(session["name"], session)
        if not succeeded:
            self.look_soon(now_s)

    async def _failed_layer(self, configuration: str, now_s: float) -> LayerFailed | None:
        """The layer that cannot be cloned; batches of the same moment clone but once."""
        if self._checked[0] != now_s:
            self._checked = (now_s, {})
        known = self._checked[1]
        if configuration not in known:
            try:
                await require_layers(self._site, self._layers(configuration))
                known[configuration] = None
            except LayerFailed as failed:
                known[configuration] = failed
        return known[configuration]

    def _apply(self, session: JsonObject, failed: LayerFailed | None, now_s: float) -> bool:
        """Note on each component what was done to it; whether all went well."""
        layers = self._layers(session["configuration"]["name"])
        good = failed is None
        for xname in filter(None, session["ansible"]["limit"].split(",")):
            record = self._components.get(xname)
            if record is None:
                continue
            broken = failed or self._made_to_fail(xname)
            done = layers if broken is None else layers[: broken.number]
            state = [self._noted(layer, "applied", session, now_s) for layer in done]
            if broken is not None and broken.number < len(layers):
                state.append(self._noted(layers[broken.number], "failed", session, now_s))
                record["error_count"] = record.get("error_count", 0) + 1
                self._nodes.say(xname, f"cfs: {session['name']}: {broken}", now_s)
            good = good and broken is None
            self._components.put(xname, record | {"state": state})
        return good

    def _made_to_fail(self, xname: str) -> LayerFailed | None:
        if self._nodes.take_failure(xname, "configure"):
            return LayerFailed(0, "fatal: UNREACHABLE! made to fail by the lab")
        return None

    def _noted(
        self, layer: JsonObject, status: str, session: JsonObject, now_s: float
    ) -> JsonObject:
        return {
            "clone_url": layer.get("clone_url", ""),
            "playbook": layer.get("playbook") or self._options.current()["default_playbook"],
            "commit": layer.get("commit", ""),
            "status": status,
            "session_name": session["name"],
            "last_updated": cfs_time(now_s),
        }

    def _layers(self, configuration: str) -> list[JsonObject]:
        record = self._site.state.configurations.get(configuration) or {}
        layers: list[JsonObject] = record.get("layers") or []
        return layers
