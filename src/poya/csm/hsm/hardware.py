# SPDX-License-Identifier: Apache-2.0
"""The parts that components are made of (SMD, `/Inventory/Hardware`)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Mapping

import msgspec

from poya.csm.hsm.components import normalise_xname
from poya.csm.http.calls import Params, params_of, path_of
from poya.csm.http.channel import Channel
from poya.csm.records import Record, record_of, records_from, records_of
from poya.documents import Document

_PATH = "/Inventory/Hardware"
# The parts that tell one node model from another.
PART_TYPES = ("Node", "Processor", "NodeAccel", "Memory", "NodeHsnNic")


class Part(Record, frozen=True, rename="pascal"):
    """A piece of hardware where it sits.

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
        answer = await self._channel.get(_PATH, _wanted(types, xnames))
        return records_of(Part, answer.rows(), answer)

    def stream(
        self, *, types: Iterable[str] = PART_TYPES, xnames: Iterable[str] = ()
    ) -> AsyncGenerator[Part, None]:
        """As `inventory`, each part as it arrives: to count what would not fit in memory."""
        return records_from(Part, self._channel.rows(_PATH, _wanted(types, xnames)))

    async def get(self, xname: str) -> Part:
        """The part at one place.

        Raises:
            NotFound: SMD knows nothing there.
        """
        path = f"{_PATH}{path_of(normalise_xname(xname))}"
        return record_of(Part, await self._channel.get(path))

    async def below(self, xname: str) -> Document:
        """Everything in and below one component, nested as SMD nests it.

        One request a component: for many nodes ask `inventory`.

        Raises:
            NotFound: SMD knows nothing there.
        """
        path = f"{_PATH}/Query{path_of(normalise_xname(xname))}"
        return (await self._channel.get(path)).document()


def _wanted(types: Iterable[str], xnames: Iterable[str]) -> Params:
    return params_of({"type": types, "id": [normalise_xname(xname) for xname in xnames]})
