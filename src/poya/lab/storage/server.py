# SPDX-License-Identifier: Apache-2.0
"""The HTTPS server of a site's object store: a thread a connection, connections kept alive."""

from __future__ import annotations

import contextlib
import logging
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import cast
from urllib.parse import unquote

from poya.lab.faults import Fault
from poya.lab.storage.bodies import Body, BodyCutShort
from poya.lab.storage.front import Download, S3Front, S3Request
from poya.lab.storage.mishaps import (
    PREFIX,
    ConnectionBroken,
    Strike,
    before,
    break_connection,
    dripping,
    garbled,
    sent_bytes,
)
from poya.lab.storage.moto_app import Answer
from poya.lab.storage.refusals import Refused, error_answer

_log = logging.getLogger(__name__)

_IDLE_S = 120
_DRAIN_BYTES = 32 * 1024 * 1024
_BODILESS = frozenset({204, 304})

Observer = Callable[[int, str, str, int, str], None]


@dataclass(frozen=True, slots=True)
class Attendance:
    """Who wants to know of the requests, and who disturbs them.

    Attributes:
        number: Asked for a request's number as it comes in.
        observe: Told every request's number, method, target, status (0: never answered) and fault
            once it is answered.
        strike: Asked, with the method and `/s3` + path, what is to go wrong.
    """

    observe: Observer = lambda *_: None
    strike: Strike = lambda *_: None
    number: Callable[[], int] = lambda: 0


class S3Server(ThreadingHTTPServer):
    """Serves one site's store until it is stopped; port 0 chooses a free port.

    Raises:
        OSError: The port is taken.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self, front: S3Front, port: int, tls: ssl.SSLContext, attendance: Attendance | None = None
    ) -> None:
        self.front = front
        self.attendance = attendance or Attendance()
        self.stopping = threading.Event()
        self._tls = tls
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), _Handler)
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return self.server_address[1]

    def start(self) -> None:
        """Serve in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Stop serving and break the connections that are open."""
        self.stopping.set()
        self.shutdown()
        self._thread.join()
        self.server_close()
        for connection in list(self._open):
            _hang_up(connection)

    def get_request(self) -> tuple[socket.socket, object]:
        """Accept a connection; the handshake waits for the connection's own thread."""
        plain, address = self.socket.accept()
        wrapped = self._tls.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
        self._open.add(wrapped)
        return wrapped, address

    def shutdown_request(self, request: object) -> None:
        """Close a connection that is done with."""
        connection = cast("socket.socket", request)
        self._open.discard(connection)
        super().shutdown_request(connection)

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002
        """A connection broke: the client's affair, told to the log only."""
        _log.debug("connection from %s ended", client_address, exc_info=True)


def _hang_up(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it is closed already
        connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "poya-lab"
    disable_nagle_algorithm = True
    timeout = _IDLE_S
    server: S3Server

    def _serve(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = S3Request(self.command, self.path, headers)
        attendance = self.server.attendance
        number = attendance.number()
        fault = attendance.strike(request.method, PREFIX + unquote(request.path))
        status = 0
        try:
            instead = before(fault, self.server.stopping, request.method, request.path)
            answer = self._answer(request, headers, instead)
            self._deliver(request, answer, fault)
            status = answer.status
        except ConnectionBroken:
            self.close_connection = True
            break_connection(self.connection)
        finally:
            name = fault.action.value if fault else ""
            attendance.observe(number, request.method, request.target, status, name)

    def _deliver(self, request: S3Request, answer: Answer | Download, fault: Fault | None) -> None:
        sent = garbled(fault) or answer
        blobs = self.server.front.backend.blobs
        chunks = iter([sent.body]) if isinstance(sent, Answer) else blobs.read(sent.content)
        try:
            chunks = dripping(fault, chunks, self.server.stopping)
            self._send(request, sent, chunks, sent_bytes(fault, _length(sent)))
        finally:
            if isinstance(answer, Download):
                blobs.release(answer.content)

    def _send(
        self,
        request: S3Request,
        answer: Answer | Download,
        chunks: Iterator[bytes],
        limit_bytes: int | None,
    ) -> None:
        if limit_bytes == -1:
            raise ConnectionBroken
        self._send_head(answer)
        left = sys.maxsize if limit_bytes is None else limit_bytes
        for chunk in chunks if request.method != "HEAD" else ():
            self.connection.sendall(chunk[:left])
            left -= len(chunk)
            if left <= 0:
                break
        if limit_bytes is not None:
            raise ConnectionBroken

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_OPTIONS = _serve  # noqa: N815

    def _answer(
        self, request: S3Request, headers: dict[str, str], instead: Answer | None
    ) -> Answer | Download:
        try:
            body = Body(_Reluctant(self), headers)
        except Refused as refused:
            self.close_connection = True
            return error_answer(refused, request.path)
        try:
            answer = instead or self.server.front.handle(request, body)
            if not body.consumed and "expect" not in headers:
                body.drain(_DRAIN_BYTES)
        except BodyCutShort:
            self.close_connection = True
            return error_answer(Refused(400, "IncompleteBody"), request.path)
        if not body.consumed:
            self.close_connection = True
        return answer

    def handle_expect_100(self) -> bool:
        """Say "continue" only when the body is wanted: refusals come before the bytes."""
        return True

    def _send_head(self, answer: Answer | Download) -> None:
        self.send_response(answer.status)
        announced = answer.headers.pop("content-length", "0")
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status not in _BODILESS:
            length = announced if self.command == "HEAD" else str(_length(answer))
            self.send_header("Content-Length", length)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        _log.debug(format, *args)


def _length(answer: Answer | Download) -> int:
    return answer.content.size_bytes if isinstance(answer, Download) else len(answer.body)


class _Reluctant:
    """The connection's input; tells the client to continue before the first read."""

    def __init__(self, handler: _Handler) -> None:
        self._handler = handler
        self._waiting = handler.headers.get("Expect", "").lower() == "100-continue"

    def read(self, size: int = -1, /) -> bytes:
        self._ask_for_it()
        return self._handler.rfile.read(size)

    def readline(self, size: int = -1, /) -> bytes:
        self._ask_for_it()
        return self._handler.rfile.readline(size)

    def _ask_for_it(self) -> None:
        if self._waiting:
            self._waiting = False
            self._handler.send_response_only(100)
            self._handler.end_headers()
