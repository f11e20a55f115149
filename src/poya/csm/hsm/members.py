# SPDX-License-Identifier: Apache-2.0
"""Members of groups and partitions: SMD changes them one by one."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from poya.csm.hsm.components import normalise_xname
from poya.csm.http.calls import path_of
from poya.csm.http.channel import Channel
from poya.documents import Json
from poya.errors import NotFound, RequestRefused

_CONFLICT = 409


class MemberChange(StrEnum):
    """What adding or removing a member came to."""

    DONE = "done"
    ALREADY_SO = "already so"


class Members(msgspec.Struct, frozen=True):
    """The xnames in a group or partition; a Go service's null is none."""

    ids: tuple[str, ...] | None = None


class _Holder(msgspec.Struct, frozen=True):
    members: Members = Members()


async def add_member(channel: Channel, path: str, xname: str) -> MemberChange:
    """Add a component to the group or partition at `path`; safe to repeat.

    409 means that it is in there already, or in another that excludes this one: what is at
    `path` is read to tell.
    """
    member: Json = {"id": normalise_xname(xname)}
    try:
        await channel.post(f"{path}/members", member, is_repeatable=True)
    except RequestRefused as refused:
        if refused.status != _CONFLICT or not await _holds(channel, path, xname):
            raise
        return MemberChange.ALREADY_SO
    return MemberChange.DONE


async def remove_member(channel: Channel, path: str, xname: str) -> MemberChange:
    """Remove a component from the group or partition at `path`; safe to repeat.

    404 means that it is not in there, or that nothing is at `path`, which is read to tell.
    """
    try:
        await channel.delete(f"{path}/members{path_of(normalise_xname(xname))}")
    except NotFound:
        if await _holds(channel, path, xname):
            raise
        return MemberChange.ALREADY_SO
    return MemberChange.DONE


async def _holds(channel: Channel, path: str, xname: str) -> bool:
    found = (await channel.get(path)).decode(_Holder).members.ids or ()
    return normalise_xname(xname) in {normalise_xname(member) for member in found}
