# SPDX-License-Identifier: Apache-2.0
"""Decompression that cannot be made to take memory or time without end."""

from __future__ import annotations

import bz2
import lzma
import sys
import zlib
from collections.abc import Callable, Iterator
from typing import Protocol

from poya.errors import ImageUnreadable
from poya.inspection.ranges import MIB, Meter
from poya.inspection.stream import ByteStream

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

# What xz and zstd may use for their windows: xz -9 needs 65 MiB, zstd without --long 8 MiB.
_MOST_XZ_BYTES = 80 * MIB
_MOST_ZSTD_WINDOW_LOG = 27
_STEP_BYTES = MIB
_LZ4_LEGACY = b"\x02\x21\x4c\x18"
_LZ4_BLOCK_BYTES = 8 * MIB
# A legacy block that does not compress is a little longer than what it holds.
_LZ4_MOST_PACKED_BYTES = _LZ4_BLOCK_BYTES + _LZ4_BLOCK_BYTES // 255 + 16

_FAULTS = (zlib.error, lzma.LZMAError, zstd.ZstdError, EOFError, OSError, ValueError, RuntimeError)


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class _Zlib:
    """zlib's decompressor with the interface that all others have."""

    def __init__(self, wbits: int) -> None:
        self._inner = zlib.decompressobj(wbits)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        out = self._inner.decompress(self._inner.unconsumed_tail + data, max(max_length, 0))
        self.needs_input = not self._inner.unconsumed_tail and len(out) < max_length
        return out


def _gzip() -> _Decompressor:
    return _Zlib(31)


def _bare_zlib() -> _Decompressor:
    return _Zlib(15)


def _xz() -> _Decompressor:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MOST_XZ_BYTES)


def _lzma_alone() -> _Decompressor:
    return lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=_MOST_XZ_BYTES)


def _zstd() -> _Decompressor:
    limit = {int(zstd.DecompressionParameter.window_log_max): _MOST_ZSTD_WINDOW_LOG}
    return zstd.ZstdDecompressor(options=limit)


# The magic numbers by which the kernel knows how an initramfs is packed (lib/decompress.c).
_STREAMS: dict[bytes, tuple[str, Callable[[], _Decompressor]]] = {
    b"\x1f\x8b": ("gzip", _gzip),
    b"\xfd7zXZ\x00": ("xz", _xz),
    b"\x5d\x00\x00": ("lzma", _lzma_alone),
    b"\x28\xb5\x2f\xfd": ("zstd", _zstd),
    b"BZh": ("bzip2", bz2.BZ2Decompressor),
}
_UNSUPPORTED = {
    b"\x89LZO\x00\r\n\x1a\n": "lzo",
    b"\x04\x22\x4d\x18": "an lz4 frame, which the kernel does not unpack either",
}
MAGIC_BYTES = 9


def packing_of(head: bytes) -> str:
    """How a stream that begins with `head` is compressed; empty if it is not, as far as known.

    Raises:
        ImageUnreadable: It is compressed in a way that cannot be read.
    """
    if head.startswith(_LZ4_LEGACY):
        return "lz4"
    for magic, name in _UNSUPPORTED.items():
        if head.startswith(magic):
            raise ImageUnreadable(f"It is compressed with {name}, which poya cannot read.")
    return next((name for magic, (name, _) in _STREAMS.items() if head.startswith(magic)), "")


def unpack(packed: ByteStream, meter: Meter) -> Iterator[bytes]:
    """Decompress what begins here, in pieces of at most a MiB (lz4: 8 MiB).

    Goes on into a further member that follows at once, as `gzip` and `xz` do; what comes after is
    left in `packed`.

    Raises:
        ImageUnreadable: It is damaged, cut short, or not compressed in a known way.
        TooMuchToRead: It unpacks to more than the limits allow.
    """
    packing = packing_of(packed.peek(MAGIC_BYTES))
    if not packing:
        raise ImageUnreadable(f"{packed.peek(6).hex()} is not the begin of compressed data.")
    if packing == "lz4":
        yield from _unpack_lz4(packed, meter)
        return
    magic, make = next(
        (magic, make) for magic, (name, make) in _STREAMS.items() if name == packing
    )
    while packed.peek(len(magic)) == magic:
        yield from _unpack_member(packed, make(), packing, meter)


def _unpack_member(
    packed: ByteStream, decompressor: _Decompressor, packing: str, meter: Meter
) -> Iterator[bytes]:
    while not decompressor.eof:
        data = packed.take_some() if decompressor.needs_input else b""
        if decompressor.needs_input and not data:
            raise ImageUnreadable(f"The {packing} data ends too early.")
        try:
            out = decompressor.decompress(data, _STEP_BYTES)
        except (*_FAULTS, MemoryError) as error:
            raise ImageUnreadable(f"The {packing} data is damaged.", why=str(error)) from error
        meter.unpacked(len(out))
        if out:
            yield out
    packed.give_back(decompressor.unused_data)


def _unpack_lz4(packed: ByteStream, meter: Meter) -> Iterator[bytes]:
    """The legacy format: blocks with their length before them (`lz4 -l`)."""
    packed.skip(len(_LZ4_LEGACY))
    while True:
        head = packed.peek(4)
        length = int.from_bytes(head, "little")
        if head == _LZ4_LEGACY:
            packed.skip(len(_LZ4_LEGACY))
            continue
        # anything that cannot be a block's length is what follows the archive
        if len(head) < len(_LZ4_LEGACY) or not 0 < length <= _LZ4_MOST_PACKED_BYTES:
            return
        packed.skip(len(head))
        out = _lz4_block(packed.take(length), _LZ4_BLOCK_BYTES)
        meter.unpacked(len(out))
        yield out


def _lz4_block(data: bytes, most_bytes: int) -> bytes:
    import lz4.block  # noqa: PLC0415 - rare, and start-up time is a feature

    try:
        return bytes(lz4.block.decompress(data, uncompressed_size=most_bytes))
    except (lz4.block.LZ4BlockError, *_FAULTS) as error:
        raise ImageUnreadable("The lz4 data is damaged.", why=str(error)) from error


# How the blocks of a squashfs are packed, by the number in its superblock.
_BLOCKS: dict[int, tuple[str, Callable[[], _Decompressor]]] = {
    1: ("gzip", _bare_zlib),
    2: ("lzma", _lzma_alone),
    4: ("xz", _xz),
    6: ("zstd", _zstd),
}
_LZO, _LZ4 = 3, 5


def block_packing(number: int) -> str:
    """The name of a squashfs compressor.

    Raises:
        ImageUnreadable: It is none that can be read.
    """
    if number == _LZ4:
        return "lz4"
    if number == _LZO:
        raise ImageUnreadable("The file system is compressed with lzo, which poya cannot read.")
    if number not in _BLOCKS:
        raise ImageUnreadable(f"The file system has an unknown compressor, number {number}.")
    return _BLOCKS[number][0]


def unpack_block(number: int, data: bytes, most_bytes: int, meter: Meter) -> bytes:
    """Decompress one block of a squashfs; `number` is its compressor's.

    Raises:
        ImageUnreadable: It is damaged, or longer than a block may be.
        TooMuchToRead: The limits are reached.
    """
    if number == _LZ4:
        out = _lz4_block(data, most_bytes)
    else:
        packing, make = _BLOCKS[number]
        try:
            out = _whole(make(), data, most_bytes)
        except (*_FAULTS, MemoryError) as error:
            raise ImageUnreadable(f"A {packing} block is damaged.", why=str(error)) from error
    meter.unpacked(len(out))
    return out


def _whole(decompressor: _Decompressor, data: bytes, most_bytes: int) -> bytes:
    pieces: list[bytes] = []
    left = most_bytes
    # one byte more than allowed tells a block that is too long from one that just fits
    while not decompressor.eof and left >= 0:
        piece = decompressor.decompress(data, left + 1)
        pieces.append(piece)
        left, data = left - len(piece), b""
        if not piece and decompressor.needs_input:
            break
    if left < 0:
        raise ImageUnreadable(f"A block unpacks to more than {most_bytes:,} B.")
    if not decompressor.eof and not pieces:
        raise ImageUnreadable("A block is empty.")
    return b"".join(pieces)
