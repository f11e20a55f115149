# SPDX-License-Identifier: Apache-2.0
"""CFS sessions (`/sessions`): runs of a configuration on nodes or on an image."""

from __future__ import annotations

from collections.abc import Mapping

from poya.csm.cfs.components import tags_of
from poya.csm.cfs.records import CfsSession
from poya.csm.cfs.store import Records
from poya.csm.http.calls import path_of
from poya.documents import JsonObject


class CfsSessions:
    """CFS sessions (`/sessions`): runs of a configuration on nodes or on an image."""

    def __init__(self, records: Records) -> None:
        self._records = records

    async def list(
        self,
        *,
        min_age: str | None = None,
        max_age: str | None = None,
        status: str | None = None,
        name_contains: str | None = None,
        succeeded: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> tuple[CfsSession, ...]:
        """All sessions, or those that fit.

        Args:
            min_age: Older than this, as `3h`, `2d`, `1w`.
            max_age: Younger than this.
            status: pending, running, complete.
            name_contains: A part of the name.
            succeeded: none, true, false, unknown.
            tags: Only those that have all of these.
        """
        wanted = {
            "min_age": min_age,
            "max_age": max_age,
            "status": status,
            "name_contains": name_contains,
            "succeeded": succeeded,
            "tags": tags_of(tags),
        }
        channel = self._records.channel
        return await self._records.read_all(CfsSession, "sessions", channel, wanted)

    async def get(self, name: str) -> CfsSession:
        """One session.

        Raises:
            NotFound: There is none with that name.
        """
        return await self._records.read(CfsSession, f"/sessions{path_of(name)}")

    async def create(self, body: JsonObject) -> CfsSession:
        """Start a session, given in the v3 spelling (name, configuration_name, target …).

        Raises:
            RequestRefused: The name is taken (409), or the configuration is missing (400).
        """
        channel = self._records.channel
        return await self._records.write(
            CfsSession, "/sessions", body, method="POST", channel=channel
        )

    async def delete(self, name: str) -> None:
        """Delete a session; a running one is stopped.

        Raises:
            NotFound: There is none with that name.
        """
        await self._records.delete(f"/sessions{path_of(name)}", self._records.channel)
