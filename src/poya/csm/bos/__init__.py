# SPDX-License-Identifier: Apache-2.0
"""The Boot Orchestration Service (BOS, `/apis/bos/v2`): templates, sessions and components.

`tenant` on a call acts as that tenant. An administrator's lists show every tenant's records,
but one that belongs to a tenant is read and written only as that tenant.
"""

from __future__ import annotations

from poya.csm.bos.components import BosComponents
from poya.csm.bos.records import (
    AppliedStages,
    BootSet,
    BosComponent,
    BosProgress,
    BosSession,
    SessionTemplate,
    template_body,
)
from poya.csm.bos.sessions import BosSessions
from poya.csm.bos.templates import Templates, Validation
from poya.csm.http.channel import Channel
from poya.csm.versions import Once, Version, VersionParts
from poya.documents import Document, JsonObject

__all__ = [
    "AppliedStages",
    "BootSet",
    "Bos",
    "BosComponent",
    "BosComponents",
    "BosProgress",
    "BosSession",
    "BosSessions",
    "SessionTemplate",
    "Templates",
    "Validation",
    "template_body",
]


class Bos:
    """The Boot Orchestration Service of one site."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._version = Once(self._ask_version)
        self.templates = Templates(channel)
        self.sessions = BosSessions(channel)
        self.components = BosComponents(channel)

    async def version(self) -> Version:
        """The service's version (`GET /v2/version`), asked once.

        Raises:
            BadAnswer: It does not say one.
        """
        return await self._version.get()

    async def options(self) -> Document:
        """The service's options, as served (`GET /v2/options`)."""
        return (await self._channel.get("/v2/options")).document()

    async def set_options(self, changes: JsonObject) -> Document:
        """Change some of the service's options, for everybody on the site; all of them come back.

        Raises:
            RequestRefused: BOS does not know an option or takes no such value (400).
        """
        return (await self._channel.patch("/v2/options", changes)).document()

    async def _ask_version(self) -> Version:
        answer = await self._channel.get("/v2/version")
        version = answer.decode(VersionParts).version()
        if version is None:
            raise answer.bad("It holds no version.")
        return version
