# SPDX-License-Identifier: Apache-2.0
"""What a node does once it has power: boot what BSS tells it, or say on its console why not.

A boot that fails leaves a node with power in state `On`: nobody but its console knows more, and
BOS only sees that it never reports the state that it should.
"""

from __future__ import annotations

from poya.lab.life.boot_check import Booted, BootFailed, boot
from poya.lab.life.power import PowerControl
from poya.lab.services.times import rfc3339
from poya.lab.services.xnames import component_type
from poya.lab.site import LabSite
from poya.lab.state import JsonObject

_CONSOLE_LINES = 200
STAGES = ("power", "boot", "configure")
"""Where a node can be made to fail."""


class Nodes:
    """The nodes of a site, their consoles, and which of them are to fail."""

    def __init__(self, site: LabSite) -> None:
        self._site = site
        self._records = site.state.kind("nodes")

    def attend(self, power: PowerControl) -> None:
        """Boot what is switched on, by the site's agenda; once a site."""
        power.switched_on.append(self._begin)
        power.switched_off.append(self._halt)
        power.sick = lambda xname: self.take_failure(xname, "power")
        self._site.agenda.on("node-boot", self._boot)

    def console(self, xname: str) -> list[str]:
        """What the node has said, oldest line first."""
        found: list[str] = self._record(xname)["console"]
        return found

    def failures(self, xname: str) -> dict[str, int]:
        """How often the node is still to fail at each stage; -1: always."""
        found: dict[str, int] = self._record(xname)["failures"]
        return found

    def set_failure(self, xname: str, stage: str, times: int) -> None:
        """Let a node fail at a stage the next few times; -1: always, 0: no more."""
        record = self._record(xname)
        record["failures"][stage] = times
        self._records.put(xname, record)

    def take_failure(self, xname: str, stage: str) -> bool:
        """Whether the node is to fail at this stage now; counts it."""
        record = self._record(xname)
        times = record["failures"].get(stage, 0)
        if times > 0:
            record["failures"][stage] = times - 1
            self._records.put(xname, record)
        return bool(times)

    def say(self, xname: str, text: str, now_s: float) -> None:
        """Write a line on a node's console."""
        record = self._record(xname)
        line = f"{rfc3339(now_s)} {text}"
        record["console"] = [*record["console"], line][-_CONSOLE_LINES:]
        self._records.put(xname, record)

    def _record(self, xname: str) -> JsonObject:
        return self._records.get(xname) or {"boot": 0, "console": [], "failures": {}}

    def _begin(self, xname: str, now_s: float) -> None:
        record = self._record(xname)
        record["boot"] += 1
        self._records.put(xname, record)
        self.say(xname, "BIOS: power on, network boot", now_s)
        wait_s = self._site.pace.of(self._site.pace.durations.boot_s)
        self._site.agenda.schedule(now_s + wait_s, "node-boot", node=xname, boot=record["boot"])

    def _halt(self, xname: str, now_s: float) -> None:
        record = self._record(xname)
        record["boot"] += 1  # whatever boot was under way is no more
        self._records.put(xname, record)
        self.say(xname, "BIOS: power off", now_s)

    async def _boot(self, event: JsonObject, now_s: float) -> None:
        xname = event["node"]
        component = self._site.state.components.get(xname)
        if component is None or self._record(xname)["boot"] != event["boot"]:
            return
        if self.take_failure(xname, "boot"):
            self.say(xname, "dracut: FATAL: made to fail by the lab", now_s)
            return
        try:
            booted = await boot(self._site, component)
        except BootFailed as failure:
            for line in str(failure).splitlines():
                self.say(xname, line, now_s)
            return
        self.say(xname, f"dracut: mounted {booted.rootfs or 'the initrd'}", now_s)
        self.say(xname, "systemd: Reached target Multi-User System.", now_s)
        self._report(xname, component, booted, now_s)

    def _report(self, xname: str, component: JsonObject, booted: Booted, now_s: float) -> None:
        """Tell HSM by heartbeat, and BOS by the state reporter, what is running."""
        state = self._site.state
        state.components.put(xname, component | {"State": "Ready", "Flag": "OK"})
        reported = state.bos_components.get(xname)
        if reported is not None and component_type(xname) == "Node":
            reported["actual_state"] = {
                "boot_artifacts": booted.artifacts(),
                "bss_token": booted.token,
                "last_updated": rfc3339(now_s),
            }
            state.bos_components.put(xname, reported)
