# SPDX-License-Identifier: Apache-2.0
"""The Hardware State Manager (SMD, `/apis/smd/hsm/v2`): what the machine is made of."""

from __future__ import annotations

from poya.csm.hsm.components import Component, Components, normalise_xname
from poya.csm.hsm.ethernet import EthernetInterface, EthernetInterfaces, IpAddress
from poya.csm.hsm.groups import Group, Groups, fold_label
from poya.csm.hsm.hardware import Hardware, Part
from poya.csm.hsm.locks import Lock, Locks, Reservation, Reservations
from poya.csm.hsm.members import MemberChange, Members
from poya.csm.hsm.partitions import Membership, Memberships, Partition, Partitions
from poya.csm.http.channel import Channel

__all__ = [
    "Component",
    "Components",
    "EthernetInterface",
    "EthernetInterfaces",
    "Group",
    "Groups",
    "Hardware",
    "Hsm",
    "IpAddress",
    "Lock",
    "Locks",
    "MemberChange",
    "Members",
    "Membership",
    "Memberships",
    "Part",
    "Partition",
    "Partitions",
    "Reservation",
    "Reservations",
    "fold_label",
    "normalise_xname",
]


class Hsm:
    """The Hardware State Manager of one site."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self.groups = Groups(channel)
        self.partitions = Partitions(channel)
        self.memberships = Memberships(channel)
        self.components = Components(channel)
        self.hardware = Hardware(channel)
        self.ethernet_interfaces = EthernetInterfaces(channel)
        self.locks = Locks(channel)

    async def ready(self) -> None:
        """Return if the service is ready (`GET /service/ready`); it tells no version.

        Raises:
            PoyaError: It is not, or not there.
        """
        await self._channel.get("/service/ready")
