# SPDX-License-Identifier: Apache-2.0
"""How CFS is read and written in whichever dialect a site speaks: paths, spelling, pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from poya.csm.answers import Answer
from poya.csm.calls import Params, params_of
from poya.csm.cfs_records import CfsRecord, cfs_record, cfs_records, to_v2
from poya.csm.channel import Channel
from poya.csm.versions import Once, Version, VersionParts
from poya.documents import JsonObject, parse
from poya.errors import BadAnswer, RequestRefused

C = TypeVar("C", bound=CfsRecord)

_NOT_FOUND = 404
_BAD_REQUEST = 400
_TOO_LONG = "response size is too large"


class ListTooLong(RequestRefused):
    """CFS v2 has more records than it lists at once, and no pages."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """What a site's CFS speaks.

    Attributes:
        api: `v3` (CSM 1.5 and later) or `v2`.
        version: The service's version; None from CFS before 1.12, which does not tell.
    """

    api: str
    version: Version | None

    @property
    def is_v2(self) -> bool:
        """Whether only v2 is there."""
        return self.api == "v2"


class Records:
    """Reads and writes CFS's records in whichever dialect the site speaks."""

    def __init__(self, channel: Channel, dialect: Once[Dialect]) -> None:
        self.channel = channel
        self._dialect = dialect

    async def dialect(self) -> Dialect:
        """The dialect, asked once."""
        return await self._dialect.get()

    async def read(self, kind: type[C], path: str, channel: Channel | None = None) -> C:
        """One record."""
        dialect = await self.dialect()
        answer = await (channel or self.channel).get(f"/{dialect.api}{path}")
        return cfs_record(kind, answer, is_v2=dialect.is_v2)

    async def read_all(self, kind: type[C], collection: str, channel: Channel) -> tuple[C, ...]:
        """All records of a collection, every page of it.

        Raises:
            ListTooLong: v2 will not list that many.
            BadAnswer: A page leads back to an earlier one.
        """
        if (await self.dialect()).is_v2:
            return await self._read_v2_list(kind, collection, channel)
        found: list[C] = []
        params: Params = ()
        seen: set[Params] = set()
        while True:
            answer = await channel.get(f"/v3/{collection}", params)
            rows, following = _page(answer, collection)
            found += cfs_records(kind, rows, answer, is_v2=False)
            if not following:
                return tuple(found)
            params = following
            if params in seen:
                raise answer.bad("Its next page is one that was read already.")
            seen.add(params)

    async def _read_v2_list(
        self, kind: type[C], collection: str, channel: Channel
    ) -> tuple[C, ...]:
        try:
            answer = await channel.get(f"/v2/{collection}")
        except RequestRefused as refused:
            if refused.status != _BAD_REQUEST or _TOO_LONG not in refused.detail:
                raise
            raise ListTooLong(
                f"CFS of {channel.site} has more {collection} than its v2 API lists at once.",
                status=refused.status,
                detail=refused.detail,
                todo="Raise its option defaultPageSize, or delete what is not needed.",
            ) from refused
        return cfs_records(kind, answer.rows(), answer, is_v2=True)

    async def write(
        self, kind: type[C], path: str, body: JsonObject, *, method: str, channel: Channel
    ) -> C:
        """Write a record given in the v3 spelling; the answer is the record as stored."""
        dialect = await self.dialect()
        call = channel.call(
            method,
            f"/{dialect.api}{path}",
            body=to_v2(body) if dialect.is_v2 else body,
            is_repeatable=method == "PUT",
        )
        return cfs_record(kind, await channel.send(call), is_v2=dialect.is_v2)

    async def delete(self, path: str, channel: Channel) -> None:
        """Delete a record."""
        await channel.delete(f"/{(await self.dialect()).api}{path}")


async def ask_dialect(channel: Channel) -> Dialect:
    """Find out which API and version a site has (`GET /v3`, `/v2`, `/healthz`)."""
    for api in ("v3", "v2"):
        answer = await _probe(channel, f"/{api}")
        if answer is not None:
            return Dialect(api, _version(answer))
    # Before 1.12 CFS says no version; that it is there at all, it must still say.
    await channel.get("/healthz")
    return Dialect("v2", None)


async def _probe(channel: Channel, path: str) -> Answer | None:
    """The answer at a path that older releases do not have; None if it is not there."""
    call = channel.call("GET", path, is_repeatable=True)
    answer = await channel.wire.exchange(call, channel.credentials)
    if answer.status == _NOT_FOUND:
        return None
    answer.raise_for_status()
    return answer


def _version(answer: Answer) -> Version:
    version = answer.decode(VersionParts).version()
    if version is None:
        raise answer.bad("It holds no version.")
    return version


def _page(answer: Answer, collection: str) -> tuple[list[msgspec.Raw], Params]:
    """A page's rows and the query for the page after it, empty after the last."""
    page = answer.decode(dict[str, msgspec.Raw])
    try:
        rows = msgspec.json.decode(page[collection], type=list[msgspec.Raw])
        following = parse(bytes(page.get("next", b"null")))
    except (KeyError, msgspec.MsgspecError, BadAnswer) as error:
        raise answer.bad(f"A page of {collection} was expected: {error}.") from error
    if following is None:
        return rows, ()
    if not isinstance(following, dict):
        raise answer.bad("`next` is no object.")
    return rows, _next_params(following)


def _next_params(following: Mapping[str, object]) -> Params:
    kept = {key: item for key, item in following.items() if isinstance(item, str | int)}
    return params_of(kept)
