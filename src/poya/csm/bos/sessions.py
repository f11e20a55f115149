# SPDX-License-Identifier: Apache-2.0
"""BOS sessions (`/v2/sessions`): booting, rebooting or shutting down the nodes of a template."""

from __future__ import annotations

from collections.abc import Iterable

from poya.csm.bos.records import AppliedStages, BosProgress, BosSession
from poya.csm.http.calls import params_of, path_of
from poya.csm.http.channel import Channel
from poya.csm.records import record_of, records_of
from poya.documents import JsonObject


class BosSessions:
    """BOS sessions (`/sessions`): booting, rebooting or shutting down nodes."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def list(
        self,
        *,
        min_age: str | None = None,
        max_age: str | None = None,
        status: str | None = None,
        tenant: str | None = None,
    ) -> tuple[BosSession, ...]:
        """All sessions, or those of an age (`3h`, `2d`, `1w`) or a status (pending, …)."""
        wanted = params_of({"min_age": min_age, "max_age": max_age, "status": status})
        answer = await self._channel.acting_as(tenant).get("/v2/sessions", wanted)
        return records_of(BosSession, answer.rows(), answer)

    async def get(self, name: str, *, tenant: str | None = None) -> BosSession:
        """One session.

        Raises:
            NotFound: There is none with that name, for that tenant.
        """
        return record_of(BosSession, await self._channel.acting_as(tenant).get(_session(name)))

    async def status(self, name: str, *, tenant: str | None = None) -> BosProgress:
        """How far a session is: phases and percentages, errors and their nodes.

        Raises:
            NotFound: There is none with that name, for that tenant.
        """
        answer = await self._channel.acting_as(tenant).get(f"{_session(name)}/status")
        return record_of(BosProgress, answer)

    async def create(self, body: JsonObject, *, tenant: str | None = None) -> BosSession:
        """Start a session: **nodes boot or shut down**. Name it, to find it after a lost answer.

        Args:
            body: template_name, operation (boot, reboot, shutdown), name, limit, …
            tenant: Act as this tenant; only its nodes take part.

        Raises:
            RequestRefused: The template is not valid (400) or the name is taken (409).
        """
        answer = await self._channel.acting_as(tenant).post("/v2/sessions", body)
        return record_of(BosSession, answer)

    async def delete(self, name: str, *, tenant: str | None = None) -> None:
        """Delete a session's record; its nodes stay as they are.

        Raises:
            NotFound: There is none with that name, for that tenant.
        """
        await self._channel.acting_as(tenant).delete(_session(name))

    async def apply_staged(
        self, xnames: Iterable[str], *, tenant: str | None = None
    ) -> AppliedStages:
        """Carry out what was staged for these nodes (`/applystaged`): **they boot or shut down**.

        Args:
            xnames: The nodes.
            tenant: Act as this tenant; only its nodes take part.
        """
        body: JsonObject = {"xnames": [*xnames]}
        answer = await self._channel.acting_as(tenant).post("/v2/applystaged", body)
        return answer.decode(AppliedStages)


def _session(name: str) -> str:
    return f"/v2/sessions{path_of(name)}"
