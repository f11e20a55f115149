# SPDX-License-Identifier: Apache-2.0
"""Bytes to move, and what a caller of the engine keeps in mind."""

from __future__ import annotations

import hashlib
from collections import defaultdict

from poya.transfer import OpenUpload
from poya.transfer.etags import MIB

PART = 5 * MIB


def content(size_bytes: int, seed: str = "") -> bytes:
    """Bytes without repetition, the same each time."""
    return hashlib.shake_128(f"{seed}{size_bytes}".encode()).digest(size_bytes)


def md5_of(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


class Memory:
    """An `UploadMemory` that outlives a copy, as the journal does."""

    def __init__(self) -> None:
        self.uploads: dict[str, list[OpenUpload]] = defaultdict(list)

    def remember(self, where: str, upload: OpenUpload) -> None:
        self.uploads[where].insert(0, upload)

    def recall(self, where: str) -> list[OpenUpload]:
        return list(self.uploads[where])

    def forget(self, where: str, upload_id: str) -> None:
        self.uploads[where] = [u for u in self.uploads[where] if u.upload_id != upload_id]

    def is_empty(self) -> bool:
        return not any(self.uploads.values())
