# SPDX-License-Identifier: Apache-2.0
"""Where a carried bundle arrives: a directory that becomes a bundle when all of it is there."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import IO

from poya.errors import BundleDamaged, UsageError
from poya.sites.bundle.index import Index
from poya.sites.bundle.indexed import parse_index
from poya.sites.bundle.names import INDEX, SIGNATURE
from poya.sites.bundle.reading import is_real_directory, read_bounded
from poya.sites.bundle.stores.room import refuse_without_room
from poya.sites.bundle.trust.policy import FREE_POLICY, TrustPolicy, judge
from poya.sites.bundle.writing import PARTIALS, make_directory, not_written, remove_file
from poya.transfer.files import sync_write

# The index while files are still missing: whoever finds it knows what the directory is to be.
ARRIVING = "bundle.json.arriving"
_CHUNK_BYTES = 1024 * 1024
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC


class Landing:
    """A directory that a bundle arrives in.

    It is begun with the index; only files that the index names can land, under the digests that it
    has for them. `finish` makes it a bundle. A landing that was interrupted is gone on with.

    Attributes:
        raw: The bytes of the index.
        signature: The signature's file; None if it is not signed.
    """

    def __init__(self, directory: Path, policy: TrustPolicy = FREE_POLICY) -> None:
        self.directory = directory
        self._policy = policy
        self._index: Index | None = None
        self.raw = b""
        self.signature: bytes | None = None
        self._landed: set[str] = set()

    @property
    def index(self) -> Index:
        """What is to arrive.

        Raises:
            BundleDamaged: The index has not come.
        """
        if self._index is None:
            raise BundleDamaged(
                "There is no bundle: its index did not come first.",
                todo="It may be cut short, or something else than 'poya bundle export' wrote.",
            )
        return self._index

    def begin(self, raw_index: bytes, signature: bytes | None, where: str) -> Index:
        """Take up the index, before anything is written.

        Raises:
            BundleDamaged: It is damaged, or of a backup that was not finished.
            BundleUntrusted: The policy refuses it, or its signature is wrong.
            UsageError: The directory holds something else, or its disk has no room for it.
        """
        judge(raw_index, signature, self._policy, where)
        index = parse_index(raw_index, where)
        if index.unfinished():
            raise BundleDamaged(f"The backup in {where} was not finished.")
        self.prepare(raw_index, index)
        self._index, self.raw, self.signature = index, raw_index, signature
        return index

    def prepare(self, raw_index: bytes, index: Index) -> None:
        """Make the directories, where nothing else is and there is room."""
        self._refuse_another(raw_index)
        make_directory(self.directory)
        self._refuse_without_room(index)
        sync_write(self.directory / ARRIVING, raw_index)
        for folder in sorted({n.partition("/")[0] for n in index.files if "/" in n}):
            make_directory(self.directory / folder)
            if not is_real_directory(self.directory / folder):
                raise UsageError(f"{self.directory / folder} is a link; nothing goes through it.")

    def path(self, name: str) -> Path:
        """Where a file that the index names goes."""
        if name not in self.index.files:
            raise BundleDamaged(f"There is a file {name[:80]!r} that the index does not name.")
        return self.directory / name

    def land(self, name: str, content: IO[bytes], size_bytes: int) -> None:
        """Write one file from a stream, and compare it with the index.

        Raises:
            BundleDamaged: It is not what the index says; it is not kept.
            StoppedPartWay: The disk is full.
        """
        path, entry = self.path(name), self.index.files[name]
        if size_bytes != entry.size_bytes:
            raise _differs(name, f"bytes {size_bytes}, expected {entry.size_bytes}")
        partial = path.with_name(f"{path.name}{PARTIALS[0]}")
        digest = hashlib.sha256()
        try:
            with os.fdopen(os.open(partial, _FLAGS, 0o644), "wb") as file:
                left = size_bytes
                while left and (chunk := content.read(min(left, _CHUNK_BYTES))):
                    digest.update(chunk)
                    file.write(chunk)
                    left -= len(chunk)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise not_written(path, error) from error
        if left or digest.hexdigest() != entry.sha256:
            remove_file(path)
            found = f"{left} bytes are missing" if left else f"sha256 {digest.hexdigest()}"
            raise _differs(name, f"{found}, expected {entry.sha256}")
        partial.rename(path)
        self.landed(name)

    def landed(self, name: str) -> None:
        """Note a file that is in its place and was compared."""
        self._landed.add(name)

    def finish(self) -> None:
        """Make it a bundle.

        Raises:
            BundleDamaged: Files are missing.
        """
        missing = sorted(self.index.files.keys() - self._landed)
        if missing:
            raise BundleDamaged(
                f"The bundle is cut short: {len(missing)} of its {len(self.index.files)} files "
                "did not come.",
                why=f"The first is {missing[0]}.",
                todo="Import it again from a whole copy; what is complete stays.",
            )
        if self.signature is not None:
            sync_write(self.directory / SIGNATURE, self.signature)
        sync_write(self.directory / INDEX, self.raw)
        remove_file(self.directory / ARRIVING)

    def _refuse_without_room(self, index: Index) -> None:
        held = (self.directory / name for name in index.files)
        here_bytes = sum(path.lstat().st_size for path in held if os.path.lexists(path))
        all_bytes = sum(entry.size_bytes or 0 for entry in index.files.values())
        refuse_without_room([(self.directory, all_bytes - here_bytes)])

    def _refuse_another(self, raw_index: bytes) -> None:
        """A directory that is empty, or that the same bundle arrives or arrived in."""
        if not os.path.lexists(self.directory):
            return
        try:
            names = {path.name for path in self.directory.iterdir()}
        except OSError as error:
            raise UsageError(
                f"{self.directory} cannot be used for a bundle.", why=f"{error.strerror}."
            ) from error
        held = next((name for name in (ARRIVING, INDEX) if name in names), "")
        if not names or (held and read_bounded(self.directory / held) == raw_index):
            return
        raise UsageError(
            f"{self.directory} holds something else.",
            why=f"It has {sorted(names)[0]}.",
            todo="Name a directory that is empty or does not exist yet.",
        )


def _differs(name: str, evidence: str) -> BundleDamaged:
    return BundleDamaged(
        f"{name} is not what the index says.",
        why=evidence,
        todo="Import it again from another copy; what is complete stays.",
    )
