# SPDX-License-Identifier: Apache-2.0
"""All receipts of an operator in the order of making, each naming the one before by its digest."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import msgspec

from poya.errors import UsageError
from poya.files import write_new
from poya.receipts.document import Receipt, decode_receipt
from poya.receipts.keys import SigningKey
from poya.receipts.sealing import sealed

_NAME = re.compile(r"(\d{6})-(.+)\.json")


@dataclass(frozen=True, slots=True)
class Ledger:
    """A directory with a file for each receipt: `000001-<run>.json`, never rewritten."""

    directory: Path

    def add(self, receipt: Receipt, key: SigningKey) -> Path:
        """Chain a receipt to the last one, seal it, and keep it; answers its file.

        A run whose last receipt says the same with the same key is not given another one.

        Raises:
            UsageError: The directory cannot be written.
        """
        try:
            self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            while True:
                files = self.files()
                same = _same_as(files, receipt, key)
                if same is not None:
                    return same
                previous = hashlib.sha256(files[-1].read_bytes()).hexdigest() if files else ""
                chained = sealed(msgspec.structs.replace(receipt, previous=previous), key)
                path = self.directory / f"{_number(files) + 1:06}-{receipt.run}.json"
                if write_new(path, chained.encode()):
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


def _same_as(files: list[Path], receipt: Receipt, key: SigningKey) -> Path | None:
    mine = [path for path in files if path.name[7:-5] == receipt.run]
    if not mine:
        return None
    last = decode_receipt(mine[-1].read_bytes())
    is_mine = last.signature is not None and last.signature.key == key.public.text
    is_same = last.state == receipt.state and last.log == receipt.log
    return mine[-1] if is_mine and is_same else None


def _number(files: list[Path]) -> int:
    return int(files[-1].name[:6]) if files else 0
