# SPDX-License-Identifier: Apache-2.0
"""BSS: what each node boots. It believes what it is told: hosts are not looked up anywhere.

Kernels and initrds are kept beside the hosts, and the list of all parameters shows them first,
as entries without hosts.
"""

from __future__ import annotations

from collections.abc import Iterable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from poya.lab.services.answers import Problem, go_app, go_body, json_answer, no_content
from poya.lab.services.bss_records import BootRecords, ParametersIn, shown
from poya.lab.services.bss_scripts import ipxe, signer
from poya.lab.site import LabSite
from poya.lab.state import JsonObject

_TOKEN_HEADER = "BSS-Referral-Token"


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
    """BSS over HTTP."""

    def __init__(self, site: LabSite) -> None:
        self._site = site
        self._records = BootRecords(site)

    async def get(self, request: Request) -> Response:
        """Boot parameters: of some hosts or images, or everything; `null` if there is nothing."""
        query = request.query_params
        names = _split(query.getlist("name"))
        macs = _split(query.getlist("mac"))
        nids = _numbers(_split(query.getlist("nid")))
        raw = await request.body()
        asked = ParametersIn()
        if raw:
            asked = await go_body(request, ParametersIn, malformed=400)
        elif not (names or macs or nids):
            return json_answer(self._records.everything() or None)
        asked.hosts = [*(asked.hosts or []), *names]
        asked.macs = [*(asked.macs or []), *macs]
        asked.nids = [*(asked.nids or []), *nids]
        return json_answer(self._found(asked) or _nothing(asked))

    async def create(self, request: Request) -> Response:
        """Write parameters of hosts that have none."""
        asked = await go_body(request, ParametersIn, malformed=400)
        return _stored(self._records.create(asked), 201)

    async def put(self, request: Request) -> Response:
        """Write parameters, whoever had some."""
        asked = await go_body(request, ParametersIn, malformed=400)
        return _stored(self._records.store(asked), 200)

    async def patch(self, request: Request) -> Response:
        """Change parameters of hosts that have some."""
        self._records.update(await go_body(request, ParametersIn, malformed=400))
        return _stored("", 200)

    async def delete(self, request: Request) -> Response:
        """Delete parameters of hosts, kernels and initrds."""
        self._records.remove(await go_body(request, ParametersIn, malformed=400))
        return _stored("", 200)

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
        names = [*query.getlist("name"), *self._records.hosts_of(macs, nids)]
        if not names:
            raise Problem(400, "Need a mac=, name=, or nid= parameter")
        component = self._site.state.components.get(names[0])
        if component is None:
            words = "no configuration available for unknown hosts"
            raise Problem(404, f"Unknown {names[0]}: {words}")
        for name in (names[0], component.get("Role", ""), "Default"):
            record = self._records.get(name)
            if record is not None and record.get("kernel"):
                token = self._records.token(name)
                return PlainTextResponse(ipxe(record, component, token, signer(self._site)))
        raise Problem(404, f"{names[0]}: this host not configured for booting.")

    async def history(self, _request: Request) -> Response:
        """Who asked for what: nothing is kept here."""
        return json_answer([])

    async def dump(self, _request: Request) -> Response:
        """Everything."""
        params = self._records.everything() or None
        return json_answer({"Components": self._hosts(), "Params": params})

    async def status(self, request: Request) -> Response:
        """How the service is."""
        part = request.path_params["part"]
        if part not in ("status", "version", "hsm", "etcd", "status/all"):
            raise Problem(404, "404 page not found")
        everything = part == "status/all"
        found = {
            "bss-version": (self._site.profile.bss, "version"),
            "bss-status": ("running", "status"),
            "bss-status-hsm": ("connected", "hsm"),
            "bss-status-etcd": ("connected", "etcd"),
        }
        return json_answer(
            {name: value for name, (value, which) in found.items() if everything or part == which}
        )

    def _found(self, asked: ParametersIn) -> list[JsonObject]:
        images = [self._records.image(kind, path) for kind, path in asked.images()]
        machines = self._records.hosts_of(asked.macs or [], asked.nids or [])
        hosts = [self._records.get(host) for host in (*(asked.hosts or []), *machines)]
        return [shown(record) for record in (*images, *hosts) if record]

    def _hosts(self) -> list[JsonObject]:
        macs: dict[str, list[str]] = {}
        for record in self._site.state.ethernet_interfaces.values():
            macs.setdefault(record.get("ComponentID", ""), []).append(record["MACAddress"])
        nodes = (c for c in self._site.state.components.values() if c["Type"] == "Node")
        return [{**c, "FQDN": "", "MAC": macs.get(c["ID"])} for c in nodes]


def _stored(token: str, status: int) -> Response:
    answer = Response(status_code=status, media_type="application/json")
    if token:
        answer.headers[_TOKEN_HEADER] = token
    return answer


def _nothing(asked: ParametersIn) -> list[JsonObject]:
    kinds = (("Hosts", asked.hosts), ("MACs", asked.macs), ("NIDs", asked.nids))
    named = [kind for kind, given in kinds if given] + [kind for kind, _ in asked.images()]
    if not named:
        raise Problem(400, "No specified data requested")
    *rest, last = named
    words = f"{', '.join(rest)} or {last}" if rest else last
    raise Problem(404, f"Cannot find boot parameters for requested {words}")


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
