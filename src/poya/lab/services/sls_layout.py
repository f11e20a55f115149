# SPDX-License-Identifier: Apache-2.0
"""SLS: the records of the layout, and the counter that every change moves."""

from __future__ import annotations

from poya.lab.services.times import go_time
from poya.lab.site import LabSite
from poya.lab.state import JsonObject, Records


class Layout:
    """What SLS holds of a site."""

    def __init__(self, site: LabSite) -> None:
        self._site = site
        self.hardware = site.state.sls_hardware
        self.networks = site.state.sls_networks
        self._versions = site.state.kind("sls_version")

    def keep(self, records: Records, key: str, record: JsonObject) -> None:
        """Create or replace a record, with the time of it."""
        now_s = self._site.clock()
        stamp = {"LastUpdated": int(now_s), "LastUpdatedTime": go_time(now_s)}
        records.put(key, record | stamp)
        self.count()

    def replace(self, hardware: dict[str, JsonObject], networks: dict[str, JsonObject]) -> None:
        """Forget everything and take this."""
        with self._site.state.transaction():
            self.hardware.clear()
            self.networks.clear()
            self.hardware.put_many(hardware)
            self.networks.put_many(networks)
            self.count()

    def count(self) -> None:
        """Count a change."""
        counter, _ = self.version()
        now = go_time(self._site.clock())
        self._versions.put("version", {"counter": counter + 1, "time": now})

    def version(self) -> tuple[int, str]:
        """How many changes there were, and when the last was."""
        found = self._versions.get("version") or {"counter": 0, "time": go_time(0)}
        return found["counter"], found["time"]
