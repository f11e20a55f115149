# SPDX-License-Identifier: Apache-2.0
"""Component names (xnames) as HSM reads them."""

from __future__ import annotations

import re

_TYPE_BY_LETTERS = {
    "x": "Cabinet",
    "xb": "CabinetBMC",
    "xc": "Chassis",
    "xcb": "ChassisBMC",
    "xch": "MgmtHLSwitchEnclosure",
    "xchs": "MgmtHLSwitch",
    "xcs": "ComputeModule",
    "xcsb": "NodeBMC",
    "xcsbn": "Node",
    "xcsbna": "NodeAccel",
    "xcsbnd": "Memory",
    "xcsbng": "StorageGroup",
    "xcsbngk": "Drive",
    "xcsbnh": "NodeHsnNic",
    "xcsbni": "NodeNic",
    "xcsbnp": "Processor",
    "xcsbnr": "NodeAccelRiser",
    "xcse": "NodeEnclosure",
    "xcset": "NodeEnclosurePowerSupply",
    "xcr": "RouterModule",
    "xcrb": "RouterBMC",
    "xcre": "HSNBoard",
    "xcra": "HSNAsic",
    "xcrj": "HSNConnector",
    "xct": "CMMRectifier",
    "xcw": "MgmtSwitch",
    "xcwj": "MgmtSwitchConnector",
    "xd": "CDU",
    "xdw": "CDUMgmtSwitch",
    "xm": "CabinetPDUController",
    "xmp": "CabinetPDU",
    "xmpj": "CabinetPDUOutlet",
    "xmpv": "CabinetPDUPowerConnector",
}
_LOCATION = re.compile(r"x\d{1,4}([a-z]\d+)*")
_PARTITION = re.compile(r"p\d+(\.\d+)?")
_NODE = re.compile(r"x0*(\d+)c0*(\d+)s0*(\d+)b0*(\d+)n0*(\d+)")
_NO_TYPES = {"s0": "System", "all": "All"}


def normalise(xname: str) -> str:
    """Lower case, without leading zeros: `X1000C0S0B0N01` becomes `x1000c0s0b0n1`."""
    return re.sub(r"([a-z])0+(\d)", r"\1\2", xname.strip().lower())


def component_type(xname: str) -> str:
    """The HMS type of a normalised xname, or "" if it is not one."""
    if xname in _NO_TYPES:
        return _NO_TYPES[xname]
    if _PARTITION.fullmatch(xname):
        return "Partition"
    if not _LOCATION.fullmatch(xname):
        return ""
    return _TYPE_BY_LETTERS.get(re.sub(r"\d", "", xname), "")


_SLS_TYPES = {
    "Cabinet": "cabinet",
    "CabinetBMC": "cabinet_bmc",
    "CabinetPDU": "cab_pdu",
    "CabinetPDUController": "cab_pdu_controller",
    "CabinetPDUOutlet": "cab_pdu_outlet",
    "CabinetPDUPowerConnector": "cab_pdu_pwr_connector",
    "CDU": "cdu",
    "CDUMgmtSwitch": "cdu_mgmt_switch",
    "Chassis": "chassis",
    "ChassisBMC": "chassis_bmc",
    "CMMRectifier": "cmm_rectifier",
    "ComputeModule": "compmod",
    "Drive": "drive",
    "HSNAsic": "hsn_asic",
    "HSNBoard": "hsn_board",
    "HSNConnector": "hsn_connector",
    "Memory": "dimm",
    "MgmtHLSwitch": "hl_switch",
    "MgmtHLSwitchEnclosure": "hl_switch_enclosure",
    "MgmtSwitch": "mgmt_switch",
    "MgmtSwitchConnector": "mgmt_switch_connector",
    "Node": "node",
    "NodeAccel": "node_accel",
    "NodeAccelRiser": "node_accel_riser",
    "NodeBMC": "ncard",
    "NodeEnclosure": "node_enclosure",
    "NodeEnclosurePowerSupply": "node_enclosure_power_supply",
    "NodeHsnNic": "node_hsn_nic",
    "NodeNic": "node_nic",
    "Processor": "node_processor",
    "RouterBMC": "rtr_bmc",
    "RouterModule": "rtrmod",
    "StorageGroup": "storage_group",
    "System": "system",
}


def sls_type(xname: str) -> str:
    """The type of a normalised xname as SLS spells it: `comptype_node`."""
    return "comptype_" + _SLS_TYPES.get(component_type(xname), "")


def parent(xname: str) -> str:
    """What a normalised xname lies in: a cabinet in `s0`, the system in nothing."""
    if xname == "s0":
        return ""
    inner = re.sub(r"[a-z]\d+$", "", xname)
    return inner or "s0"


def is_type(name: str) -> bool:
    """Whether this is an HMS type, whatever its case."""
    known = {*_TYPE_BY_LETTERS.values(), *_NO_TYPES.values(), "Partition"}
    return name.lower() in {kind.lower() for kind in known}


def is_within(inner: str, outer: str) -> bool:
    """Whether a component is a part of another, at any depth."""
    return inner.startswith(outer) and inner[len(outer) : len(outer) + 1].isalpha()


def canonise_node(name: str) -> str:
    """What BOS makes of an entry of `node_list`: nodes lose zeros, all else is lowered."""
    lowered = name.lower()
    match = _NODE.fullmatch(lowered)
    return "x{}c{}s{}b{}n{}".format(*match.groups()) if match else lowered
