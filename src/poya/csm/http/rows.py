# SPDX-License-Identifier: Apache-2.0
"""A long JSON list read as it arrives: its elements by and by, never the whole of it at once."""

from __future__ import annotations

import re

import msgspec

from poya.csm.http.calls import MEBIBYTE

# Where one element may end. `},` also stands within elements and texts, so each place is tried:
# what comes before it is a whole list only if it is the real end of an element.
_END = b"},"
_MOST_TRIES = 8
_decode = msgspec.json.Decoder(list[msgspec.Raw]).decode


class RowSplitter:
    """Takes the pieces of a body, gives the elements that are complete.

    The buffer holds about a mebibyte, or one element if that is longer.
    """

    def __init__(self, key: str | None = None, *, batch_bytes: int = MEBIBYTE) -> None:
        """Split a list, or the list below `key` where the body is an object with that only."""
        self._opening = b"[" if key is None else b'{"' + key.encode() + b'":['
        self._pattern = re.compile(
            rb"\s*\[" if key is None else rb'\s*\{\s*"' + re.escape(key.encode()) + rb'"\s*:\s*\['
        )
        self._key = key
        self._batch_bytes = batch_bytes
        self._threshold_bytes = batch_bytes
        self._buffer = bytearray()
        self._is_open = False

    def feed(self, piece: bytes) -> list[msgspec.Raw]:
        """Take the next piece of the body; the elements that it completed."""
        self._buffer += piece
        if len(self._buffer) < self._threshold_bytes or not self._opened():
            return []
        end = len(self._buffer)
        for _ in range(_MOST_TRIES):
            end = self._buffer.rfind(_END, 0, end)
            rows = self._rows_until(end)
            if rows is not None:
                self._threshold_bytes = self._batch_bytes
                return rows
        # Deeply nested: more has to arrive, and twice as much keeps the tries few.
        self._threshold_bytes = 2 * len(self._buffer)
        return []

    def finish(self) -> list[msgspec.Raw]:
        """The elements that are left at the end of the body; a list that is null has none.

        Raises:
            msgspec.MsgspecError: The body is not such a list, or is cut short.
        """
        body = (self._opening if self._is_open else b"") + bytes(self._buffer)
        if self._key is None:
            return msgspec.json.decode(body, type=list[msgspec.Raw])
        return msgspec.json.decode(body, type=dict[str, list[msgspec.Raw] | None])[self._key] or []

    def _opened(self) -> bool:
        if not self._is_open:
            match = self._pattern.match(self._buffer)
            if match is None:
                return False
            del self._buffer[: match.end()]
            self._is_open = True
        return True

    def _rows_until(self, end: int) -> list[msgspec.Raw] | None:
        if end < 0:
            return None
        try:
            rows = _decode(b"[" + bytes(self._buffer[: end + 1]) + b"]")
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None
        del self._buffer[: end + len(_END)]
        return rows
