# SPDX-License-Identifier: Apache-2.0
"""PowerDNS's HTTP API (4.x), and what cray-powerdns-manager keeps putting into it.

In a real site it is reached from inside the cluster only; here below /pdns, with an API key. The
manager owns the names that SLS reserves: every half minute it puts back what differs. Names that
it does not know it leaves alone, so foreign records survive beside them.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from poya.lab.services.answers import json_answer, no_content, plain_app
from poya.lab.site import LabSite
from poya.lab.state import JsonObject

_TRUE_UP_S = 30.0
_TTL_S = 3600
_TYPES = frozenset(("A", "AAAA", "CNAME", "DNAME", "MX", "NS", "PTR", "SOA", "SRV", "TXT"))


class _Record(msgspec.Struct):
    content: str
    disabled: bool = False


class _RRset(msgspec.Struct):
    name: str
    type: str
    changetype: str
    ttl: int = _TTL_S
    records: list[_Record] = []


class _Patch(msgspec.Struct):
    rrsets: list[_RRset]


class _Refused(Exception):
    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


def app(site: LabSite) -> Starlette:
    """The API, to be mounted at /pdns."""
    dns = _PowerDns(site)
    base = "/api/v1/servers"
    routes: list[BaseRoute] = [
        Route(base, dns.list_servers, methods=["GET"]),
        Route(f"{base}/localhost", dns.get_server, methods=["GET"]),
        Route(f"{base}/localhost/zones", dns.list_zones, methods=["GET"]),
        Route(f"{base}/localhost/zones/{{zone}}", dns.get_zone, methods=["GET"]),
        Route(f"{base}/localhost/zones/{{zone}}", dns.patch_zone, methods=["PATCH"]),
        Route(f"{base}/localhost/zones/{{zone}}/notify", dns.notify, methods=["PUT"]),
    ]
    return plain_app(routes, _no_route, {_Refused: _refused})


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, _Refused)
    return json_answer({"error": str(error)}, error.status)


def _no_route(status: int) -> Response:
    return json_answer({"error": "Not Found" if status == 404 else "Method Not Allowed"}, status)  # noqa: PLR2004


class _PowerDns:
    def __init__(self, site: LabSite) -> None:
        self._site = site
        self._own = site.state.kind("dns_rrsets")

    async def list_servers(self, request: Request) -> Response:
        self._require_key(request)
        return json_answer([self._server()])

    async def get_server(self, request: Request) -> Response:
        self._require_key(request)
        return json_answer(self._server())

    async def list_zones(self, request: Request) -> Response:
        self._require_key(request)
        return json_answer([_zone(name) for name in self._zones()])

    async def get_zone(self, request: Request) -> Response:
        """A zone with all its RRsets."""
        name = self._zone_name(request)
        return json_answer(_zone(name) | {"rrsets": self._rrsets(name)})

    async def patch_zone(self, request: Request) -> Response:
        """Replace or delete RRsets: all of them, or none if one is wrong."""
        zone = self._zone_name(request)
        try:
            asked = msgspec.json.decode(await request.body(), type=_Patch)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise _Refused(422, f"Your JSON body is not valid: {error}") from error
        for rrset in asked.rrsets:
            _check(rrset, zone)
        for rrset in asked.rrsets:
            key = f"{rrset.name.lower()} {rrset.type}"
            kept = _shown(rrset) if rrset.changetype == "REPLACE" else {"deleted": True}
            self._own.put(key, {**kept, "zone": zone, "written_s": self._site.clock()})
        return no_content()

    async def notify(self, request: Request) -> Response:
        """Tell the secondaries."""
        self._zone_name(request)
        return json_answer({"result": "Notification queued"})

    def _rrsets(self, zone: str) -> list[JsonObject]:
        found = {f"{r['name']} {r['type']}": r for r in self._of_sls(zone)}
        owned_names = {rrset["name"] for rrset in found.values()}
        for key, own in self._own.items():
            if own["zone"] != zone or self._is_undone(key, own, owned_names):
                continue
            found.pop(key, None)
            if not own.get("deleted"):
                found[key] = {k: v for k, v in own.items() if k not in ("zone", "written_s")}
        return [_soa(zone), *(found[key] for key in sorted(found))]

    def _is_undone(self, key: str, own: JsonObject, owned_names: set[str]) -> bool:
        """Whether the manager has put back since then what SLS wants under that name."""
        period_s = self._site.pace.of(_TRUE_UP_S)
        turns = self._site.clock() // period_s - own["written_s"] // period_s
        return turns >= 1 and key.partition(" ")[0] in owned_names

    def _of_sls(self, zone: str) -> Iterator[JsonObject]:
        for network in self._site.state.sls_networks.values():
            name = str(network["Name"]).lower().replace("_", "-")
            if zone != f"{name}.{self._site.domain}.":
                continue
            for subnet in (network.get("ExtraProperties") or {}).get("Subnets") or ():
                for reservation in subnet.get("IPReservations") or ():
                    yield from _reserved(reservation, zone)

    def _zones(self) -> list[str]:
        names = [
            str(n["Name"]).lower().replace("_", "-")
            for n in self._site.state.sls_networks.values()
        ]
        return [f"{self._site.domain}.", *(f"{name}.{self._site.domain}." for name in names)]

    def _zone_name(self, request: Request) -> str:
        self._require_key(request)
        name = request.path_params["zone"].lower()
        name = name if name.endswith(".") else f"{name}."
        if name not in self._zones():
            raise _Refused(404, f"Could not find domain '{name}'")
        return str(name)

    def _require_key(self, request: Request) -> None:
        known = self._site.accounts.dns_key
        if not known or not hmac.compare_digest(request.headers.get("x-api-key", ""), known):
            raise _Refused(401, "Unauthorized")

    def _server(self) -> JsonObject:
        return {
            "type": "Server",
            "id": "localhost",
            "daemon_type": "authoritative",
            "version": "4.6.2",
        }


def _reserved(reservation: JsonObject, zone: str) -> Iterator[JsonObject]:
    name = f"{str(reservation['Name']).lower()}.{zone}"
    yield _rrset(name, "A", str(reservation["IPAddress"]))
    for alias in reservation.get("Aliases") or ():
        if "." not in alias:
            yield _rrset(f"{alias.lower()}.{zone}", "CNAME", name)


def _rrset(name: str, kind: str, content: str, ttl_s: int = _TTL_S) -> JsonObject:
    record = {"content": content, "disabled": False}
    return {"name": name, "type": kind, "ttl": ttl_s, "records": [record], "comments": []}


def _soa(zone: str) -> JsonObject:
    content = f"a.misconfigured.dns.server.invalid. hostmaster.{zone} 1 10800 3600 604800 3600"
    return _rrset(zone, "SOA", content)


def _zone(name: str) -> JsonObject:
    url = f"/api/v1/servers/localhost/zones/{name}"
    return {"id": name, "name": name, "kind": "Master", "url": url, "serial": 1, "dnssec": False}


def _check(rrset: _RRset, zone: str) -> None:
    where = f"RRset {rrset.name} IN {rrset.type}"
    if not rrset.name.endswith("."):
        raise _Refused(422, f"DNS Name '{rrset.name}' is not canonical")
    if rrset.name.lower() != zone and not rrset.name.lower().endswith(f".{zone}"):
        raise _Refused(422, f"{where}: Name is out of zone")
    if rrset.type not in _TYPES:
        raise _Refused(422, f"{where}: unknown type given")
    if rrset.changetype not in ("REPLACE", "DELETE"):
        raise _Refused(422, "Changetype not understood")
    if rrset.changetype == "REPLACE" and not rrset.records:
        raise _Refused(422, f"{where}: no records given")


def _shown(rrset: _RRset) -> JsonObject:
    records = [{"content": r.content, "disabled": r.disabled} for r in rrset.records]
    return {
        **{"name": rrset.name.lower(), "type": rrset.type, "ttl": rrset.ttl},
        **{"records": records, "comments": []},
    }
