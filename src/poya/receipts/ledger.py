# SPDX-License-Identifier: Apache-2.0
"""All receipts of an operator in the order of making, each naming the one before by its digest."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from poya.errors import UsageError
from poya.receipts.document import Receipt, decode_receipt

_NAME = re.compile(r"(\d{6})-(.+)\.json")


@dataclass(frozen=True, slots=True)
class Ledger:
    """A directory with a file for each receipt: `000001-<run>.json`, never rewritten."""

    directory: Path

    def add(self, receipt: Receipt, seal: Callable[[Receipt], Receipt]) -> Path:
        """Chain a receipt to the last one, seal it, and keep it; answers its file.

        A run whose last receipt says the same is not given another one.

        Raises:
            UsageError: The directory cannot be written.
        """
        try:
            self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            while True:
                files = self.files()
                same = _last_of(files, receipt)
                if same is not None:
                    return same
                previous = hashlib.sha256(files[-1].read_bytes()).hexdigest() if files else ""
                chained = seal(msgspec.structs.replace(receipt, previous=previous))
                path = self.directory / f"{_number(files) + 1:06}-{receipt.run}.json"
                if _write_new(path, chained.encode()):
                    return path
        except OSError as error:
            raise UsageError(
                f"The receipt cannot be written to {self.directory}.", why=str(error)
            ) from error

    def files(self) -> list[Path]:
        """The receipts, the oldest first."""
        return sorted(p for p in self.directory.glob("*.json") if _NAME.fullmatch(p.name))

    def gap_before(self, path: Path) -> str:
        """Why a receipt of this ledger does not follow the one before it; empty if it does."""
        files = self.files()
        if path not in files:
            return ""
        named = decode_receipt(path.read_bytes()).previous
        index = files.index(path)
        before = hashlib.sha256(files[index - 1].read_bytes()).hexdigest() if index else ""
        if named == before:
            return ""
        return f"It follows a receipt with the digest {named[:16] or 'none'}, which is not there."


def _last_of(files: list[Path], receipt: Receipt) -> Path | None:
    mine = [path for path in files if path.name[7:-5] == receipt.run]
    if not mine:
        return None
    last = decode_receipt(mine[-1].read_bytes())
    is_same = last.state == receipt.state and last.log == receipt.log
    return mine[-1] if is_same else None


def _number(files: list[Path]) -> int:
    return int(files[-1].name[:6]) if files else 0


def _write_new(path: Path, content: bytes) -> bool:
    """Write a file that is not there yet, whole and durable; False if it is there."""
    partial = path.with_suffix(f".{os.getpid()}.partial")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(partial, path)
    except FileExistsError:
        return False
    finally:
        partial.unlink(missing_ok=True)
    handle = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    return True
