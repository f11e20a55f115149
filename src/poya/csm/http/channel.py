# SPDX-License-Identifier: Apache-2.0
"""One service of one site: its URL, its credentials, and the verbs."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from types import EllipsisType
from typing import TYPE_CHECKING

import msgspec

from poya.csm.auth import Credentials
from poya.csm.config import check_tenant
from poya.csm.http.answers import Answer
from poya.csm.http.calls import Call, Params
from poya.csm.http.rows import RowSplitter
from poya.documents import Json, encode

if TYPE_CHECKING:
    from poya.csm.http.transport import Wire

_NOT_FOUND = 404
_GLIMPSE_BYTES = 1000


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
        """The same service for another tenant; itself for None or BOS's empty text for nobody.

        Raises:
            ConfigError: The gateway would refuse such a name.
        """
        if not tenant:
            return self
        check_tenant(tenant)
        return replace(self, tenant=tenant)

    async def get(self, path: str, params: Params = ()) -> Answer:
        """Read; repeated while the service is out of reach."""
        return await self.send(self.call("GET", path, params=params, is_repeatable=True))

    async def put(self, path: str, body: Json, params: Params = ()) -> Answer:
        """Put a whole record in place; repeated like a read, since twice is once."""
        call = self.call("PUT", path, params=params, body=body, is_repeatable=True)
        return await self.send(call)

    async def post(
        self, path: str, body: Json | EllipsisType = ..., *, is_repeatable: bool = False
    ) -> Answer:
        """Post; never repeated unless the caller says that twice is once."""
        return await self.send(self.call("POST", path, body=body, is_repeatable=is_repeatable))

    async def patch(
        self, path: str, body: Json | EllipsisType = ..., params: Params = ()
    ) -> Answer:
        """Change a part of a record; never repeated."""
        return await self.send(self.call("PATCH", path, params=params, body=body))

    async def delete(
        self, path: str, params: Params = (), body: Json | EllipsisType = ...
    ) -> Answer:
        """Delete; never repeated: the second time would read as absence."""
        return await self.send(self.call("DELETE", path, params=params, body=body))

    async def try_get(self, path: str) -> Answer | None:
        """Read what older releases do not have; None for a 404 of whatever kind."""
        call = self.call("GET", path, is_repeatable=True)
        answer = await self.wire.exchange(call, self.credentials)
        if answer.status == _NOT_FOUND:
            return None
        answer.raise_for_status()
        return answer

    async def rows(
        self,
        path: str,
        params: Params = (),
        *,
        key: str | None = None,
        limit_bytes: int | None = None,
    ) -> AsyncGenerator[tuple[msgspec.Raw, Answer], None]:
        """The elements of a list (below `key`, if given) as they arrive, not yet looked into.

        With each comes the answer that it is of, for messages. Memory holds about a mebibyte of
        the list, however long it is. Close the iterator if it is left early (`aclosing`).

        Raises:
            BadAnswer: The body is not such a list; what came before the fault was given already.
        """
        splitter = RowSplitter(key)
        call = self.call("GET", path, params=params, is_repeatable=True)
        if limit_bytes is not None:
            call = replace(call, limit_bytes=limit_bytes)
        async with self.wire.open(call, self.credentials) as (answer, pieces):
            async with aclosing(pieces):
                async for piece in pieces:
                    if not answer.body:
                        answer = replace(answer, body=piece[:_GLIMPSE_BYTES])
                    for row in splitter.feed(piece):
                        yield row, answer
            try:
                rest = splitter.finish()
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, KeyError) as error:
                raise answer.bad(f"{error}") from error
            for row in rest:
                yield row, answer

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
