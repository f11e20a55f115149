# SPDX-License-Identifier: Apache-2.0
"""One service of one site: its URL, its credentials, and the verbs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import EllipsisType
from typing import TYPE_CHECKING

from poya.csm.answers import Answer
from poya.csm.auth import Credentials
from poya.csm.calls import Call, Params
from poya.csm.config import check_tenant
from poya.documents import Json, encode

if TYPE_CHECKING:
    from poya.csm.transport import Wire


@dataclass(frozen=True, slots=True)
class Channel:
    """Requests to one service.

    Attributes:
        tenant: The tenant to act as, sent with every request; None acts as the administrator.
    """

    wire: Wire
    credentials: Credentials
    site: str
    base_url: str
    tenant: str | None = None

    def acting_as(self, tenant: str | None) -> Channel:
        """The same service for another tenant; itself if `tenant` is None.

        Raises:
            ConfigError: The gateway would refuse such a name.
        """
        check_tenant(tenant)
        return self if tenant is None else replace(self, tenant=tenant)

    async def get(self, path: str, params: Params = ()) -> Answer:
        """Read; repeated while the service is out of reach."""
        return await self.send(self.call("GET", path, params=params, is_repeatable=True))

    async def put(self, path: str, body: Json, params: Params = ()) -> Answer:
        """Put a whole record in place; repeated like a read, since twice is once."""
        call = self.call("PUT", path, params=params, body=body, is_repeatable=True)
        return await self.send(call)

    async def post(self, path: str, body: Json, *, is_repeatable: bool = False) -> Answer:
        """Post; never repeated unless the caller says that twice is once."""
        return await self.send(self.call("POST", path, body=body, is_repeatable=is_repeatable))

    async def patch(self, path: str, body: Json) -> Answer:
        """Change a part of a record; never repeated."""
        return await self.send(self.call("PATCH", path, body=body))

    async def delete(self, path: str) -> Answer:
        """Delete; never repeated: the second time would read as absence."""
        return await self.send(self.call("DELETE", path))

    def call(
        self,
        method: str,
        path: str,
        *,
        params: Params = (),
        body: Json | EllipsisType = ...,
        is_repeatable: bool = False,
    ) -> Call:
        """A call to this service, for `send`; `replace` it where the verbs above do not fit."""
        return Call(
            site=self.site,
            method=method,
            url=self.base_url + path,
            params=params,
            body=None if isinstance(body, EllipsisType) else encode(body),
            tenant=self.tenant,
            is_repeatable=is_repeatable,
        )

    async def send(self, call: Call) -> Answer:
        """Send a call made by `call`; only a 2xx comes back.

        Raises:
            PoyaError: As `Wire.send` says.
        """
        return await self.wire.send(call, self.credentials)
