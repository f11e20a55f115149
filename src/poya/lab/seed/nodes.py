# SPDX-License-Identifier: Apache-2.0
"""The nodes of a lab site and what HSM knows of each as a component; their parts: `inventory`."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, TypeAlias

Record: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Processor:
    """A kind of processor or accelerator.

    Attributes:
        cores: Cores of each; 0 for accelerators.
    """

    manufacturer: str
    model: str
    cores: int = 0


@dataclass(frozen=True, slots=True)
class NodeKind:
    """A kind of node, as its BMC describes it.

    Attributes:
        arch: As HSM spells it: ARM or X86.
        hardware_class: Mountain (liquid cooled) or River.
        dimms: Number of memory modules and the MiB of each.
        nics: Number of Slingshot interfaces.
    """

    manufacturer: str
    model: str
    arch: str
    hardware_class: str
    processor: Processor
    processors: int
    dimms: tuple[int, int]
    nics: int
    memory_type: str = "DDR4"
    accelerator: Processor | None = None
    accelerators: int = 0


GRACE = Processor("NVIDIA", "Grace A02", 72)
_ROME = Processor("Advanced Micro Devices, Inc.", "AMD EPYC 7742 64-Core Processor", 64)
_MILAN = Processor("Advanced Micro Devices, Inc.", "AMD EPYC 7713 64-Core Processor", 64)

GH200 = NodeKind(
    manufacturer="HPE",
    model="HPE Cray EX254n",
    arch="ARM",
    hardware_class="Mountain",
    processor=GRACE,
    processors=4,
    dimms=(4, 122_880),
    nics=4,
    memory_type="LPDDR5_SDRAM",
    accelerator=Processor("NVIDIA", "NVIDIA GH200 120GB"),
    accelerators=4,
)
EPYC = NodeKind(
    manufacturer="HPE",
    model="HPE Cray EX425 (WNC-Rome)",
    arch="X86",
    hardware_class="Mountain",
    processor=_ROME,
    processors=2,
    dimms=(16, 16_384),
    nics=1,
)
A100 = NodeKind(
    manufacturer="HPE",
    model="HPE Cray EX235n",
    arch="X86",
    hardware_class="Mountain",
    processor=_MILAN,
    processors=1,
    dimms=(8, 65_536),
    nics=2,
    accelerator=Processor("NVIDIA", "NVIDIA A100-SXM4-80GB"),
    accelerators=4,
)
LOGIN = NodeKind(
    manufacturer="HPE",
    model="ProLiant DL385 Gen10 Plus v2",
    arch="X86",
    hardware_class="River",
    processor=_MILAN,
    processors=2,
    dimms=(16, 32_768),
    nics=1,
)


@dataclass(frozen=True, slots=True)
class Node:
    """One node.

    Attributes:
        nid: The node's number.
        role: Compute, Application or Management.
    """

    xname: str
    nid: int
    kind: NodeKind
    role: str = "Compute"
    sub_role: str = ""
    locked: bool = False


def component(node: Node) -> Record:
    """The node's record in HSM's State/Components."""
    return {
        "ID": node.xname,
        "Type": "Node",
        "State": "Ready",
        "Flag": "OK",
        "Enabled": True,
        "SoftwareStatus": "",
        "Role": node.role,
        "SubRole": node.sub_role,
        "NID": node.nid,
        "NetType": "Sling",
        "Arch": node.kind.arch,
        "Class": node.kind.hardware_class,
        "ReservationDisabled": False,
        "Locked": node.locked,
    }


def controller(node: Node) -> Record:
    """The record of the node's BMC in HSM's State/Components."""
    return {
        "ID": bmc_of(node.xname),
        "Type": "NodeBMC",
        "State": "Ready",
        "Flag": "OK",
        "Enabled": True,
        "NetType": "Sling",
        "Arch": node.kind.arch,
        "Class": node.kind.hardware_class,
        "ReservationDisabled": False,
        "Locked": False,
    }


def bmc_of(xname: str) -> str:
    """The BMC that a node hangs on."""
    return xname.rpartition("n")[0]


def ethernet_interface(node: Node) -> Record:
    """The node's record in HSM's Inventory/EthernetInterfaces."""
    mac = hashlib.sha256(node.xname.encode()).hexdigest()[:6]
    address = f"a4bf01{mac}"
    spelled = ":".join(address[i : i + 2] for i in range(0, 12, 2))
    ip = f"10.100.{node.nid // 250}.{node.nid % 250 + 2}"
    return {
        "ID": address,
        "Description": "Node Maintenance Network",
        "MACAddress": spelled,
        "IPAddresses": [{"IPAddress": ip, "Network": "NMN"}],
        "LastUpdate": "2023-06-21T10:00:00.000000Z",
        "ComponentID": node.xname,
        "Type": "Node",
    }
