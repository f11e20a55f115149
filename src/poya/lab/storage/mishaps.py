# SPDX-License-Identifier: Apache-2.0
"""What goes wrong at the store on purpose: the site's faults, for paths below `/s3/`.

A fault of the path `/s3/boot-images/*/rootfs` strikes the store as one of `/apis/...` strikes
the gateway.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator

from poya.lab.faults import Fault, FaultAction
from poya.lab.storage.moto_app import Answer
from poya.lab.storage.refusals import Refused, error_answer

PREFIX = "/s3"

Strike = Callable[[str, str], Fault | None]

_PAGE = b"<html><body><h1>503 Service Unavailable</h1></body></html>"
_LONG_S = 3600.0
_DRIPS = 20
_WRITING = frozenset({"PUT", "POST"})
_BEFORE = frozenset({FaultAction.RESET_BEFORE, FaultAction.STALL})
_AFTER = frozenset({FaultAction.RESET_AFTER, FaultAction.TRUNCATE})


class ConnectionBroken(ConnectionError):
    """The connection was broken on purpose."""


def before(
    fault: Fault | None, stopping: threading.Event, method: str, path: str
) -> Answer | None:
    """Do what a fault does before the store sees the request; maybe answer in its place.

    Raises:
        ConnectionBroken: The fault is to break the connection now.
    """
    if fault is None:
        return None
    if fault.action is FaultAction.STATUS:
        if fault.body:
            return Answer(fault.status, {"content-type": "text/plain"}, fault.body.encode())
        return error_answer(Refused(fault.status, "SlowDown"), path)
    if fault.action is FaultAction.EXPIRED:
        return error_answer(Refused(403, "ExpiredToken"), path)
    if fault.action is FaultAction.FULL and method in _WRITING:
        return error_answer(Refused(403, "QuotaExceeded"), path)
    if fault.action is FaultAction.LATENCY:
        stopping.wait(fault.delay_s)
    if fault.action is FaultAction.STALL:
        stopping.wait(fault.delay_s or _LONG_S)
    if fault.action in _BEFORE:
        raise ConnectionBroken
    return None


def garbled(fault: Fault | None) -> Answer | None:
    """The page that a fault sends instead of the store's answer, if it does."""
    if fault is None or fault.action is not FaultAction.GARBAGE:
        return None
    return Answer(fault.status, {"content-type": "text/html"}, _PAGE)


def sent_bytes(fault: Fault | None, length_bytes: int) -> int | None:
    """How much of an answer's body arrives before the connection breaks; None: all, no break.

    A lost acknowledgement is -1: not even the head of the answer arrives.
    """
    if fault is None or fault.action not in _AFTER:
        return None
    return length_bytes // 2 if fault.action is FaultAction.TRUNCATE else -1


def dripping(
    fault: Fault | None, chunks: Iterator[bytes], stopping: threading.Event
) -> Iterator[bytes]:
    """The chunks of a body; in small pieces over the fault's time, if it is of that kind."""
    if fault is None or fault.action is not FaultAction.DRIP:
        yield from chunks
        return
    for chunk in chunks:
        size = max(1, -(-len(chunk) // _DRIPS))
        for start in range(0, len(chunk), size):
            stopping.wait(fault.delay_s / _DRIPS)
            yield chunk[start : start + size]


def break_connection(connection: socket.socket) -> None:
    """Close without an orderly end: the peer sees a reset."""
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
