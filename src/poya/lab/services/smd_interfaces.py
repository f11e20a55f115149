# SPDX-License-Identifier: Apache-2.0
"""HSM: /Inventory/EthernetInterfaces. An interface's ID is its MAC address without colons."""

from __future__ import annotations

import re

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from poya.lab.services.answers import Problem, encoded_answer, go_body, json_answer
from poya.lab.services.orders import scattered, scattered_records
from poya.lab.services.smd_members import created
from poya.lab.services.times import rfc3339
from poya.lab.services.xnames import component_type, normalise
from poya.lab.site import LabSite
from poya.lab.state import JsonObject

_FIELDS = {"macaddress": "MACAddress", "componentid": "ComponentID", "type": "Type"}
_MAC = re.compile(r"[0-9a-f]{12}")


class _AddressIn(msgspec.Struct):
    address: str = msgspec.field(name="IPAddress", default="")
    network: str = msgspec.field(name="Network", default="")


class _InterfaceIn(msgspec.Struct):
    mac: str = msgspec.field(name="MACAddress", default="")
    description: str | None = msgspec.field(name="Description", default=None)
    component: str | None = msgspec.field(name="ComponentID", default=None)
    addresses: list[_AddressIn] | None = msgspec.field(name="IPAddresses", default=None)


class Interfaces:
    """Ethernet interfaces of components, found by discovery or put in by hand."""

    def __init__(self, site: LabSite) -> None:
        self._site = site
        self._records = site.state.ethernet_interfaces

    def routes(self) -> list[Route]:
        """The paths of this part of HSM."""
        base = "/Inventory/EthernetInterfaces"
        return [
            Route(base, self.list_all, methods=["GET"]),
            Route(base, self.create, methods=["POST"]),
            Route(f"{base}/{{id}}", self.get, methods=["GET"]),
            Route(f"{base}/{{id}}", self.patch, methods=["PATCH"]),
            Route(f"{base}/{{id}}", self.delete, methods=["DELETE"]),
        ]

    async def list_all(self, request: Request) -> Response:
        """All interfaces, or those that the query asks for."""
        query = request.query_params
        if not query:
            return encoded_answer(self._records.encoded(scattered(self._records.keys())))
        wanted = {
            _FIELDS[name.lower()]: {value.lower() for value in query.getlist(name)}
            for name in query
            if name.lower() in _FIELDS
        }
        return json_answer(
            [
                record
                for record in scattered_records(self._records)
                if all(str(record.get(f, "")).lower() in v for f, v in wanted.items())
                and _has_address(record, query.getlist("IPAddress"), "IPAddress")
                and _has_address(record, query.getlist("Network"), "Network")
            ]
        )

    async def get(self, request: Request) -> Response:
        """One interface."""
        return json_answer(self._record(request))

    async def create(self, request: Request) -> Response:
        """Put in an interface that discovery has not found."""
        asked = await go_body(request, _InterfaceIn)
        mac = asked.mac.lower()
        key = re.sub(r"[^0-9a-f]", "", mac)
        if not _MAC.fullmatch(key):
            raise Problem(400, "MACAddress is not a valid MAC address")
        if key in self._records:
            raise Problem(
                409, "operation would conflict with an existing component ethernet interface"
            )
        record = {"ID": key, "Description": "", "MACAddress": mac, "IPAddresses": []}
        self._keep(record | {"ComponentID": "", "Type": ""}, asked)
        return created(f"/hsm/v2/Inventory/EthernetInterfaces/{key}", request.url.path)

    async def patch(self, request: Request) -> Response:
        """Change the description, the component or the addresses."""
        record, asked = self._record(request), await go_body(request, _InterfaceIn)
        if asked.description is None and asked.component is None and asked.addresses is None:
            raise Problem(400, "Request must have at least one patch field.")
        self._keep(record, asked)
        return json_answer({"code": 0, "message": "Modified 1 entry"})

    async def delete(self, request: Request) -> Response:
        """Delete an interface."""
        self._records.delete(self._record(request)["ID"])
        return json_answer({"code": 0, "message": "deleted 1 entry"})

    def _keep(self, record: JsonObject, asked: _InterfaceIn) -> None:
        if asked.description is not None:
            record["Description"] = asked.description
        if asked.component is not None:
            xname = normalise(asked.component)
            if xname and not component_type(xname):
                raise Problem(400, "invalid ComponentID")
            record |= {"ComponentID": xname, "Type": component_type(xname)}
        if asked.addresses is not None:
            record["IPAddresses"] = [
                {"IPAddress": one.address, "Network": one.network} for one in asked.addresses
            ]
        record["LastUpdate"] = rfc3339(self._site.clock())
        self._records.put(record["ID"], record)

    def _record(self, request: Request) -> JsonObject:
        given = request.path_params["id"]
        record = self._records.get(re.sub(r"[^0-9a-f]", "", given.lower()))
        if record is None:
            raise Problem(404, f"No such component ethernet interface: {given}")
        return record


def _has_address(record: JsonObject, wanted: list[str], field: str) -> bool:
    found = {str(address.get(field, "")).lower() for address in record.get("IPAddresses") or ()}
    return not wanted or any(value.lower() in found for value in wanted)
