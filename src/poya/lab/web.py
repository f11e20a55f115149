# SPDX-License-Identifier: Apache-2.0
"""The HTTPS server of a site's gateway: uvicorn in a thread of its own."""

from __future__ import annotations

import socket
import threading
import time

import uvicorn
from starlette.types import ASGIApp

from poya.errors import UsageError
from poya.lab.certificates import Certificates
from poya.lab.directory import LOOPBACK

_START_S = 10.0
_POLL_S = 0.005


class GatewayServer:
    """Serves an ASGI app over TLS until it is stopped; port 0 chooses a free port.

    Raises:
        UsageError: The port is taken.
    """

    def __init__(self, app: ASGIApp, port: int, certificates: Certificates) -> None:
        self._socket = listening(port)
        self.port: int = self._socket.getsockname()[1]
        config = uvicorn.Config(
            app,
            ssl_certfile=certificates.server,
            log_config=None,
            access_log=False,
            interface="asgi3",
            lifespan="off",
            proxy_headers=False,
            ws="none",
            http="h11",
            loop="asyncio",
            timeout_keep_alive=120,
            timeout_graceful_shutdown=1,
            server_header=False,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True
        )

    def start(self) -> None:
        """Begin to serve; returns when requests are taken."""
        self._thread.start()
        deadline = time.monotonic() + _START_S
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise UsageError("The gateway of the lab site did not start.")
            time.sleep(_POLL_S)

    def stop(self) -> None:
        """Stop serving; requests that are being answered have a second to end."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join()
        self._socket.close()


def listening(port: int) -> socket.socket:
    """A socket that listens on a loopback port.

    Raises:
        UsageError: The port is taken.
    """
    try:
        server = socket.create_server((LOOPBACK, port), backlog=256)
    except OSError as error:
        raise port_taken(port, error) from error
    # Accepted connections inherit it. Without it Nagle holds a small answer's body back until the
    # client's delayed acknowledgement: 40 ms a request.
    server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return server


def port_taken(port: int, error: OSError) -> UsageError:
    """The error for a port that cannot be listened on."""
    return UsageError(
        f"The lab cannot listen on port {port}.",
        why=f"{error}",
        todo="Stop what uses the port, or choose other ports with --port-base.",
    )
