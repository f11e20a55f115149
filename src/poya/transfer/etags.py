# SPDX-License-Identifier: Apache-2.0
"""S3 etags: md5 of a single PUT, md5 of the parts' md5s for a multipart upload.

The etag of a multipart object depends on where it was cut. An object that is cut again in the
same places gets the same etag, which proves every byte without reading it back.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Iterable

MIB = 1024 * 1024
MIN_PART_BYTES = 5 * MIB
MAX_PART_BYTES = 5 * 1024 * MIB
MAX_PARTS = 10_000
MAX_OBJECT_BYTES = 5 * 1024 * 1024 * MIB

# What common writers cut by, likeliest first: boto3 and aws-cli 8 MiB, manta and rclone 5 MiB,
# poya and s5cmd 16 and 50 MiB, mc 64 MiB.
_USUAL_MIB = (8, 5, 16, 64, 50, 10, 15, 32, 100, 128, 20, 25, 256, 512, 1024)
_CHECKSUM = "crc32:"
_PLAIN = re.compile(r"[0-9a-f]{32}")
_MULTIPART = re.compile(r"[0-9a-f]{32}-([1-9][0-9]{0,4})")


def clean_etag(raw: str) -> str:
    """An etag without quotes and weakness mark, as manifests write it."""
    return raw.strip().removeprefix("W/").strip('"')


def is_plain_md5(etag: str) -> bool:
    """Whether the etag has the form of a single PUT's."""
    return _PLAIN.fullmatch(etag) is not None


def part_count(etag: str) -> int | None:
    """The number of parts that a multipart etag tells; None for any other etag."""
    match = _MULTIPART.fullmatch(etag)
    return int(match.group(1)) if match else None


def md5(data: bytes | bytearray | memoryview) -> str:
    """Md5 in hex. It identifies bytes to S3; nothing here relies on it against an adversary."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def checksum(data: bytes | bytearray | memoryview) -> str:
    """A cheap fingerprint of bytes that a md5 of the whole is going to prove anyway."""
    return f"{_CHECKSUM}{zlib.crc32(data):08x}"


def fingerprint_like(known: str, data: bytes | bytearray | memoryview) -> str:
    """The fingerprint of bytes that may be compared with a known one: a checksum or the md5."""
    return checksum(data) if known.startswith(_CHECKSUM) else md5(data)


def is_fingerprint(text: str) -> bool:
    """Whether a text has the form of a md5 or a checksum."""
    return is_plain_md5(text) or text.startswith(_CHECKSUM)


def multipart_etag(part_md5s: Iterable[str]) -> str:
    """The etag of a multipart object made of parts with these md5s (hex), in order."""
    digests = [bytes.fromhex(part) for part in part_md5s]
    return f"{md5(b''.join(digests))}-{len(digests)}"


def parts_for(size_bytes: int, part_size_bytes: int) -> int:
    """How many parts an object of this size is cut into; an empty one still has one."""
    return max(1, -(-size_bytes // part_size_bytes))


def candidate_part_sizes(size_bytes: int, count: int) -> list[int]:
    """Part sizes that cut an object into exactly `count` equal parts and a rest, likeliest first.

    Usual sizes come first, then whole MiB, then the smallest that fits (an object cut by
    "size divided by count"), rounded up to KiB or not. Empty when no equal cut gives `count`.
    """
    if count < 1 or (size_bytes == 0 and count > 1):
        return []
    if count == 1:
        return [max(size_bytes, MIN_PART_BYTES)]
    low, high = -(-size_bytes // count), (size_bytes - 1) // (count - 1)
    usual = [mib * MIB for mib in _USUAL_MIB]
    whole = range(-(-low // MIB) * MIB, high + 1, MIB)
    divided = [-(-low // 1024) * 1024, low]
    ordered = dict.fromkeys([*usual, *_powers_of_two(low, high), *whole[:64], *divided])
    return [part for part in ordered if low <= part <= high]


def choose_part_size(size_bytes: int, wanted_bytes: int) -> int:
    """The wanted part size, raised in whole MiB so that no more than 10,000 parts are needed."""
    least = -(-size_bytes // MAX_PARTS)
    return max(wanted_bytes, MIN_PART_BYTES, -(-least // MIB) * MIB)


class EtagHasher:
    """Computes the multipart etag of bytes that arrive in order, for one part size."""

    def __init__(self, part_size_bytes: int) -> None:
        self.part_size_bytes = part_size_bytes
        self._done: list[bytes] = []
        self._part = hashlib.md5(usedforsecurity=False)
        self._room = part_size_bytes

    def update(self, data: bytes | bytearray | memoryview) -> None:
        """Take the next bytes."""
        view = memoryview(data)
        while view:
            piece, view = view[: self._room], view[self._room :]
            self._part.update(piece)
            self._room -= len(piece)
            if not self._room:
                self._close_part()

    def etag(self) -> str:
        """The etag of all bytes so far."""
        digests = list(self._done)
        if self._room != self.part_size_bytes or not digests:
            digests.append(self._part.digest())
        return f"{md5(b''.join(digests))}-{len(digests)}"

    def _close_part(self) -> None:
        self._done.append(self._part.digest())
        self._part = hashlib.md5(usedforsecurity=False)
        self._room = self.part_size_bytes


def matching_part_size(
    chunks: Iterable[bytes | bytearray | memoryview], size_bytes: int, etag: str
) -> int | None:
    """Read content once and find the part size that gives it this multipart etag.

    Returns:
        The part size; None if no candidate gives the etag (other content or unequal parts).
    """
    hashers = [
        EtagHasher(size) for size in candidate_part_sizes(size_bytes, part_count(etag) or 0)
    ]
    for chunk in chunks:
        for hasher in hashers:
            hasher.update(chunk)
    return next((h.part_size_bytes for h in hashers if h.etag() == etag), None)


def _powers_of_two(low: int, high: int) -> list[int]:
    return [1 << bits for bits in range(low.bit_length() - 1, high.bit_length()) if bits > 0]
