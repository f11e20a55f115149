# SPDX-License-Identifier: Apache-2.0
"""The hardware of a lab site's nodes, as HSM's Inventory/Hardware lists it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, TypeAlias

from poya.lab.seed.nodes import GRACE, Node, NodeKind, Processor

Record: TypeAlias = dict[str, Any]


def hardware(node: Node) -> Iterator[Record]:
    """The node and its parts as HSM's Inventory/Hardware lists them, flat."""
    kind = node.kind
    yield _node(node)
    for i in range(kind.processors):
        yield _processor(f"{node.xname}p{i}", i, kind.processor)
    for i in range(kind.accelerators):
        if kind.accelerator:
            yield _accelerator(f"{node.xname}a{i}", i, kind.accelerator)
    for i in range(kind.dimms[0]):
        yield _dimm(f"{node.xname}d{i}", i, kind)
    for i in range(kind.nics):
        yield _nic(f"{node.xname}h{i}", i)


def _part(xname: str, type_name: str, ordinal: int, shape: str) -> Record:
    return {
        "ID": xname,
        "Type": type_name,
        "Ordinal": ordinal,
        "Status": "Populated",
        "HWInventoryByLocationType": f"HWInvByLoc{shape}",
    }


def _fru(xname: str, type_name: str, shape: str, info: Record) -> Record:
    serial = hashlib.sha256(f"serial {xname}".encode()).hexdigest()[:12].upper()
    maker = str(info["Manufacturer"]).split()[0].strip(",")
    return {
        "FRUID": f"{type_name}.{maker}.{serial}",
        "Type": type_name,
        "Subtype": "",
        "HWInventoryByFRUType": f"HWInvByFRU{shape}",
        f"{shape if shape != 'HSNNIC' else 'NodeHsnNic'}FRUInfo": {
            **info,
            "SerialNumber": serial,
        },
    }


def _node(node: Node) -> Record:
    kind = node.kind
    count, mib = kind.dimms
    ordinal = int(node.xname.rpartition("n")[2])
    summary = {"Count": kind.processors, "Model": kind.processor.model}
    location = {
        "Id": f"Node{ordinal}",
        "Name": f"Node{ordinal}",
        "Description": "",
        "Hostname": f"nid{node.nid:06}",
        "ProcessorSummary": summary,
        "MemorySummary": {"TotalSystemMemoryGiB": count * mib // 1024},
    }
    info = {
        "AssetTag": "",
        "BiosVersion": "1.7.1",
        "Manufacturer": kind.manufacturer,
        "Model": kind.model,
        "PartNumber": "P48034-B21",
        "SKU": "",
        "SystemType": "Physical",
        "UUID": "",
    }
    return _part(node.xname, "Node", ordinal, "Node") | {
        "NodeLocationInfo": location,
        "PopulatedFRU": _fru(node.xname, "Node", "Node", info),
    }


def _processor(xname: str, ordinal: int, processor: Processor) -> Record:
    architecture = "ARM" if processor is GRACE else "x86"
    info = {
        "InstructionSet": "AArch64" if processor is GRACE else "x86-64",
        "Manufacturer": processor.manufacturer,
        "MaxSpeedMHz": 3400,
        "Model": processor.model,
        "ProcessorArchitecture": architecture,
        "ProcessorType": "CPU",
        "TotalCores": processor.cores,
        "TotalThreads": processor.cores * (1 if processor is GRACE else 2),
    }
    location = {"Id": f"CPU{ordinal}", "Name": f"Processor {ordinal}", "Socket": f"P{ordinal}"}
    return _part(xname, "Processor", ordinal, "Processor") | {
        "ProcessorLocationInfo": location,
        "PopulatedFRU": _fru(xname, "Processor", "Processor", info),
    }


def _accelerator(xname: str, ordinal: int, accelerator: Processor) -> Record:
    info = {
        "Manufacturer": accelerator.manufacturer,
        "Model": accelerator.model,
        "PartNumber": "",
        "ProcessorType": "GPU",
    }
    return _part(xname, "NodeAccel", ordinal, "NodeAccel") | {
        "NodeAccelLocationInfo": {"Id": f"GPU{ordinal}", "Name": f"Accelerator {ordinal}"},
        "PopulatedFRU": _fru(xname, "NodeAccel", "NodeAccel", info),
    }


def _dimm(xname: str, ordinal: int, kind: NodeKind) -> Record:
    info = {
        "BaseModuleType": "RDIMM",
        "CapacityMiB": kind.dimms[1],
        "Manufacturer": "Micron Technology",
        "MemoryDeviceType": kind.memory_type,
        "MemoryType": "DRAM",
        "OperatingSpeedMhz": 3200,
        "PartNumber": "36ASF8G72PZ-3G2E1",
    }
    return _part(xname, "Memory", ordinal, "Memory") | {
        "MemoryLocationInfo": {"Id": f"DIMM{ordinal}", "Name": f"DIMM {ordinal}"},
        "PopulatedFRU": _fru(xname, "Memory", "Memory", info),
    }


def _nic(xname: str, ordinal: int) -> Record:
    info = {
        "Manufacturer": "HPE",
        "Model": "Slingshot Cassini",
        "PartNumber": "P43012-001",
    }
    location = {"Id": f"HPCNet{ordinal}", "Name": "", "Description": "Slingshot interface (HSN)"}
    return _part(xname, "NodeHsnNic", ordinal, "HSNNIC") | {
        "NodeHsnNicLocationInfo": location,
        "PopulatedFRU": _fru(xname, "NodeHsnNic", "HSNNIC", info),
    }
