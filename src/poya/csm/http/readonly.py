# SPDX-License-Identifier: Apache-2.0
"""The guard of a site that is only read: no mutating request passes, whoever asks for it."""

from __future__ import annotations

import httpx2

from poya.csm.config import NoAuth, SiteConfig, StaticToken
from poya.errors import PoyaError

_READING = frozenset({"GET", "HEAD", "OPTIONS"})
# Beginning and ending a login changes nothing of the site's.
_LOGIN = ("auth/device", "logout")
# What is asked with a POST because the names in question would not fit into a URL.
_QUERIES = {
    "hsm": (
        "/State/Components/Query",
        "/State/Components/ByNID/Query",
        "/locks/status",
        "/locks/service/reservations/check",
    ),
    "pcs": ("/power-status",),
    "capmc": ("/get_xname_status",),
    "tapms": ("/v1alpha3/tenants",),
}


class WriteRefused(PoyaError):
    """A mutating request was about to go to a site that is open for reading: a bug of ours."""


class ReadOnlyTransport(httpx2.AsyncBaseTransport):
    """Passes on what reads, and what `allowed` lists; refuses all else before it is sent."""

    def __init__(
        self, inner: httpx2.AsyncBaseTransport, site: str, allowed: frozenset[tuple[str, str]]
    ) -> None:
        self._inner = inner
        self._site = site
        self._allowed = allowed

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send the request, or refuse it.

        Raises:
            WriteRefused: It would change something at the site.
        """
        url = str(request.url.copy_with(query=None))
        if request.method not in _READING and (request.method, url) not in self._allowed:
            raise WriteRefused(
                f"{request.method} {request.url.path} was about to be sent to {self._site}, "
                "which is open for reading only. Nothing was sent.",
                todo="This is a bug: please report it.",
            )
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        """Close what it wraps."""
        await self._inner.aclose()


def harmless_requests(config: SiteConfig) -> frozenset[tuple[str, str]]:
    """Method and URL of the requests that change nothing although they look like it."""
    allowed = [("PUT", f"{config.base_url('sts')}/token")]
    allowed += [
        ("POST", f"{config.base_url(service)}{path}")
        for service, paths in _QUERIES.items()
        for path in paths
    ]
    if not isinstance(config.auth, StaticToken | NoAuth):
        allowed.append(("POST", config.token_endpoint(config.auth)))
        allowed += [("POST", config.realm_endpoint(config.auth, name)) for name in _LOGIN]
    return frozenset((method, str(httpx2.URL(url))) for method, url in allowed)
