# SPDX-License-Identifier: Apache-2.0
"""How CFS is read and written in whichever dialect a site speaks: paths, spelling, pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias, TypeVar

import msgspec

from poya.csm.cfs.records import CfsRecord, cfs_record, cfs_records, to_v2
from poya.csm.http.answers import Answer
from poya.csm.http.calls import Params, params_of
from poya.csm.http.channel import Channel
from poya.csm.versions import Once, Version, VersionParts
from poya.documents import Json, JsonObject, parse
from poya.errors import BadAnswer, RequestRefused

C = TypeVar("C", bound=CfsRecord)
Filters: TypeAlias = Mapping[str, str | bool | None]

_BAD_REQUEST = 400
# Query parameters that v2 spells otherwise.
_V2_FILTERS: Mapping[str, str] = MappingProxyType({"config_name": "configName"})
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

    async def read_all(
        self, kind: type[C], collection: str, channel: Channel, wanted: Filters | None = None
    ) -> tuple[C, ...]:
        """All records of a collection that fit, every page of it.

        Args:
            kind: What to read them as.
            collection: The path's last part.
            channel: Who asks.
            wanted: Filters in the v3 spelling; those that are None do not count.

        Raises:
            ListTooLong: v2 will not list that many.
            BadAnswer: A page leads back to an earlier one.
        """
        if (await self.dialect()).is_v2:
            asked = {_V2_FILTERS.get(key, key): value for key, value in (wanted or {}).items()}
            return await self._read_v2_list(kind, collection, channel, params_of(asked))
        found: list[C] = []
        params = params_of(wanted or {})
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
        self, kind: type[C], collection: str, channel: Channel, params: Params
    ) -> tuple[C, ...]:
        try:
            answer = await channel.get(f"/v2/{collection}", params)
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
        self,
        kind: type[C],
        path: str,
        body: JsonObject | None,
        *,
        method: str,
        channel: Channel,
        params: Params = (),
    ) -> C:
        """Write a record given in the v3 spelling; the answer is the record as stored."""
        dialect = await self.dialect()
        spelled = to_v2(body) if body is not None and dialect.is_v2 else body
        call = channel.call(
            method,
            f"/{dialect.api}{path}",
            body=... if spelled is None else spelled,
            params=params,
            is_repeatable=method == "PUT",
        )
        return cfs_record(kind, await channel.send(call), is_v2=dialect.is_v2)

    async def patch_many(self, path: str, bodies: list[JsonObject]) -> None:
        """Change several records in one request, each given in the v3 spelling with its id."""
        dialect = await self.dialect()
        spelled: list[Json] = [to_v2(one) if dialect.is_v2 else one for one in bodies]
        if spelled:
            await self.channel.patch(f"/{dialect.api}{path}", spelled)

    async def delete(self, path: str, channel: Channel) -> None:
        """Delete a record."""
        await channel.delete(f"/{(await self.dialect()).api}{path}")


async def ask_dialect(channel: Channel) -> Dialect:
    """Find out which API and version a site has (`GET /v3`, `/v2`, `/healthz`)."""
    for api in ("v3", "v2"):
        answer = await channel.try_get(f"/{api}")
        if answer is not None:
            return Dialect(api, _version(answer))
    # Before 1.12 CFS says no version; that it is there at all, it must still say.
    await channel.get("/healthz")
    return Dialect("v2", None)


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
