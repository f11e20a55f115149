# SPDX-License-Identifier: Apache-2.0
"""Components as CFS sees them (`/components`): what is to configure them, and whether it did."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from poya.csm.cfs.records import CfsComponent
from poya.csm.cfs.store import Records
from poya.csm.http.calls import path_of
from poya.documents import JsonObject


class CfsComponents:
    """Components as CFS sees them (`/components`)."""

    def __init__(self, records: Records) -> None:
        self._records = records

    async def list(
        self,
        *,
        xnames: Iterable[str] = (),
        configuration: str | None = None,
        status: str | None = None,
        enabled: bool | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> tuple[CfsComponent, ...]:
        """All components, or those that fit.

        Args:
            xnames: Only these.
            configuration: Only those that desire it.
            status: unconfigured, pending, failed, configured.
            enabled: Only those that CFS may configure, or may not.
            tags: Only those that have all of these.
        """
        wanted = {
            "ids": ",".join(xnames) or None,
            "config_name": configuration,
            "status": status,
            "enabled": enabled,
            "tags": tags_of(tags),
        }
        channel = self._records.channel
        return await self._records.read_all(CfsComponent, "components", channel, wanted)

    async def get(self, component_id: str) -> CfsComponent:
        """One component.

        Raises:
            NotFound: CFS does not know it.
        """
        return await self._records.read(CfsComponent, f"/components{path_of(component_id)}")

    async def desiring(self, configuration: str) -> tuple[CfsComponent, ...]:
        """The components that a configuration is desired for, enabled or not.

        Asks every component: CFS's own `in_use` says no where this says yes (CFS 1.31).
        """
        return tuple(one for one in await self.list() if one.desired_config == configuration)

    async def update(self, component_id: str, changes: JsonObject) -> CfsComponent:
        """Change fields of a component (desired_config, enabled, tags …), v3 spelling.

        Raises:
            NotFound: CFS does not know it.
        """
        path = f"/components{path_of(component_id)}"
        channel = self._records.channel
        return await self._records.write(
            CfsComponent, path, changes, method="PATCH", channel=channel
        )

    async def update_many(self, component_ids: Iterable[str], changes: JsonObject) -> None:
        """Change fields of many components alike, in one request, v3 spelling.

        Raises:
            NotFound: CFS does not know one of them.
        """
        await self._records.patch_many(
            "/components", [{"id": one, **changes} for one in component_ids]
        )

    async def put(self, component_id: str, body: JsonObject) -> CfsComponent:
        """Create a component, or replace it whole, v3 spelling.

        Without a `state` CFS would fail on every later read of it; so an empty one is sent.
        """
        path = f"/components{path_of(component_id)}"
        whole: JsonObject = {"state": [], **body}
        channel = self._records.channel
        return await self._records.write(CfsComponent, path, whole, method="PUT", channel=channel)

    async def delete(self, component_id: str) -> None:
        """Forget a component; CFS finds it again in HSM.

        Raises:
            NotFound: CFS does not know it.
        """
        await self._records.delete(f"/components{path_of(component_id)}", self._records.channel)


def tags_of(tags: Mapping[str, str] | None) -> str | None:
    """Tags as CFS takes them in a query: `key=value,key=value`."""
    return ",".join(f"{key}={value}" for key, value in tags.items()) if tags else None
