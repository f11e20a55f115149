# SPDX-License-Identifier: Apache-2.0
"""The ways to a live CSM, watched: every request that may change it is told before and after."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import httpx2

from poya.csm import SiteConfig
from poya.csm.http.readonly import harmless_requests
from poya.csm.http.transport import network
from poya.sites.base import Witness, Write
from poya.transfer import Exchanger, Guard, HttpRequest, HttpResponse

_READING = frozenset({"GET", "HEAD", "OPTIONS"})


class WatchedTransport(httpx2.AsyncBaseTransport):
    """The way to a site's gateway."""

    def __init__(
        self, inner: httpx2.AsyncBaseTransport, config: SiteConfig, witness: Witness
    ) -> None:
        self._inner = inner
        self._witness = witness
        self._harmless = harmless_requests(config)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send the request; tell the witness if it may change something."""
        url = str(request.url.copy_with(query=None))
        if request.method in _READING or (request.method, url) in self._harmless:
            return await self._inner.handle_async_request(request)
        body = await request.aread()
        write = Write("csm", request.method, request.url.path, _sha256(body), len(body))
        number = self._witness.before(write)
        try:
            response = await self._inner.handle_async_request(request)
        except Exception:
            self._witness.after(number, write, 0)
            raise
        try:
            self._witness.after(number, write, response.status_code)
        except BaseException:
            await response.aclose()
            raise
        return response

    async def aclose(self) -> None:
        """Close what it wraps."""
        await self._inner.aclose()


class WatchedStore:
    """The way to a site's object store."""

    def __init__(self, inner: Exchanger, witness: Witness) -> None:
        self._inner = inner
        self._witness = witness

    def exchange(self, request: HttpRequest, guard: Guard) -> HttpResponse:
        """Send the request; tell the witness if it may change something."""
        if request.method in _READING:
            return self._inner.exchange(request, guard)
        write = _store_write(request)
        number = self._witness.before(write)
        try:
            response = self._inner.exchange(request, guard)
        except Exception:
            self._witness.after(number, write, 0)
            raise
        self._witness.after(number, write, response.status, response.headers.get("etag", ""))
        return response


def watching_network(
    config: SiteConfig, witness: Witness | None
) -> httpx2.AsyncBaseTransport | None:
    """The network to a site's gateway with a witness; None, the plain one, without."""
    return WatchedTransport(network(config), config, witness) if witness else None


def watching_store(witness: Witness | None) -> Callable[[Exchanger], Exchanger]:
    """What a store's exchanges go through."""
    return (lambda inner: WatchedStore(inner, witness)) if witness else (lambda inner: inner)


def _store_write(request: HttpRequest) -> Write:
    body = request.body
    if isinstance(body, bytes):
        return Write("s3", request.method, request.target, _sha256(body), len(body))
    size_bytes = len(body) if isinstance(body, memoryview) else body.size_bytes
    return Write("s3", request.method, request.target, "", size_bytes, is_bulk=True)


def _sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
