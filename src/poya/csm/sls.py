# SPDX-License-Identifier: Apache-2.0
"""The System Layout Service (SLS, `/apis/sls/v1`): what the machine is meant to be.

Hardware with its aliases and node ids, and networks with their subnets and IP reservations, from
which CSM's DNS is made. `POST /loadstate`, which replaces all of it, is not offered.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from poya.csm.http.calls import params_of, path_of
from poya.csm.http.channel import Channel
from poya.csm.records import Record, body_without, record_of, records_of
from poya.documents import Document, JsonObject

_WRITTEN_BY_SLS = ("Parent", "Children", "Type", "TypeString", "LastUpdated", "LastUpdatedTime")


class SlsHardware(Record, frozen=True, rename="pascal"):
    """A piece of hardware that is meant to be there.

    Attributes:
        class_: River, Mountain or Hill.
        type: As `comptype_node`.
    """

    xname: str
    parent: str = ""
    type: str = ""
    type_string: str = ""
    class_: str = msgspec.field(default="", name="Class")
    extra_properties: dict[str, object] | None = None

    @property
    def aliases(self) -> tuple[str, ...]:
        """The names that DNS gives a node, as `nid001000`."""
        found = (self.extra_properties or {}).get("Aliases")
        return tuple(f"{alias}" for alias in found) if isinstance(found, list) else ()


class IpReservation(msgspec.Struct, frozen=True):
    """An address that is kept for one name."""

    name: str = msgspec.field(default="", name="Name")
    ip_address: str = msgspec.field(default="", name="IPAddress")
    aliases: tuple[str, ...] | None = msgspec.field(default=None, name="Aliases")
    comment: str = msgspec.field(default="", name="Comment")


class Subnet(msgspec.Struct, frozen=True):
    """A subnet of a network."""

    name: str = msgspec.field(default="", name="Name")
    cidr: str = msgspec.field(default="", name="CIDR")
    vlan_id: int | None = msgspec.field(default=None, name="VlanID")
    gateway: str = msgspec.field(default="", name="Gateway")
    reservations: tuple[IpReservation, ...] | None = msgspec.field(
        default=None, name="IPReservations"
    )


class NetworkProperties(msgspec.Struct, frozen=True):
    """What SLS knows of a network besides its ranges."""

    cidr: str = msgspec.field(default="", name="CIDR")
    mtu: int | None = msgspec.field(default=None, name="MTU")
    subnets: tuple[Subnet, ...] | None = msgspec.field(default=None, name="Subnets")


class Network(Record, frozen=True):
    """A network: NMN, HMN, HSN, CMN, CAN, CHN and their load balancers."""

    name: str = msgspec.field(name="Name")
    full_name: str = msgspec.field(default="", name="FullName")
    type: str = msgspec.field(default="", name="Type")
    ip_ranges: tuple[str, ...] | None = msgspec.field(default=None, name="IPRanges")
    properties: NetworkProperties | None = msgspec.field(default=None, name="ExtraProperties")

    @property
    def subnets(self) -> tuple[Subnet, ...]:
        """Its subnets."""
        return (self.properties.subnets if self.properties else None) or ()


class HardwarePlan:
    """Hardware that is meant to be there (`/hardware`, `/search/hardware`)."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def list(self) -> tuple[SlsHardware, ...]:
        """All of it, in one request."""
        answer = await self._channel.get("/hardware")
        return records_of(SlsHardware, answer.rows(), answer)

    async def get(self, xname: str) -> SlsHardware:
        """One piece.

        Raises:
            NotFound: SLS does not know it.
        """
        return record_of(SlsHardware, await self._channel.get(_hardware(xname)))

    async def search(
        self,
        *,
        type: str | None = None,  # noqa: A002 - SLS's word
        class_: str | None = None,
        parent: str | None = None,
        properties: Mapping[str, str] | None = None,
    ) -> tuple[SlsHardware, ...]:
        """What fits.

        Args:
            type: As `comptype_node`.
            class_: River, Mountain, Hill.
            parent: The xname right above.
            properties: As `{"Role": "Compute"}`: extra properties by name.

        Raises:
            NotFound: Nothing fits.
        """
        wanted = {"type": type, "class": class_, "parent": parent}
        wanted |= {f"extra_properties.{key}": item for key, item in (properties or {}).items()}
        answer = await self._channel.get("/search/hardware", params_of(wanted))
        return records_of(SlsHardware, answer.rows(), answer)

    async def create(self, body: JsonObject) -> None:
        """Add a piece (Xname, Class, ExtraProperties).

        Raises:
            RequestRefused: With status 409 if it is there.
        """
        await self._channel.post("/hardware", body)

    async def put(self, xname: str, body: JsonObject) -> None:
        """Create a piece, or replace it whole, given as `hardware_body` makes it."""
        await self._channel.put(_hardware(xname), body)

    async def delete(self, xname: str) -> None:
        """Remove a piece.

        Raises:
            NotFound: SLS does not know it.
        """
        await self._channel.delete(_hardware(xname))


class Networks:
    """Networks (`/networks`).

    Subnets and reservations have no address of their own: read the network, change its document,
    put it back. SLS has no guard against two that do so at the same time.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def list(self) -> tuple[Network, ...]:
        """All networks."""
        answer = await self._channel.get("/networks")
        return records_of(Network, answer.rows(), answer)

    async def get(self, name: str) -> Network:
        """One network.

        Raises:
            NotFound: There is none with that name.
        """
        return record_of(Network, await self._channel.get(f"/networks{path_of(name)}"))

    async def of_address(self, ip: str) -> tuple[Network, ...]:
        """The networks that an address is in.

        Raises:
            NotFound: It is in none.
        """
        answer = await self._channel.get("/search/networks", params_of({"ip_address": ip}))
        return records_of(Network, answer.rows(), answer)

    async def create(self, body: JsonObject) -> None:
        """Add a network.

        Raises:
            RequestRefused: With status 409 if there is one with that name.
        """
        await self._channel.post("/networks", body)

    async def put(self, name: str, body: JsonObject) -> None:
        """Create a network, or replace it whole."""
        await self._channel.put(f"/networks{path_of(name)}", body)

    async def delete(self, name: str) -> None:
        """Remove a network.

        Raises:
            NotFound: There is none with that name.
        """
        await self._channel.delete(f"/networks{path_of(name)}")


class Sls:
    """The System Layout Service of one site."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self.hardware = HardwarePlan(channel)
        self.networks = Networks(channel)

    async def dump(self) -> Document:
        """Everything, hardware by xname and networks by name (`GET /dumpstate`)."""
        return (await self._channel.get("/dumpstate")).document()

    async def change_counter(self) -> int:
        """How often SLS's content was changed so far (`GET /version`).

        Two equal answers: nobody wrote in between.
        """
        answer = await self._channel.get("/version")
        value = answer.document().value
        counter = value.get("Counter", value.get("counter"))
        if not isinstance(counter, int):
            raise answer.bad("It holds no counter.")
        return counter


def hardware_body(hardware: Document) -> JsonObject:
    """What SLS accepts back of hardware that it served: its own fields are left out."""
    return body_without(hardware.editable(), _WRITTEN_BY_SLS)


def _hardware(xname: str) -> str:
    return f"/hardware{path_of(xname)}"
