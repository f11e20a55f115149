# SPDX-License-Identifier: Apache-2.0
"""The one URL of a lab site: token check, faults, the log of requests, and the services behind.

/keycloak/realms/shasta/...   no token needed
/apis/{smd,cfs,bos,ims,bss,sls,sts,tapms,power-control,capmc}/...
/service/rest, /repository    Nexus, with credentials of its own
/k8s/...                      the Kubernetes API, with a token of its own
/pdns/...                     PowerDNS, with a key of its own
/vcs/...                      what `site.vcs_app` serves; it asks for credentials itself
/_lab/{faults,requests,site,time}  the lab's own controls; no token, no faults, not logged
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from poya.lab.faults import Fault
from poya.lab.life.alive import bring_to_life
from poya.lab.services import (
    bos,
    bss,
    capmc,
    cfs,
    control,
    ims,
    kubernetes,
    nexus,
    pcs,
    powerdns,
    sls,
    smd,
    sts,
    tapms,
)
from poya.lab.services.identity import TokenMint
from poya.lab.services.keycloak import REALM_PATH, Keycloak
from poya.lab.services.mishaps import serve_struck
from poya.lab.services.policy import Policy
from poya.lab.site import LabSite, LoggedRequest

_READING_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_HARMLESS = re.compile(
    r"POST /keycloak/.*"
    r"|PUT /apis/sts/token"
    r"|POST /apis/smd/hsm/v2/State/Components/(ByNID/)?Query"
    r"|POST /apis/smd/hsm/v2/locks/(status|service/reservations/check)"
    r"|POST /vcs/.*/git-upload-pack"
    r"|POST /apis/tapms/v1alpha\d/tenants"
    r"|POST /apis/power-control/v1/power-status"
    r"|POST /apis/capmc/capmc/v1/get_xname_status"
    r"|POST /apis/sls/v1/dumpstate"
)


def build_gateway(site: LabSite) -> ASGIApp:
    """The ASGI app that serves a whole site below one URL."""
    return _Gateway(site)


class _Gateway:
    """Lets requests through to the services, or not."""

    def __init__(self, site: LabSite) -> None:
        mint = TokenMint(site.state.keys, f"{site.api_url}{REALM_PATH}")
        self._site = site
        self._policy = Policy(mint, site.profile)
        self._control = control.app(site)
        bring_to_life(site)
        self._services = Router(
            [
                Mount(REALM_PATH, Keycloak(site, mint).app()),
                Mount("/apis/smd/hsm/v2", smd.app(site)),
                Mount("/apis/cfs", cfs.app(site)),
                Mount("/apis/bos", bos.app(site)),
                Mount("/apis/ims", ims.app(site)),
                Mount("/apis/bss", bss.app(site)),
                Mount("/apis/sls/v1", sls.app(site)),
                Mount("/apis/sts", sts.app(site)),
                *_by_release(site),
                Mount("/k8s", kubernetes.app(site)),
                Mount("/pdns", powerdns.app(site)),
                Mount("/vcs", self._vcs),
                Mount("/", nexus.app(site)),
            ],
            redirect_slashes=False,
            default=_no_route,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await Starlette()(scope, receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if path == "/_lab" or path.startswith("/_lab/"):
            await Mount("/_lab", self._control)(scope, receive, send)
            return
        number = self._site.requests.take_number()
        fault = self._site.faults.strike(scope["method"], path)
        status = 0
        try:
            if fault is None:
                status = await self._pass(scope, receive, send)
            else:
                status = await serve_struck(fault, self._guarded, scope, receive, send)
        finally:
            self._site.requests.add(_entry(number, scope, status, fault))

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> int:
        status = 0

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        await self._guarded(scope, receive, watch)
        return status

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not scope["path"].startswith("/vcs/"):  # whose clients may be events themselves
            await self._site.agenda.catch_up(self._site.clock())
        refusal = self._refusal(scope)
        await (refusal or self._services)(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        if scope["path"].startswith("/k8s/"):
            return kubernetes.stranger(self._site, Headers(scope=scope))
        if not scope["path"].startswith("/apis/"):
            return None
        return self._policy.refusal(
            scope["method"], scope["path"], Headers(scope=scope), self._site.wall_s()
        )

    async def _vcs(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (self._site.vcs_app or _no_route)(scope, receive, send)


async def _no_route(scope: Scope, receive: Receive, send: Send) -> None:
    """What Envoy answers where it has no route: 404, no body."""
    await PlainTextResponse("", 404)(scope, receive, send)


def _by_release(site: LabSite) -> Iterator[Mount]:
    """The services that not every release has."""
    if site.profile.tapms is not None:
        yield Mount("/apis/tapms", tapms.app(site))
    if site.profile.pcs is not None:
        yield Mount("/apis/power-control/v1", pcs.app(site))
    if site.profile.capmc:
        yield Mount("/apis/capmc/capmc/v1", capmc.app(site))


def _entry(number: int, scope: Scope, status: int, fault: Fault | None) -> LoggedRequest:
    method, path = scope["method"], scope["path"]
    return LoggedRequest(
        number=number,
        method=method,
        path=path,
        query=scope.get("query_string", b"").decode("latin-1"),
        status=status,
        service=_service(path),
        mutating=_is_mutating(method, path),
        fault="" if fault is None else fault.action.value,
    )


def _is_mutating(method: str, path: str) -> bool:
    return method not in _READING_METHODS and not _HARMLESS.fullmatch(f"{method} {path}")


def _service(path: str) -> str:
    parts = path.split("/")
    if parts[1] == "apis":
        return parts[2] if len(parts) > 2 else "-"  # noqa: PLR2004 - "", "apis", service
    if parts[1] in ("service", "repository"):
        return "nexus"
    return parts[1] if parts[1] in ("keycloak", "vcs", "k8s", "pdns") else "-"
