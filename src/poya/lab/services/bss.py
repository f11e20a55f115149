# SPDX-License-Identifier: Apache-2.0
"""BSS: what each node boots. It believes what it is told: hosts are not looked up anywhere.

Kernels and initrds are kept beside the hosts, and the list of all parameters shows them first,
as entries without hosts.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from poya.lab.services.answers import Problem, go_app, go_body, json_answer, no_content
from poya.lab.site import LabSite
from poya.lab.state import JsonObject

_TOKEN_HEADER = "BSS-Referral-Token"
_HOME = ("pub_key_dsa", "pub_key_rsa", "pub_key_ecdsa", "instance_id", "hostname", "fqdn")


class _ParametersIn(msgspec.Struct):
    hosts: list[str] | None = None
    macs: list[str] | None = None
    nids: list[int] | None = None
    params: str = ""
    kernel: str = ""
    initrd: str = ""
    cloud_init: dict[str, Any] | None = msgspec.field(name="cloud-init", default=None)


def app(site: LabSite) -> Starlette:
    """The service, to be mounted at /apis/bss."""
    service = BootScripts(site)
    base, path = "/boot/v1", "/boot/v1/bootparameters"
    return go_app(
        [
            Route(path, service.get, methods=["GET"]),
            Route(path, service.create, methods=["POST"]),
            Route(path, service.put, methods=["PUT"]),
            Route(path, service.patch, methods=["PATCH"]),
            Route(path, service.delete, methods=["DELETE"]),
            Route(f"{base}/hosts", service.list_hosts, methods=["GET"]),
            Route(f"{base}/hosts", service.refresh_hosts, methods=["POST"]),
            Route(f"{base}/bootscript", service.boot_script, methods=["GET"]),
            Route(f"{base}/endpoint-history", service.history, methods=["GET"]),
            Route(f"{base}/dumpstate", service.dump, methods=["GET"]),
            Route(f"{base}/service/{{part:path}}", service.status, methods=["GET"]),
        ]
    )


class BootScripts:
    """The records of BSS, by host."""

    def __init__(self, site: LabSite) -> None:
        self._site = site
        self._records = site.state.boot_parameters
        self._images = site.state.boot_images
        self._tokens = site.state.kind("bss_tokens")

    def upsert(self, hosts: list[str], artifacts: Mapping[str, str]) -> str:
        """Write what hosts boot, as BOS does; the referral token of it.

        Args:
            hosts: Names of nodes.
            artifacts: `kernel`, `initrd` and `kernel_parameters`.
        """
        asked = _ParametersIn(
            hosts=hosts,
            params=artifacts["kernel_parameters"],
            kernel=artifacts["kernel"],
            initrd=artifacts["initrd"],
        )
        return self._keep(asked, hosts)

    async def get(self, request: Request) -> Response:
        """Boot parameters: of some hosts, or everything; `null` if there is nothing."""
        query = request.query_params
        names = _split(query.getlist("name"))
        macs = _split(query.getlist("mac"))
        nids = _numbers(_split(query.getlist("nid")))
        raw = await request.body()
        if raw:
            asked = await go_body(request, _ParametersIn, malformed=400)
            names += asked.hosts or []
            macs += asked.macs or []
            nids += asked.nids or []
        elif not (names or macs or nids):
            return json_answer(self._all() or None)
        hosts = [*names, *self._hosts_of(macs, nids)]
        found = [record for host in hosts if (record := self._records.get(host))]
        if not found:
            kinds = (("Hosts", names), ("MACs", macs), ("NIDs", nids))
            named = [kind for kind, given in kinds if given]
            raise Problem(404, f"Cannot find boot parameters for requested {' or '.join(named)}")
        return json_answer([_shown(record) for record in found])

    async def create(self, request: Request) -> Response:
        """Write parameters of hosts that have none."""
        asked = await go_body(request, _ParametersIn, malformed=400)
        hosts = self._asked_hosts(asked)
        for host in hosts:
            if host in self._records:
                raise Problem(400, f"Bad Request: Already exists: {host}")
        return self._store(asked, hosts, 201)

    async def put(self, request: Request) -> Response:
        """Write parameters, whoever had some."""
        asked = await go_body(request, _ParametersIn, malformed=400)
        return self._store(asked, self._asked_hosts(asked), 200)

    async def patch(self, request: Request) -> Response:
        """Change parameters of hosts that have some."""
        asked = await go_body(request, _ParametersIn, malformed=400)
        hosts = self._asked_hosts(asked)
        missing = [host for host in hosts if host not in self._records]
        if missing or not hosts:
            host = missing[0] if missing else ""
            raise Problem(404, f"Not Found: Key /params/{host} does not exist")
        given = {k: v for k in ("params", "kernel", "initrd") if (v := getattr(asked, k))}
        changed = {}
        for host in hosts:
            record = self._records.get(host) or {}
            cloud = _merge_cloud(record.get("cloud-init") or {}, asked.cloud_init or {})
            changed[host] = record | given | {"cloud-init": cloud}
        self._remember_images(asked)
        self._records.put_many(changed)
        return Response(status_code=200, media_type="application/json")

    async def delete(self, request: Request) -> Response:
        """Delete parameters of hosts, or kernels and initrds."""
        asked = await go_body(request, _ParametersIn, malformed=400)
        hosts = self._asked_hosts(asked)
        for host in hosts:
            if host not in self._records:
                raise Problem(400, f"Key /params/{host} does not exist")
        for host in hosts:
            self._records.delete(host)
        paths = [f"{k}:{v}" for k in ("kernel", "initrd") if (v := getattr(asked, k))]
        deleted = [path for path in paths if self._images.delete(path)]
        if not (hosts or deleted):
            raise Problem(400, "No data")
        return Response(status_code=200, media_type="application/json")

    async def list_hosts(self, _request: Request) -> Response:
        """The nodes that BSS has heard of from HSM."""
        return json_answer(self._hosts())

    async def refresh_hosts(self, _request: Request) -> Response:
        """Hear of them again."""
        return no_content()

    async def boot_script(self, request: Request) -> Response:
        """The iPXE script that a node gets now: by its own record, its role's, or the default."""
        query = request.query_params
        macs, nids = query.getlist("mac"), _numbers(query.getlist("nid"))
        hosts = [*query.getlist("name"), *self._hosts_of(macs, nids)]
        if not hosts:
            raise Problem(400, "Need a mac=, name=, or nid= parameter")
        component = self._site.state.components.get(hosts[0]) or {}
        for name in (hosts[0], component.get("Role", ""), "Default"):
            record = self._records.get(name)
            if record is not None and record.get("kernel"):
                token = (self._tokens.get(name) or {}).get("token", "")
                return PlainTextResponse(_ipxe(record, component, token))
        raise Problem(404, f"The node for {hosts[0]} is unknown")

    async def history(self, _request: Request) -> Response:
        """Who asked for what: nothing is kept here."""
        return json_answer([])

    async def dump(self, _request: Request) -> Response:
        """Everything."""
        return json_answer({"Components": self._hosts(), "Params": self._all()})

    async def status(self, request: Request) -> Response:
        """How the service is."""
        part = request.path_params["part"]
        if part not in ("status", "version", "hsm", "etcd", "status/all"):
            raise Problem(404, "404 page not found")
        everything = part == "status/all"
        shown = {
            "bss-version": (self._site.profile.bss, "version"),
            "bss-status": ("running", "status"),
            "bss-status-hsm": ("connected", "hsm"),
            "bss-status-etcd": ("connected", "etcd"),
        }
        return json_answer(
            {name: value for name, (value, which) in shown.items() if everything or part == which}
        )

    def _store(self, asked: _ParametersIn, hosts: list[str], status: int) -> Response:
        if not (hosts or asked.kernel or asked.initrd):
            raise Problem(400, "No data")
        token = self._keep(asked, hosts)
        answer = Response(status_code=status, media_type="application/json")
        if hosts:
            answer.headers[_TOKEN_HEADER] = token
        return answer

    def _keep(self, asked: _ParametersIn, hosts: list[str]) -> str:
        self._remember_images(asked, own_params=not hosts)
        self._records.put_many({host: _record(host, asked) for host in hosts})
        token = str(uuid.uuid4())
        self._tokens.put_many({host: {"token": token} for host in hosts})
        return token

    def _remember_images(self, asked: _ParametersIn, *, own_params: bool = False) -> None:
        for kind in ("kernel", "initrd"):
            path = getattr(asked, kind)
            if path and (own_params or f"{kind}:{path}" not in self._images):
                params = {"params": asked.params} if own_params and asked.params else {}
                self._images.put(f"{kind}:{path}", params | {kind: path})

    def _all(self) -> list[JsonObject]:
        images = [_shown(image) for image in self._images.values()]
        return images + [_shown(record) for _, record in sorted(self._records.items())]

    def _asked_hosts(self, asked: _ParametersIn) -> list[str]:
        return [*(asked.hosts or []), *self._hosts_of(asked.macs or [], asked.nids or [])]

    def _hosts_of(self, macs: Iterable[str], nids: Iterable[int]) -> list[str]:
        by_mac = {
            record.get("MACAddress", "").lower(): record.get("ComponentID", "")
            for record in self._site.state.ethernet_interfaces.values()
        }
        nodes = self._site.state.components
        by_nid = {c.get("NID"): c["ID"] for c in nodes.values()} if nids else {}
        return [by_mac.get(mac.lower()) or mac for mac in macs] + [
            by_nid.get(nid) or f"nid{nid:06}" for nid in nids
        ]

    def _hosts(self) -> list[JsonObject]:
        macs: dict[str, list[str]] = {}
        for record in self._site.state.ethernet_interfaces.values():
            macs.setdefault(record.get("ComponentID", ""), []).append(record["MACAddress"])
        nodes = (c for c in self._site.state.components.values() if c["Type"] == "Node")
        return [{**c, "FQDN": "", "MAC": macs.get(c["ID"])} for c in nodes]


def _record(host: str, asked: _ParametersIn) -> JsonObject:
    record: JsonObject = {"hosts": [host]}
    record |= {k: v for k in ("params", "kernel", "initrd") if (v := getattr(asked, k))}
    return record | {"cloud-init": _merge_cloud({}, asked.cloud_init or {})}


def _merge_cloud(old: JsonObject, new: JsonObject) -> JsonObject:
    home = {**dict.fromkeys(_HOME, ""), **(old.get("phone-home") or {})}
    merged: JsonObject = {}
    for name in ("meta-data", "user-data"):
        both = {**(old.get(name) or {}), **(new.get(name) or {})}
        merged[name] = both or None
    return merged | {"phone-home": home | (new.get("phone-home") or {})}


def _ipxe(record: JsonObject, component: JsonObject, token: str) -> str:
    words = [record.get("params", ""), f"xname={component.get('ID', '')}"]
    words += [f"nid={component.get('NID', 0)}", f"bss_referral_token={token}"]
    params = " ".join(word for word in words if word)
    return (
        "#!ipxe\n"
        f"kernel --name kernel {record['kernel']} initrd=initrd {params} || goto boot_retry\n"
        f"initrd --name initrd {record.get('initrd', '')} || goto boot_retry\n"
        "boot || goto boot_retry\n:boot_retry\nsleep 30\nchain /boot/v1/bootscript\n"
    )


def _shown(record: JsonObject) -> JsonObject:
    """Go encodes the nested structure even when nothing is in it."""
    return record if "cloud-init" in record else record | {"cloud-init": _merge_cloud({}, {})}


def _split(values: Iterable[str]) -> list[str]:
    return [part for value in values for part in value.split(",") if part]


def _numbers(values: Iterable[str]) -> list[int]:
    numbers = []
    for value in values:
        try:
            numbers.append(int(value, 0))
        except ValueError:
            raise Problem(400, f"Bad Request - Invalid nid '{value}'") from None
    return numbers
