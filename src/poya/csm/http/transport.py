# SPDX-License-Identifier: Apache-2.0
"""The wire to one site: TLS, proxy, time limits, retries, tokens, and one log line a request."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import count

import httpx2

from poya.csm.auth import Authorization, Credentials
from poya.csm.config import SiteConfig
from poya.csm.http.answers import Answer
from poya.csm.http.calls import MEBIBYTE, Call
from poya.csm.http.connecting import Connecting
from poya.csm.http.faults import SENDING_FAILS, translate
from poya.csm.http.peers import Peer, peer_of
from poya.csm.http.readonly import ReadOnlyTransport, harmless_requests
from poya.csm.http.retry import RetryPolicy
from poya.csm.tls import site_context
from poya.errors import BadAnswer, PoyaError, Unreachable

_LOG = logging.getLogger("poya.csm")
_KEEPALIVE_S = 30.0
_LONGEST_FAILURE = 4 * MEBIBYTE
_UNAUTHORISED = 401
# At DEBUG these write down answer headers and the proxy's password, at INFO whole queries.
_TALKATIVE = ("httpx2", "httpcore2")


class Wire:
    """Sends calls to one site; the only place that knows httpx2's client."""

    def __init__(
        self, config: SiteConfig, transport: httpx2.AsyncBaseTransport, retry: RetryPolicy
    ) -> None:
        self._config = config
        self._retry = retry
        self._slots = asyncio.Semaphore(config.max_connections)
        self._client = httpx2.AsyncClient(
            transport=transport, trust_env=False, follow_redirects=False, headers={}
        )

    async def aclose(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    async def send(self, call: Call, credentials: Credentials) -> Answer:
        """Send a call, with a renewed token if the first is refused; only a 2xx comes back.

        Raises:
            PoyaError: As `Answer.raise_for_status` and `faults.translate` say.
        """
        answer = await self.exchange(call, credentials)
        answer.raise_for_status()
        return answer

    async def exchange(
        self, call: Call, credentials: Credentials, held: list[httpx2.Response] | None = None
    ) -> Answer:
        """As `send`, but an answer of any status comes back.

        Args:
            held: If given, a 2xx answer comes back without its body, and the response that the
                body is to be read from is put here, with its slot: for `open` alone.
        """
        authorization = await credentials.authorization()
        answer = await self._persist(call, authorization, held)
        if answer.status == _UNAUTHORISED and authorization is not None:
            renewed = await credentials.renewed(authorization)
            if renewed is not None:
                return await self._persist(call, renewed, held)
        return answer

    @asynccontextmanager
    async def open(
        self, call: Call, credentials: Credentials
    ) -> AsyncIterator[tuple[Answer, AsyncGenerator[bytes, None]]]:
        """Send a call and read its body piece by piece; nothing is repeated once it began.

        Raises:
            PoyaError: As `send` says; while reading, too.
        """
        held: list[httpx2.Response] = []
        try:
            answer = await self.exchange(call, credentials, held)
            answer.raise_for_status()
            yield answer, self._pieces(held[0], call)
        finally:
            for response in held:
                await response.aclose()
                self._slots.release()

    async def peer(self, call: Call, credentials: Credentials) -> Peer:
        """Send a call and say who answered it; the body is not read.

        Raises:
            PoyaError: As `send` says.
        """
        held: list[httpx2.Response] = []
        try:
            started = datetime.now(UTC)
            answer = await self.exchange(call, credentials, held)
            answer.raise_for_status()
            return peer_of(held[0], started, datetime.now(UTC))
        finally:
            for response in held:
                await response.aclose()
                self._slots.release()

    async def _pieces(self, response: httpx2.Response, call: Call) -> AsyncGenerator[bytes, None]:
        size_bytes = 0
        try:
            async for piece in response.aiter_bytes():
                size_bytes += len(piece)
                if size_bytes > call.limit_bytes:
                    raise _too_long(call)
                yield piece
        except SENDING_FAILS as error:
            raise translate(error, call, self._config) from error

    async def _persist(
        self,
        call: Call,
        authorization: Authorization | None,
        held: list[httpx2.Response] | None,
    ) -> Answer:
        for attempt in count(1):
            try:
                answer = await self._attempt(call, authorization, held)
            except Unreachable as error:
                wait_s = self._retry.wait_after_fault(call, error, attempt)
                if wait_s is None:
                    raise
            else:
                wait_s = self._retry.wait_after_answer(answer, attempt)
                if wait_s is None:
                    return answer
            await self._retry.sleep(wait_s)
        raise AssertionError

    async def _attempt(
        self,
        call: Call,
        authorization: Authorization | None,
        held: list[httpx2.Response] | None,
    ) -> Answer:
        """Send once and log it, whatever comes of it; a slot stays taken while a body is held."""
        request_id = str(uuid.uuid4())
        await self._slots.acquire()
        started_s, outcome = time.monotonic(), "abandoned"
        try:
            answer = await self._converse(call, authorization, request_id, held)
            outcome = f"{answer.status}"
        except PoyaError as error:
            outcome = type(error).__name__
            raise
        finally:
            took_ms = (time.monotonic() - started_s) * 1000
            _LOG.debug("%s: %s in %.0f ms [%s]", call, outcome, took_ms, request_id)
            if not held:
                self._slots.release()
        return answer

    async def _converse(
        self,
        call: Call,
        authorization: Authorization | None,
        request_id: str,
        held: list[httpx2.Response] | None,
    ) -> Answer:
        try:
            request = self._request(call, authorization, request_id)
            # httpx2 limits each wait; a proxy's handshake is several, so all of them together.
            async with asyncio.timeout(self._longest_wait_s(call)):
                response = await self._client.send(request, stream=True)
            if held is not None and response.is_success:
                held.append(response)
                return _answer(call, response, b"", request_id, authorization)
            try:
                body = await _read(response, call)
            finally:
                await response.aclose()
        except httpx2.LocalProtocolError as error:
            # Neither its message nor its chain may reach a traceback: they quote the header.
            raise translate(error, call, self._config) from None
        except SENDING_FAILS as error:
            raise translate(error, call, self._config) from error
        return _answer(call, response, body, request_id, authorization)

    def _request(
        self, call: Call, authorization: Authorization | None, request_id: str
    ) -> httpx2.Request:
        headers = {"Accept": "application/json", "User-Agent": "poya", "X-Request-Id": request_id}
        if call.body is not None:
            headers["Content-Type"] = call.content_type
        if call.tenant is not None:
            headers["Cray-Tenant-Name"] = call.tenant
        if authorization is not None:
            headers["Authorization"] = authorization.header
        progress_s = call.timeout_s or self._config.progress_timeout_s
        return self._client.build_request(
            call.method,
            call.url,
            params=call.params or None,
            content=call.body,
            headers=headers,
            timeout=httpx2.Timeout(progress_s, connect=self._config.connect_timeout_s),
            extensions={"trace": Connecting()},
        )

    def _longest_wait_s(self, call: Call) -> float:
        progress_s = call.timeout_s or self._config.progress_timeout_s
        return 2 * self._config.connect_timeout_s + progress_s


def open_wire(
    config: SiteConfig,
    *,
    read_only: bool,
    retry: RetryPolicy,
    transport: httpx2.AsyncBaseTransport | None = None,
) -> Wire:
    """Make the wire to a site; nothing is sent yet.

    Args:
        config: The site.
        read_only: Whether to refuse every mutating request before it is sent.
        retry: When to ask again.
        transport: What sends in place of the network, for rehearsals and tests.

    Raises:
        ConfigError: The CA file cannot be used.
    """
    inner = transport if transport is not None else network(config)
    if read_only:
        inner = ReadOnlyTransport(inner, config.name, harmless_requests(config))
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    return Wire(config, inner, retry)


def network(config: SiteConfig) -> httpx2.AsyncBaseTransport:
    """The way to a site: its CA, its proxy, its limits.

    Raises:
        ConfigError: The CA file cannot be used.
    """
    limits = httpx2.Limits(
        max_connections=config.max_connections,
        max_keepalive_connections=config.max_connections,
        keepalive_expiry=_KEEPALIVE_S,
    )
    return httpx2.AsyncHTTPTransport(
        verify=site_context(config.ca_path),
        trust_env=False,
        http2=False,
        limits=limits,
        proxy=config.proxy,
    )


async def _read(response: httpx2.Response, call: Call) -> bytes:
    """Read a body to its end, but never more than the call allows."""
    limit = call.limit_bytes if response.is_success else min(call.limit_bytes, _LONGEST_FAILURE)
    chunks: list[bytes] = []
    size_bytes = 0
    async for chunk in response.aiter_bytes():
        size_bytes += len(chunk)
        if size_bytes > limit:
            if not response.is_success:
                break
            raise _too_long(call)
        chunks.append(chunk)
    return b"".join(chunks)


def _too_long(call: Call) -> BadAnswer:
    return BadAnswer(
        f"The answer to {call} is longer than {call.limit_bytes / MEBIBYTE:g} MiB.",
        why="What is longer is not read: it would fill this machine's memory.",
    )


def _answer(
    call: Call,
    response: httpx2.Response,
    body: bytes,
    request_id: str,
    authorization: Authorization | None,
) -> Answer:
    total = response.headers.get("X-Total-Count", "")
    return Answer(
        call=call,
        status=response.status_code,
        body=body,
        request_id=request_id,
        location=response.headers.get("Location", "").partition("?")[0],
        retry_after=response.headers.get("Retry-After", ""),
        total=int(total) if total.isascii() and total.isdigit() else None,
        secrets=call.secrets + (authorization.secrets if authorization else ()),
    )
