# SPDX-License-Identifier: Apache-2.0
"""Request bodies as they come over the wire: plain, chunked, and in AWS's own chunks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from poya.lab.storage.contents import CHUNK_BYTES
from poya.lab.storage.refusals import Refused

_MAX_LINE_BYTES = 8192


class Source(Protocol):
    """What a body is read from: a socket's file or anything like it."""

    def read(self, size: int = ..., /) -> bytes:
        """Read up to `size` bytes; fewer only at the end."""
        ...

    def readline(self, size: int = ..., /) -> bytes:
        """Read up to and with the next newline."""
        ...


class BodyCutShort(ConnectionError):
    """The client went away before it had sent what it announced."""


class Body:
    """The body of one request, readable once.

    Attributes:
        length_bytes: As announced; None if chunked.
        consumed: Whether all of it has been read, so that the connection can be used again.
    """

    def __init__(self, source: Source, headers: Mapping[str, str]) -> None:
        self._source = source
        self._chunked = "chunked" in headers.get("transfer-encoding", "").lower()
        announced = headers.get("content-length")
        self.length_bytes = None if self._chunked else _length(announced)
        self.announced = self._chunked or announced is not None
        self.consumed = self.length_bytes == 0

    def chunks(self) -> Iterator[bytes]:
        """Yield the body as sent.

        Raises:
            BodyCutShort: The connection ended first.
        """
        if self._chunked:
            yield from self._http_chunks()
        else:
            yield from _exactly(self._source, self.length_bytes or 0)
        self.consumed = True

    def _http_chunks(self) -> Iterator[bytes]:
        while size := _hex_size(self._source.readline(_MAX_LINE_BYTES)):
            yield from _exactly(self._source, size)
            self._source.readline(_MAX_LINE_BYTES)
        while self._source.readline(_MAX_LINE_BYTES).strip():
            pass  # trailers

    def drain(self, limit_bytes: int) -> None:
        """Read and forget what is left if it is not more than `limit_bytes`."""
        if self.consumed or self._chunked or (self.length_bytes or 0) > limit_bytes:
            return
        for _ in self.chunks():
            pass


def unwrapped(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Take the bytes out of `aws-chunked` framing.

    Neither the signatures of the chunks nor the checksums after the last are looked at: Ceph
    RGW 16 ignores the latter, and no client of poya sends the former over TLS.
    """
    source = _Joined(chunks)
    while size := _hex_size(source.readline(_MAX_LINE_BYTES).partition(b";")[0]):
        yield from _exactly(source, size)
        source.readline(_MAX_LINE_BYTES)
    source.exhaust()


class _Joined:
    """Chunks as a source that can be read by size and by line."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = b""

    def read(self, size: int = -1, /) -> bytes:
        if not self._rest:
            self._rest = next(self._chunks, b"")
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken

    def readline(self, size: int = -1, /) -> bytes:
        while b"\n" not in self._rest and len(self._rest) < size:
            more = next(self._chunks, b"")
            if not more:
                break
            self._rest += more
        line, newline, self._rest = self._rest.partition(b"\n")
        return line + newline

    def exhaust(self) -> None:
        for _ in self._chunks:
            pass


def _exactly(source: Source, size: int) -> Iterator[bytes]:
    while size:
        chunk = source.read(min(CHUNK_BYTES, size))
        if not chunk:
            raise BodyCutShort("the request's body ended early")
        size -= len(chunk)
        yield chunk


def _length(announced: str | None) -> int:
    if announced is None:
        return 0
    if not announced.isdecimal():
        raise Refused(400, "InvalidArgument", "The Content-Length is not a number.")
    return int(announced)


def _hex_size(line: bytes) -> int:
    if not line:
        raise BodyCutShort("the request's body ended early")
    try:
        return int(line.partition(b";")[0].strip(), 16)
    except ValueError:
        raise Refused(400, "InvalidRequest", "A chunk has no size.") from None
