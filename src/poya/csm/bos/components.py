# SPDX-License-Identifier: Apache-2.0
"""Components as BOS sees them (`/v2/components`): their desired and their actual state."""

from __future__ import annotations

from collections.abc import Iterable

from poya.csm.bos.records import BosComponent
from poya.csm.http.calls import params_of, path_of
from poya.csm.http.channel import Channel
from poya.csm.records import record_of, records_of
from poya.documents import JsonObject
from poya.errors import UsageError


class BosComponents:
    """Components as BOS sees them (`/components`)."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def list(
        self,
        *,
        xnames: Iterable[str] = (),
        session: str | None = None,
        enabled: bool | None = None,
        phase: str | None = None,
        status: str | None = None,
        tenant: str | None = None,
    ) -> tuple[BosComponent, ...]:
        """All components, or those that fit. Not paged unless asked for, and never asked.

        Args:
            xnames: Only these.
            session: Only those that this session works on.
            enabled: Only those that BOS may act on, or may not.
            phase: powering_on, powering_off, configuring; empty for those at rest.
            status: stable, failed, on_hold, configuring, power_on_pending, …
            tenant: Only those of this tenant.
        """
        wanted = {
            "ids": ",".join(xnames) or None,
            "session": session,
            "enabled": enabled,
            "phase": phase,
            "status": status,
        }
        channel = self._channel.acting_as(tenant)
        answer = await channel.get("/v2/components", params_of(wanted))
        return records_of(BosComponent, answer.rows(), answer)

    async def get(self, xname: str) -> BosComponent:
        """One component.

        Raises:
            NotFound: BOS does not know it.
        """
        return record_of(BosComponent, await self._channel.get(_component(xname)))

    async def update(self, xname: str, changes: JsonObject) -> BosComponent:
        """Change a component (enabled, desired_state, retry_policy …): **it may boot**.

        Raises:
            NotFound: BOS does not know it.
            RequestRefused: BOS does not accept the changes (400).
        """
        return record_of(BosComponent, await self._channel.patch(_component(xname), changes))

    async def update_many(
        self, xnames: Iterable[str], changes: JsonObject, *, tenant: str | None = None
    ) -> tuple[BosComponent, ...]:
        """Change many components alike, in one request.

        Raises:
            UsageError: No component is named: BOS would take that for all of them.
            RequestRefused: BOS does not accept the changes (400).
        """
        ids = ",".join(xnames)
        if not ids:
            raise UsageError("Components to change must be named.")
        body: JsonObject = {"patch": changes, "filters": {"ids": ids}}
        answer = await self._channel.acting_as(tenant).patch("/v2/components", body)
        return records_of(BosComponent, answer.rows(), answer)

    async def delete(self, xname: str) -> None:
        """Forget a component; BOS finds it again in HSM.

        Raises:
            NotFound: BOS does not know it.
        """
        await self._channel.delete(_component(xname))


def _component(xname: str) -> str:
    return f"/v2/components{path_of(xname)}"
