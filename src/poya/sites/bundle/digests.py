# SPDX-License-Identifier: Apache-2.0
"""Hash files once, several at a time, for everything that is to be known of them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from poya.sites.bundle.reading import open_regular
from poya.transfer.etags import EtagHasher, candidate_part_sizes, part_count
from poya.transfer.guard import Cancel

# Told from worker threads: a file, and how many more of its bytes are hashed.
HashProgress: TypeAlias = Callable[[Path, int], None]

_CHUNK_BYTES = 1024 * 1024
_MOST_THREADS = 8
# Each candidate costs an md5 over the file; a two-part etag of a huge file has many candidates.
_CANDIDATE_BUDGET_BYTES = 1024 * 1024 * 1024
_FEWEST_CANDIDATES = 3


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file to hash.

    Attributes:
        etag: If it is a multipart etag, the part size that gives it is looked for.
        sha256: Whether sha256 is wanted besides md5.
    """

    path: Path
    etag: str = ""
    sha256: bool = False


@dataclass(frozen=True, slots=True)
class Digests:
    """What a file turned out to be.

    Attributes:
        sha256: Empty if it was not wanted.
        part_size_bytes: That gives the wanted multipart etag; None if none was found.
    """

    size_bytes: int
    md5: str
    sha256: str = ""
    part_size_bytes: int | None = None

    def proves(self, etag: str) -> bool:
        """Say whether these bytes have this etag."""
        return bool(etag) and (etag == self.md5 or self.part_size_bytes is not None)


# Finds out what files are, or takes an index at its word.
Digester: TypeAlias = Callable[[Iterable[Wanted], Cancel, HashProgress], dict[Path, Digests]]


def ignore_progress(_: Path, __: int) -> None:
    """Tell nobody."""


def hash_files(
    wanted: Iterable[Wanted],
    cancel: Cancel,
    progress: HashProgress = ignore_progress,
) -> dict[Path, Digests]:
    """Hash files, as many at a time as there are processors.

    Raises:
        BundleDamaged: One cannot be read.
        Cancelled: The stop was asked for.
    """
    files = list(wanted)
    threads = min(_MOST_THREADS, os.cpu_count() or 1, max(1, len(files)))
    with ThreadPoolExecutor(threads) as pool:
        results = pool.map(lambda file: _hash_file(file, cancel, progress), files)
        return dict(zip((file.path for file in files), results, strict=True))


def _hash_file(wanted: Wanted, cancel: Cancel, progress: HashProgress) -> Digests:
    md5 = hashlib.md5(usedforsecurity=False)
    sha256 = hashlib.sha256() if wanted.sha256 else None
    buffer = memoryview(bytearray(_CHUNK_BYTES))
    with open_regular(wanted.path) as descriptor:
        size_bytes = os.fstat(descriptor).st_size
        cuts = [EtagHasher(size) for size in _candidates(size_bytes, wanted.etag)]
        seen_bytes = 0
        while count := os.readv(descriptor, [buffer]):
            cancel.check()
            data = buffer[:count]
            md5.update(data)
            if sha256 is not None:
                sha256.update(data)
            for cut in cuts:
                cut.update(data)
            seen_bytes += count
            progress(wanted.path, count)
    part = next((cut.part_size_bytes for cut in cuts if cut.etag() == wanted.etag), None)
    return Digests(seen_bytes, md5.hexdigest(), sha256.hexdigest() if sha256 else "", part)


def _candidates(size_bytes: int, etag: str) -> list[int]:
    most = max(_FEWEST_CANDIDATES, _CANDIDATE_BUDGET_BYTES // max(1, size_bytes))
    return candidate_part_sizes(size_bytes, part_count(etag) or 0)[:most]
