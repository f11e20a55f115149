"""An emulated wide-area link in front of a server: latency, a cap per stream, a cap for all.

Bytes are relayed as they are (TLS included). Each direction has its own token bucket; a chunk goes
out when both its stream's bucket and the link's allow it, half a round trip later.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_CHUNK_BYTES = 128 * 1024
_MOST_WAITING = 64


@dataclass(frozen=True)
class Link:
    """What is emulated.

    Attributes:
        rtt_s: Round trip.
        stream_bytes_per_s: What one connection gets at most, each way.
        total_bytes_per_s: What all get together, each way.
    """

    rtt_s: float = 0.010
    stream_bytes_per_s: float = 25e6
    total_bytes_per_s: float = 125e6

    def __str__(self) -> str:
        return (
            f"RTT {self.rtt_s * 1000:g} ms, {self.stream_bytes_per_s / 1e6:g} MB/s per stream, "
            f"{self.total_bytes_per_s / 1e6:g} MB/s in all"
        )


@contextmanager
def wan(port: int, link: Link) -> Iterator[int]:
    """Put a link in front of a port of loopback, in a process of its own; yields the new port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        context = multiprocessing.get_context("fork")
        process = context.Process(target=_serve, args=(listener, port, link), daemon=True)
        process.start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            process.terminate()
            process.join()


class _Bucket:
    def __init__(self, bytes_per_s: float) -> None:
        self._bytes_per_s = bytes_per_s
        self._free_s = 0.0

    def reserve(self, count: int, now_s: float) -> float:
        """When so many bytes have passed."""
        self._free_s = max(self._free_s, now_s) + count / self._bytes_per_s
        return self._free_s


def _serve(listener: socket.socket, port: int, link: Link) -> None:
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_accept(listener, port, link))


async def _accept(listener: socket.socket, port: int, link: Link) -> None:
    loop = asyncio.get_running_loop()
    listener.settimeout(0)
    up, down = _Bucket(link.total_bytes_per_s), _Bucket(link.total_bytes_per_s)
    relays = set()
    while True:
        client, _ = await loop.sock_accept(listener)
        relay = loop.create_task(_relay(client, port, link, (up, down)))
        relays.add(relay)
        relay.add_done_callback(relays.discard)


async def _relay(
    client: socket.socket, port: int, link: Link, buckets: tuple[_Bucket, _Bucket]
) -> None:
    server = socket.create_connection(("127.0.0.1", port))
    for sock in (client, server):
        sock.settimeout(0)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with client, server:
        up, down = buckets
        await asyncio.gather(
            _one_way(client, server, link, up), _one_way(server, client, link, down)
        )


async def _one_way(source: socket.socket, sink: socket.socket, link: Link, total: _Bucket) -> None:
    loop = asyncio.get_running_loop()
    stream = _Bucket(link.stream_bytes_per_s)
    waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_MOST_WAITING)

    async def deliver() -> None:
        data = b"-"
        while data:
            due_s, data = await waiting.get()
            await asyncio.sleep(due_s - time.monotonic())
            with contextlib.suppress(OSError):
                if data:
                    await loop.sock_sendall(sink, data)
                else:
                    sink.shutdown(socket.SHUT_WR)

    delivery = loop.create_task(deliver())
    data = b"-"
    while data:
        try:
            data = await loop.sock_recv(source, _CHUNK_BYTES)
        except OSError:
            data = b""
        now_s = time.monotonic()
        sent_s = max(stream.reserve(len(data), now_s), total.reserve(len(data), now_s))
        await asyncio.sleep(sent_s - now_s)
        await waiting.put((sent_s + link.rtt_s / 2, data))
    await delivery
