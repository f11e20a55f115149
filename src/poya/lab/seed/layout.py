# SPDX-License-Identifier: Apache-2.0
"""What SLS knows of a site: its hardware, top down, and its networks with their names."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

from poya.lab.seed.nodes import Node

Record: TypeAlias = dict[str, Any]

_STAMP = {
    "LastUpdated": 1_687_348_800,
    "LastUpdatedTime": "2023-06-21 12:00:00.000000 +0000 +0000",
}
_LEVELS = {
    "x": ("comptype_cabinet", "Cabinet"),
    "c": ("comptype_chassis", "Chassis"),
    "s": ("comptype_compmod", "ComputeModule"),
    "b": ("comptype_ncard", "NodeBMC"),
    "n": ("comptype_node", "Node"),
}
# name, full name, CIDR, VLAN: the defaults of CSM, the same at every site
_NETWORKS = (
    ("NMN", "Node Management Network", "10.252.0.0/17", 2),
    ("NMNLB", "Node Management Network LoadBalancers", "10.92.100.0/24", 2),
    ("NMN_MTN", "Mountain Compute Node Management Network", "10.100.0.0/17", 2000),
    ("HMN", "Hardware Management Network", "10.254.0.0/17", 4),
    ("HMNLB", "Hardware Management Network LoadBalancers", "10.94.100.0/24", 4),
    ("HMN_MTN", "Mountain Compute Hardware Management Network", "10.104.0.0/17", 3000),
    ("HSN", "High Speed Network", "10.253.0.0/16", 613),
    ("CMN", "Customer Management Network", "10.103.8.0/25", 7),
    ("CHN", "Customer High-Speed Network", "10.103.9.0/25", 5),
)
_SERVICES = {"NMNLB": ("istio-ingressgateway", 71), "CMN": ("istio-ingressgateway-cmn", 66)}
_GATEWAY_ALIASES = ["api-gw-service", "api-gw-service-nmn.local", "packages.local", "rgw-vip.nmn"]


def hardware(nodes: Iterable[Node]) -> dict[str, Record]:
    """SLS hardware by xname: every node, and everything that a node lies in."""
    found: dict[str, Record] = {}
    for node in nodes:
        for xname in _path(node.xname):
            found.setdefault(xname, _piece(xname, node))
    return found


def networks(nodes: Iterable[Node]) -> dict[str, Record]:
    """SLS networks by name, the nodes of the site reserved on the HSN."""
    reservations = {"HSN": [_hsn_reservation(node) for node in nodes]}
    return {kind[0]: _network(kind, reservations.get(kind[0], [])) for kind in _NETWORKS}


def _path(xname: str) -> Iterator[str]:
    sofar = ""
    for level in re.findall(r"[a-z]\d+", xname):
        yield sofar + level
        sofar += level


def _piece(xname: str, node: Node) -> Record:
    above = re.sub(r"[a-z]\d+$", "", xname) or "s0"
    letter = re.findall(r"[a-z]", xname)[-1]
    comptype, name = _LEVELS[letter]
    piece: Record = {
        "Parent": above,
        "Xname": xname,
        "Type": comptype,
        "Class": node.kind.hardware_class,
        "TypeString": name,
        **_STAMP,
    }
    if letter == "n":
        extra: Record = {"NID": node.nid, "Role": node.role, "Aliases": [f"nid{node.nid:06}"]}
        piece["ExtraProperties"] = extra | ({"SubRole": node.sub_role} if node.sub_role else {})
    return piece


def _network(kind: tuple[str, str, str, int], reservations: list[Record]) -> Record:
    name, full, cidr, vlan = kind
    inside = ipaddress.ip_network(cidr)
    service = _SERVICES.get(name)
    reserved = [] if service is None else [_service_reservation(inside, *service)]
    subnet = {
        "Name": f"{name.lower()}_base",
        "FullName": f"{full} Base",
        "CIDR": cidr,
        "VlanID": vlan,
        "Gateway": str(inside[1]),
        "DHCPStart": str(inside[100]),
        "DHCPEnd": str(inside[-2]),
        "IPReservations": reserved + reservations,
    }
    return {
        "Name": name,
        "FullName": full,
        "IPRanges": [cidr],
        "Type": "slingshot10" if name == "HSN" else "ethernet",
        **_STAMP,
        "ExtraProperties": {
            "CIDR": cidr,
            "VlanRange": [vlan],
            "MTU": 9000,
            "Subnets": [subnet],
        },
    }


def _service_reservation(
    inside: ipaddress.IPv4Network | ipaddress.IPv6Network, name: str, number: int
) -> Record:
    aliases = _GATEWAY_ALIASES if name == "istio-ingressgateway" else []
    return {"Name": name, "IPAddress": str(inside[number]), "Aliases": aliases, "Comment": name}


def _hsn_reservation(node: Node) -> Record:
    address = ipaddress.ip_address("10.253.0.0") + 256 + node.nid
    alias = f"nid{node.nid:06}-hsn0"
    return {
        "Name": f"{node.xname}h0",
        "IPAddress": str(address),
        "Aliases": [alias],
        "Comment": f"{node.xname}h0",
    }
