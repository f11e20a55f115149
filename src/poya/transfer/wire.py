# SPDX-License-Identifier: Apache-2.0
"""A connection that obeys: it notices a stall, keeps the bandwidth limit and can be switched off.

http.client does the talking; it sees a `Wire` where it expects a socket.
"""

from __future__ import annotations

import contextlib
import io
import select
import socket
import time
from typing import TYPE_CHECKING

from poya.transfer.guard import Guard

if TYPE_CHECKING:
    from typing_extensions import Buffer

_CHUNK_BYTES = 256 * 1024
# A peer that trickles is as dead as one that is silent: less than this in a whole stall period
# counts as nothing.
_PROGRESS_BYTES = 16 * 1024
_READ_BUFFER_BYTES = 32 * 1024
# TLS hands out 16 KiB at a time; limit, stop and stall are looked at less often than that, except
# when the peer is slow.
_ACCOUNT_BYTES = 128 * 1024
_SMALL_BYTES = 8 * 1024


class Wire:
    """A connected socket for one request at a time.

    Args:
        sock: The socket, with TLS if any.
        stall_s: Raise TimeoutError when less than 16 KiB move in this time.
    """

    def __init__(self, sock: socket.socket, stall_s: float) -> None:
        self._sock = sock
        self._recv_into = sock.recv_into
        self._readers = 0
        self._closing = False
        self.begin(Guard(), stall_s)

    def begin(self, guard: Guard, stall_s: float) -> None:
        """Start a request: its guard, its patience, a fresh stall watch."""
        self._guard = guard
        self._stall_s = stall_s
        self._sock.settimeout(stall_s)
        self._moved, self._waited_s = 0, 0.0
        self._received, self._since_s = 0, time.monotonic()

    def sendall(self, data: bytes | bytearray | memoryview) -> None:
        """Send everything, a chunk at a time so that limit and stop take effect soon."""
        view = memoryview(data)
        for start in range(0, len(view), _CHUNK_BYTES):
            piece = view[start : start + _CHUNK_BYTES]
            self._sock.sendall(piece)
            self._guard.moved(len(piece))
        self._since_s = time.monotonic()

    def receive_into(self, into: Buffer) -> int:
        """Receive at least one byte; 0 at the end of the stream."""
        count = self._recv_into(into)
        self._received += count
        if count < _SMALL_BYTES or self._received >= _ACCOUNT_BYTES:
            # Only waiting for the peer counts: our own bandwidth limit is no stall.
            self._watch(self._received, time.monotonic() - self._since_s)
            self._guard.moved(self._received)
            self._received, self._since_s = 0, time.monotonic()
        return count

    def makefile(self, _mode: str = "rb") -> io.BufferedReader:
        """The reading side, as http.client wants it."""
        self._readers += 1
        return io.BufferedReader(_Incoming(self), _READ_BUFFER_BYTES)

    def is_stale(self) -> bool:
        """Whether the peer has closed (or said something unasked) while the wire lay idle."""
        poll = select.poll()
        poll.register(self._sock.fileno(), select.POLLIN)
        return bool(poll.poll(0))

    def interrupt(self) -> None:
        """Wake the thread that waits on this wire; safe from any thread."""
        with contextlib.suppress(OSError):
            # Not SSLSocket.shutdown: that drops the TLS state under the other thread's feet.
            socket.socket.shutdown(self._sock, socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection once nobody reads from it any more; harmless when repeated."""
        self._closing = True
        if not self._readers:
            self._sock.close()

    def reader_closed(self) -> None:
        """Note that a stream of `makefile` was closed."""
        self._readers -= 1
        if self._closing:
            self.close()

    def _watch(self, count: int, waited_s: float) -> None:
        self._moved += count
        self._waited_s += waited_s
        if self._moved >= _PROGRESS_BYTES:
            self._moved, self._waited_s = 0, 0.0
        elif self._waited_s > self._stall_s:
            raise TimeoutError(f"less than {_PROGRESS_BYTES} bytes in {self._stall_s:g} s")


class _Incoming(io.RawIOBase):
    """The reading side of a wire as a raw stream."""

    def __init__(self, wire: Wire) -> None:
        super().__init__()
        self._wire = wire

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        return self._wire.receive_into(buffer)

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._wire.reader_closed()
