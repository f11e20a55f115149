# SPDX-License-Identifier: Apache-2.0
"""Connections that are given up while they are made.

httpcore2 (2.16) closes a socket whose handshake failed, but leaves one whose handshake was
cancelled to the garbage collector. Its trace extension tells of both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

_OPENED = "connect_tcp.complete"
_GIVEN_UP = ("start_tls.failed", "setup_socks5_connection.failed")


class _Stream(Protocol):
    async def aclose(self) -> None: ...


class Connecting:
    """Closes the socket of one request if making its connection does not come to an end."""

    def __init__(self) -> None:
        self._stream: _Stream | None = None

    async def __call__(self, event: str, info: Mapping[str, Any]) -> None:
        """Hear of an event of httpcore2's (its `trace` extension)."""
        if event.endswith(_OPENED):
            self._stream = info["return_value"]
        elif event.endswith(_GIVEN_UP) and self._stream is not None:
            await self._stream.aclose()
