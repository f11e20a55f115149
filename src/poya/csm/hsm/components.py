# SPDX-License-Identifier: Apache-2.0
"""Components of the machine and their state (SMD, `/State/Components`)."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Iterable

import msgspec

from poya.csm.http.answers import Answer
from poya.csm.http.calls import params_of, path_of
from poya.csm.http.channel import Channel
from poya.csm.records import Record, record_of, records_from, records_of
from poya.documents import Json, JsonObject

_PATH = "/State/Components"
_KEY = "Components"
_LEADING_ZEROS = re.compile(r"(?<=[a-z])0+(?=\d)")


class Component(Record, frozen=True, rename="pascal"):
    """A component and its state.

    Attributes:
        state: Unknown, Empty, Populated, Off, On, Standby, Halt, Ready.
        arch: X86, ARM, Other, UNKNOWN.
        class_: Mountain, Hill, River.
    """

    id: str = msgspec.field(name="ID")
    type: str = ""
    state: str = ""
    flag: str = ""
    enabled: bool = True
    role: str = ""
    sub_role: str = ""
    nid: int | None = msgspec.field(default=None, name="NID")
    arch: str = ""
    class_: str = msgspec.field(default="", name="Class")
    locked: bool = False
    reservation_disabled: bool = False


class ComponentArray(msgspec.Struct, frozen=True, rename="pascal"):
    """What SMD wraps lists of components in; Go's empty slice may be null."""

    components: list[msgspec.Raw] | None


class Components:
    """Components and their state (`/State/Components`)."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def list(
        self,
        *,
        type: str | None = "Node",  # noqa: A002 - SMD's word
        role: str | None = None,
        group: str | None = None,
        partition: str | None = None,
    ) -> tuple[Component, ...]:
        """Components of a type, role, group or partition, in one request."""
        wanted = {"type": type, "role": role, "group": group, "partition": partition}
        answer = await self._channel.get(_PATH, params_of(wanted))
        return records_of(Component, rows_of(answer), answer)

    def stream(
        self,
        *,
        type: str | None = "Node",  # noqa: A002 - SMD's word
    ) -> AsyncGenerator[Component, None]:
        """Components of a type as they arrive, for machines too large to hold at once."""
        rows = self._channel.rows(_PATH, params_of({"type": type}), key=_KEY)
        return records_from(Component, rows)

    async def get(self, xname: str) -> Component:
        """One component.

        Raises:
            NotFound: SMD does not know it.
        """
        return record_of(Component, await self._channel.get(_component(xname)))

    async def by_nid(self, nid: int) -> Component:
        """The node with a node id.

        Raises:
            NotFound: There is none.
        """
        return record_of(Component, await self._channel.get(f"{_PATH}/ByNID{path_of(f'{nid}')}"))

    async def query(self, xnames: Iterable[str]) -> tuple[Component, ...]:
        """Those of the named components that SMD knows, in one request of any length."""
        ids = ids_of(xnames)
        if not ids:
            return ()  # SMD would refuse to look for nothing
        body: Json = {"ComponentIDs": ids}
        answer = await self._channel.post(f"{_PATH}/Query", body, is_repeatable=True)
        return records_of(Component, rows_of(answer), answer)

    async def set_enabled(self, xnames: Iterable[str], *, enabled: bool) -> None:
        """Enable or disable components, all in one request.

        Raises:
            NotFound: SMD knows none of them.
        """
        await self._bulk("BulkEnabled", xnames, {"Enabled": enabled})

    async def set_role(self, xnames: Iterable[str], role: str, subrole: str = "") -> None:
        """Give components a role (Compute, Application, Service, …) and a subrole.

        Raises:
            RequestRefused: SMD does not know the role or subrole (400).
            NotFound: SMD knows none of them.
        """
        changes: JsonObject = {"Role": role}
        if subrole:
            changes["SubRole"] = subrole
        await self._bulk("BulkRole", xnames, changes)

    async def put(self, xname: str, body: JsonObject) -> None:
        """Create a component by hand, or replace it: discovery does this for real hardware.

        Args:
            xname: Where it is.
            body: `{"Component": {"ID", "State", "Flag", "Type", "Role", "NID", …}, "Force"}`.

        Raises:
            RequestRefused: SMD does not accept the body (400).
        """
        await self._channel.put(_component(xname), body)

    async def delete(self, xname: str) -> None:
        """Forget a component: its group memberships go with it.

        Raises:
            NotFound: SMD does not know it.
        """
        await self._channel.delete(_component(xname))

    async def _bulk(self, what: str, xnames: Iterable[str], changes: JsonObject) -> None:
        if ids := ids_of(xnames):
            await self._channel.patch(f"{_PATH}/{what}", {"ComponentIDs": ids, **changes})


def normalise_xname(xname: str) -> str:
    """An xname as SMD stores it: lower case, no zeros ahead of a number."""
    return _LEADING_ZEROS.sub("", xname.strip().lower())


def ids_of(xnames: Iterable[str]) -> list[Json]:
    """The xnames as SMD stores them, for the body of a request."""
    return [normalise_xname(xname) for xname in xnames]


def rows_of(answer: Answer) -> list[msgspec.Raw]:
    """The rows in a list of components.

    Raises:
        BadAnswer: There is no such list.
    """
    return answer.decode(ComponentArray).components or []


def _component(xname: str) -> str:
    return f"{_PATH}{path_of(normalise_xname(xname))}"
