# SPDX-License-Identifier: Apache-2.0
"""Network interfaces of components (SMD, `/Inventory/EthernetInterfaces`).

Discovery and DHCP write them; they belong to the hardware of one machine and are never copied
to another.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from poya.csm.hsm.components import normalise_xname
from poya.csm.http.calls import params_of, path_of
from poya.csm.http.channel import Channel
from poya.csm.records import Record, record_of, records_of
from poya.documents import JsonObject

_PATH = "/Inventory/EthernetInterfaces"


class IpAddress(msgspec.Struct, frozen=True):
    """An address of an interface, and the network that it is in (NMN, HMN, …)."""

    ip_address: str = msgspec.field(name="IPAddress")
    network: str = msgspec.field(default="", name="Network")


class EthernetInterface(Record, frozen=True, rename="pascal"):
    """A network interface.

    Attributes:
        id: The MAC address without its colons.
        component_id: The xname of the component that has it; empty if that is not known yet.
    """

    id: str = msgspec.field(name="ID")
    mac_address: str = msgspec.field(name="MACAddress")
    description: str = ""
    ip_addresses: tuple[IpAddress, ...] | None = msgspec.field(default=None, name="IPAddresses")
    component_id: str = msgspec.field(default="", name="ComponentID")
    type: str = ""
    last_update: str = ""


class EthernetInterfaces:
    """Network interfaces of components."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def list(
        self,
        *,
        component: str | None = None,
        mac: str | None = None,
        ip: str | None = None,
        network: str | None = None,
        type: str | None = None,  # noqa: A002 - SMD's word
    ) -> tuple[EthernetInterface, ...]:
        """All interfaces, or those of a component, an address, a network or a component type."""
        wanted = {
            "ComponentID": normalise_xname(component) if component else None,
            "MACAddress": mac,
            "IPAddress": ip,
            "Network": network,
            "Type": type,
        }
        answer = await self._channel.get(_PATH, params_of(wanted))
        return records_of(EthernetInterface, answer.rows(), answer)

    async def get(self, interface_id: str) -> EthernetInterface:
        """One interface, by its MAC address with or without colons.

        Raises:
            NotFound: SMD does not know it.
        """
        answer = await self._channel.get(_interface(interface_id))
        return record_of(EthernetInterface, answer)

    async def create(
        self,
        mac: str,
        *,
        component: str | None = None,
        description: str = "",
        addresses: Iterable[IpAddress] = (),
    ) -> None:
        """Add an interface by hand.

        Raises:
            RequestRefused: With status 409 if the MAC address is there already.
        """
        body: JsonObject = {"MACAddress": mac, "Description": description}
        body["IPAddresses"] = [_mapping(address) for address in addresses]
        if component:
            body["ComponentID"] = normalise_xname(component)
        await self._channel.post(_PATH, body)

    async def update(
        self,
        interface_id: str,
        *,
        component: str | None = None,
        description: str | None = None,
        addresses: Iterable[IpAddress] | None = None,
    ) -> None:
        """Change an interface; what is not given stays.

        Raises:
            NotFound: SMD does not know it.
        """
        body: JsonObject = {}
        if component is not None:
            body["ComponentID"] = normalise_xname(component)
        if description is not None:
            body["Description"] = description
        if addresses is not None:
            body["IPAddresses"] = [_mapping(address) for address in addresses]
        await self._channel.patch(_interface(interface_id), body)

    async def delete(self, interface_id: str) -> None:
        """Delete an interface; discovery finds it again.

        Raises:
            NotFound: SMD does not know it.
        """
        await self._channel.delete(_interface(interface_id))


def _mapping(address: IpAddress) -> JsonObject:
    mapping: JsonObject = {"IPAddress": address.ip_address}
    return {**mapping, "Network": address.network} if address.network else mapping


def _interface(interface_id: str) -> str:
    return f"{_PATH}{path_of(interface_id.lower().replace(':', ''))}"
