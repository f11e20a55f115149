# SPDX-License-Identifier: Apache-2.0
"""One HTTP/1.1 exchange with an S3 service, over connections that are kept and reused.

Bodies are sent from and received into buffers of the caller. On loopback TLS http.client with
`recv_into` costs about half the CPU of a general HTTP client (see benchmarks/transfer).
"""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias, cast

from poya.transfer.dialling import Dialler
from poya.transfer.endpoints import Endpoint
from poya.transfer.guard import Guard
from poya.transfer.wire import Wire

_IDLE_LIMIT_S = 25.0
_MAX_IDLE = 32
_MAX_SMALL_BODY_BYTES = 8 * 1024 * 1024
_OK = (200, 206)
# Python's ssl puts the line of its own source before OpenSSL's words.
_OPENSSL_LINE = re.compile(r"^_ssl\.c:\d+: ")

_Failure = (OSError, http.client.HTTPException)


@dataclass(frozen=True, slots=True)
class StreamBody:
    """A request body that is made while it is sent.

    Attributes:
        size_bytes: Its exact length.
        chunks: Makes the body from its start; called again when the request is tried again.
    """

    size_bytes: int
    chunks: Callable[[], Generator[memoryview, None, None]]


Body: TypeAlias = "bytes | memoryview | StreamBody"


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request, complete with its signature.

    Attributes:
        method: In capitals.
        endpoint: Where to.
        target: Path and query, encoded.
        headers: Everything but Content-Length. Holds secrets: never in a repr.
        body: What is sent.
        into: Where the body of a 200 or 206 answer goes if its length is exactly this.
        stall_s: How long the peer may be silent.
    """

    method: str
    endpoint: Endpoint
    target: str
    headers: Mapping[str, str] = field(repr=False)
    body: Body = field(default=b"", repr=False)
    into: memoryview | None = field(default=None, repr=False)
    stall_s: float = 60.0


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """An answer.

    Attributes:
        status: 200..599.
        headers: Names in lower case.
        body: The body, unless it went into the caller's buffer.
        filled: Whether it went there.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = b""
    filled: bool = False


class TransportFailure(Exception):
    """No complete answer arrived; the text says why, without secrets."""


class OversizedAnswer(Exception):
    """The answer is larger than anything the S3 API would say here."""


class Exchanger(Protocol):
    """What runs exchanges: the network, or something that looks at them on their way to it."""

    def exchange(self, request: HttpRequest, guard: Guard) -> HttpResponse:
        """Send a request and read the answer; errors as those of `Transport.exchange`."""
        ...


class Transport:
    """Keeps connections to a site and runs one exchange at a time on each; for many threads."""

    def __init__(self, dialler: Dialler) -> None:
        self._dialler = dialler
        self._lock = threading.Lock()
        self._idle: list[tuple[float, Endpoint, _Connection]] = []
        self._is_closed = False

    def exchange(self, request: HttpRequest, guard: Guard) -> HttpResponse:
        """Send a request and read the answer.

        Raises:
            TransportFailure: No complete answer.
            CertificateError: The server is not the site's.
            Cancelled: The guard's stop was asked for.
        """
        connection = self._take(request.endpoint) or self._connect(request.endpoint, guard)
        try:
            return self._run(connection, request, guard)
        except _Failure as error:
            raise TransportFailure(_reason(error)) from error

    def certificate_end(self, endpoint: Endpoint) -> str | None:
        """When the server's certificate ends, as certificates write it; None without TLS.

        Raises:
            OSError: Nobody answers.
            CertificateError: The server is not the site's.
        """
        sock = self._dialler.dial(endpoint)
        with closing(sock):
            certificate = sock.getpeercert() if isinstance(sock, ssl.SSLSocket) else None
        return str((certificate or {}).get("notAfter") or "") or None

    def close(self) -> None:
        """Close the idle connections, and those in use as soon as they come back."""
        with self._lock:
            idle, self._idle = self._idle, []
            self._is_closed = True
        for _, _, connection in idle:
            connection.close()

    def _connect(self, endpoint: Endpoint, guard: Guard) -> _Connection:
        guard.cancel.check()
        try:
            return _Connection(endpoint, Wire(self._dialler.dial(endpoint), 60.0))
        except OSError as error:
            raise TransportFailure(_reason(error)) from error

    def _run(self, connection: _Connection, request: HttpRequest, guard: Guard) -> HttpResponse:
        keep = False
        try:
            with guard.cancel.interrupting(connection.wire.interrupt):
                connection.wire.begin(guard, request.stall_s)
                response = connection.ask(request)
                keep = connection.reusable
        except _Failure:
            guard.cancel.check()
            raise
        else:
            return response
        finally:
            self._put_back(request.endpoint, connection, keep=keep)

    def _take(self, endpoint: Endpoint) -> _Connection | None:
        while True:
            with self._lock:
                index = next(
                    (i for i in reversed(range(len(self._idle))) if self._idle[i][1] == endpoint),
                    None,
                )
                if index is None:
                    return None
                since_s, _, connection = self._idle.pop(index)
            if time.monotonic() - since_s < _IDLE_LIMIT_S and not connection.wire.is_stale():
                return connection
            connection.close()

    def _put_back(self, endpoint: Endpoint, connection: _Connection, *, keep: bool) -> None:
        with self._lock:
            keep = keep and len(self._idle) < _MAX_IDLE and not self._is_closed
            if keep:
                self._idle.append((time.monotonic(), endpoint, connection))
        if not keep:
            connection.close()


class _Connection(http.client.HTTPConnection):
    """http.client over a wire that is already connected."""

    auto_open = 0

    def __init__(self, endpoint: Endpoint, wire: Wire) -> None:
        super().__init__(endpoint.host, endpoint.port)
        self.wire = wire
        self.sock = cast("ssl.SSLSocket", wire)

    @property
    def reusable(self) -> bool:
        """Whether the last answer was read to its end and the server keeps the connection."""
        return self.sock is not None

    def ask(self, request: HttpRequest) -> HttpResponse:
        """Send one request and read its answer."""
        broken = self._send(request)
        try:
            response = self.getresponse()
        except _Failure as silence:
            # What broke the sending tells more than the silence after it.
            raise (broken or silence) from None
        with closing(response):
            answer = _read(response, request.into)
            if broken is not None or not response.isclosed():
                self.close()
        return answer

    def _send(self, request: HttpRequest) -> OSError | None:
        self.putrequest(request.method, request.target, skip_host=True, skip_accept_encoding=True)
        for name, value in request.headers.items():
            self.putheader(name, value)
        size_bytes = _size_bytes(request.body)
        if size_bytes or request.method in ("PUT", "POST"):
            self.putheader("Content-Length", str(size_bytes))
        try:
            self.endheaders()
            with closing(_chunks(request.body)) as chunks:
                for chunk in chunks:
                    self.wire.sendall(chunk)
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError) as error:
            # A server that refuses a request need not read its body: the answer may be waiting.
            return error
        return None


def _read(response: http.client.HTTPResponse, into: memoryview | None) -> HttpResponse:
    headers = {name.lower(): value for name, value in response.getheaders()}
    if into is None or response.status not in _OK:
        return HttpResponse(response.status, headers, _read_small(response))
    if response.length != len(into):
        return HttpResponse(response.status, headers)
    count = response.readinto(into)
    if count != len(into):
        raise http.client.IncompleteRead(b"", len(into) - count)
    return HttpResponse(response.status, headers, filled=True)


def _read_small(response: http.client.HTTPResponse) -> bytes:
    if (response.length or 0) > _MAX_SMALL_BODY_BYTES:
        raise OversizedAnswer
    body = response.read(_MAX_SMALL_BODY_BYTES)
    if response.length:
        # http.client returns short bodies without a word.
        raise http.client.IncompleteRead(b"", response.length)
    if not response.isclosed() and response.read(1):
        raise OversizedAnswer
    return body


def _size_bytes(body: Body) -> int:
    return body.size_bytes if isinstance(body, StreamBody) else len(body)


def _chunks(body: Body) -> Generator[memoryview, None, None]:
    if isinstance(body, StreamBody):
        yield from body.chunks()
    elif body:
        yield memoryview(body)


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return _OPENSSL_LINE.sub("", str(error)) or "no answer in time"
    if isinstance(error, socket.gaierror):
        return f"its name does not resolve here ({error.strerror})"
    if isinstance(error, http.client.IncompleteRead):
        return f"the answer was cut short by {error.expected} bytes"
    if isinstance(error, http.client.HTTPException):
        return f"the answer is not HTTP ({type(error).__name__})"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return _OPENSSL_LINE.sub("", str(error)) or type(error).__name__
