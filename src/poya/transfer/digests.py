# SPDX-License-Identifier: Apache-2.0
"""Digests of a whole that arrives in pieces, in any order, from many threads."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Sequence

from poya.transfer.etags import EtagHasher


class OrderedDigests:
    """Hashes pieces in the order of the whole; a piece that comes early waits for those before it.

    Whichever thread brings the next piece in order hashes it, and all that waited for it.

    Args:
        part_sizes: Cuts for which multipart etags are wanted besides the whole's md5.
        sha256: Whether sha256 is wanted too.
    """

    def __init__(self, part_sizes: Sequence[int] = (), *, sha256: bool = False) -> None:
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha256 = hashlib.sha256() if sha256 else None
        self._cuts = [EtagHasher(size) for size in part_sizes]
        self._lock = threading.Lock()
        self._waiting: dict[int, tuple[memoryview, Callable[[], None]]] = {}
        self._hashed_bytes = 0
        self._is_hashing = False
        self._is_abandoned = False

    def offer(self, start: int, data: memoryview, done: Callable[[], None]) -> None:
        """Take a piece; `done` is called, perhaps by another thread, when it is needed no more.

        A piece that lies before what is hashed already is taken as a repetition and skipped.
        """
        with self._lock:
            skip = self._is_abandoned or start < self._hashed_bytes or not data
            if not skip:
                self._waiting[start] = (data, done)
            if skip or self._is_hashing:
                mine = False
            else:
                mine = self._is_hashing = True
        if skip:
            done()
        if mine:
            self._hash_all_in_order()

    def abandon(self) -> None:
        """Hash no more and let go of all pieces that wait: the transfer failed."""
        with self._lock:
            self._is_abandoned = True
            waiting, self._waiting = self._waiting, {}
        for _, done in waiting.values():
            done()

    @property
    def hashed_bytes(self) -> int:
        """How much of the whole, from its start, is in the digests."""
        return self._hashed_bytes

    def md5(self) -> str:
        """Md5 in hex of all pieces."""
        return self._md5.hexdigest()

    def sha256(self) -> str | None:
        """Sha256 in hex of all pieces; None if it was not wanted."""
        return self._sha256.hexdigest() if self._sha256 else None

    def etags(self) -> dict[str, int]:
        """The multipart etags for the wanted cuts: etag to part size."""
        return {cut.etag(): cut.part_size_bytes for cut in self._cuts}

    def _hash_all_in_order(self) -> None:
        while True:
            with self._lock:
                piece = self._waiting.pop(self._hashed_bytes, None)
                if piece is None:
                    self._is_hashing = False
                    return
            data, done = piece
            self._update(data)
            # Before `done`: the buffer may carry other bytes right after it.
            self._hashed_bytes += len(data)
            done()

    def _update(self, data: memoryview) -> None:
        self._md5.update(data)
        if self._sha256 is not None:
            self._sha256.update(data)
        for cut in self._cuts:
            cut.update(data)
