# SPDX-License-Identifier: Apache-2.0
"""The Configuration Framework Service (CFS, `/apis/cfs`): v3 where it exists, else v2.

Every body is given and every view is read in the v3 spelling, whichever version is there.
"""

from __future__ import annotations

from poya.csm.cfs.components import CfsComponents
from poya.csm.cfs.configurations import Configurations
from poya.csm.cfs.records import (
    CfsComponent,
    CfsSession,
    Configuration,
    Layer,
    Source,
    configuration_body,
    to_v2,
    to_v3,
)
from poya.csm.cfs.sessions import CfsSessions
from poya.csm.cfs.sources import Sources
from poya.csm.cfs.store import Dialect, ListTooLong, Records, ask_dialect
from poya.csm.http.channel import Channel
from poya.csm.versions import Once
from poya.documents import Document, JsonObject

__all__ = [
    "Cfs",
    "CfsComponent",
    "CfsComponents",
    "CfsSession",
    "CfsSessions",
    "Configuration",
    "Configurations",
    "Dialect",
    "Layer",
    "ListTooLong",
    "Source",
    "Sources",
    "configuration_body",
]


class Cfs:
    """The Configuration Framework Service of one site."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._dialect = Once(lambda: ask_dialect(channel))
        records = Records(channel, self._dialect)
        self.configurations = Configurations(records)
        self.sources = Sources(records)
        self.components = CfsComponents(records)
        self.sessions = CfsSessions(records)

    async def dialect(self) -> Dialect:
        """Which API and version the site has, asked once (`GET /v3`, `/v2`, `/healthz`)."""
        return await self._dialect.get()

    async def options(self) -> Document:
        """The service's options, in the v3 spelling (`GET /options`)."""
        answer = await self._channel.get(f"/{(await self.dialect()).api}/options")
        return Document.of(to_v3(answer.document().editable()))

    async def set_options(self, changes: JsonObject) -> Document:
        """Change some of the service's options, for everybody on the site; all of them come back.

        Raises:
            RequestRefused: CFS does not know an option or takes no such value (400).
        """
        dialect = await self.dialect()
        body = to_v2(changes) if dialect.is_v2 else changes
        answer = await self._channel.patch(f"/{dialect.api}/options", body)
        return Document.of(to_v3(answer.document().editable()))
