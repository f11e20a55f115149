# SPDX-License-Identifier: Apache-2.0
"""What SMD knows about hardware: components and their state, parts, and locks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import msgspec

from poya.csm.answers import Answer
from poya.csm.calls import Params, params_of, path_of
from poya.csm.channel import Channel
from poya.csm.records import Record, record_of, records_of
from poya.documents import Json, JsonObject

_LEADING_ZEROS = re.compile(r"(?<=[a-z])0+(?=\d)")
# The parts that tell one node model from another.
PART_TYPES = ("Node", "Processor", "NodeAccel", "Memory", "NodeHsnNic")


class Component(Record, frozen=True, rename="pascal"):
    """A component and its state (`State/Components`).

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


class Part(Record, frozen=True, rename="pascal"):
    """A piece of hardware where it sits (`Inventory/Hardware`).

    Attributes:
        status: Populated or Empty; an empty place holds no field-replaceable unit.
        populated_fru: The unit, whose details lie under a key that depends on the type.
    """

    id: str = msgspec.field(name="ID")
    type: str = ""
    ordinal: int = 0
    status: str = ""
    populated_fru: dict[str, object] | None = msgspec.field(default=None, name="PopulatedFRU")

    @property
    def fru_info(self) -> Mapping[str, object]:
        """The unit's details, whichever spelling of the key SMD uses; empty for an empty place.

        SMD 2.45 says `NodeHsnNicFRUInfo` where its specification says `HSNNICFRUInfo`.
        """
        for key, value in (self.populated_fru or {}).items():
            if key.endswith("FRUInfo") and isinstance(value, dict):
                return value
        return {}

    @property
    def model(self) -> str:
        """The model as Redfish gave it: free text that differs by vendor and firmware."""
        return f"{self.fru_info.get('Model') or ''}"

    @property
    def manufacturer(self) -> str:
        """The manufacturer as Redfish gave it."""
        return f"{self.fru_info.get('Manufacturer') or ''}"


class Lock(Record, frozen=True, rename="pascal"):
    """Whether a component is locked or reserved (`locks/status`)."""

    id: str = msgspec.field(name="ID")
    locked: bool = False
    reserved: bool = False
    reservation_disabled: bool = False


class _ComponentArray(msgspec.Struct, frozen=True, rename="pascal"):
    components: list[msgspec.Raw] | None  # Go's empty slice may be null


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
        answer = await self._channel.get("/State/Components", params_of(wanted))
        return records_of(Component, _rows(answer), answer)

    async def get(self, xname: str) -> Component:
        """One component.

        Raises:
            NotFound: SMD does not know it.
        """
        path = f"/State/Components{path_of(normalise_xname(xname))}"
        return record_of(Component, await self._channel.get(path))

    async def query(self, xnames: Iterable[str]) -> tuple[Component, ...]:
        """Those of the named components that SMD knows, in one request of any length."""
        ids: list[Json] = [normalise_xname(xname) for xname in xnames]
        if not ids:
            return ()  # SMD would refuse to look for nothing
        body: Json = {"ComponentIDs": ids}
        answer = await self._channel.post("/State/Components/Query", body, is_repeatable=True)
        return records_of(Component, _rows(answer), answer)


class Hardware:
    """The parts that components are made of (`/Inventory/Hardware`)."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def inventory(
        self, *, types: Iterable[str] = PART_TYPES, xnames: Iterable[str] = ()
    ) -> tuple[Part, ...]:
        """All parts of these types in one request: megabytes for thousands of nodes.

        Args:
            types: SMD's types of parts.
            xnames: Only these places; a node's parts have names of their own below the node's.
        """
        ids = [normalise_xname(xname) for xname in xnames]
        wanted: Params = params_of({"type": types, "id": ids})
        answer = await self._channel.get("/Inventory/Hardware", wanted)
        return records_of(Part, answer.rows(), answer)


class Locks:
    """Locks on components (`/locks`). They stop power and firmware changes, nothing else."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def status(self, xnames: Iterable[str]) -> tuple[Lock, ...]:
        """Whether each of these components is locked, in one request.

        Raises:
            NotFound: SMD knows none of them.
        """
        ids: list[Json] = [normalise_xname(xname) for xname in xnames]
        if not ids:
            return ()
        body: Json = {"ComponentIDs": ids}
        answer = await self._channel.post("/locks/status", body, is_repeatable=True)
        return records_of(Lock, _rows(answer), answer)

    async def lock(self, xnames: Iterable[str]) -> None:
        """Lock components, all or none.

        Raises:
            RequestRefused: One of them is locked already, or not known.
        """
        await self._channel.post("/locks/lock", _rigid(xnames))

    async def unlock(self, xnames: Iterable[str]) -> None:
        """Unlock components, all or none.

        Raises:
            RequestRefused: One of them is not locked, or not known.
        """
        await self._channel.post("/locks/unlock", _rigid(xnames))


def normalise_xname(xname: str) -> str:
    """An xname as SMD stores it: lower case, no zeros ahead of a number."""
    return _LEADING_ZEROS.sub("", xname.strip().lower())


def _rigid(xnames: Iterable[str]) -> JsonObject:
    ids: list[Json] = [normalise_xname(xname) for xname in xnames]
    return {"ComponentIDs": ids, "ProcessingModel": "rigid"}


def _rows(answer: Answer) -> list[msgspec.Raw]:
    return answer.decode(_ComponentArray).components or []
