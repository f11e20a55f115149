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
