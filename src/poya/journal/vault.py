# SPDX-License-Identifier: Apache-2.0
"""What a run must write, or put back, and no plan or journal may tell: `<run>/secrets/<digest>`.

Each secret is a file that only its operator may read. It is there before the row that needs it,
and goes when the run is undone.
"""

from __future__ import annotations

import re
from pathlib import Path

from poya.documents import parse
from poya.errors import BadAnswer, StoppedPartWay
from poya.files import sync_directory, write_new
from poya.model.secrets import masked_text
from poya.model.withholding import slow_digest, withhold

_STAND_IN = re.compile(rb'\{"withheld":"([0-9a-f]{64})"\}')


class Vault:
    """The secrets of one run."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def keep(self, secret: bytes) -> str:
        """Keep a secret, and answer the digest that it is found by.

        Raises:
            OSError: It cannot be written.
        """
        digest = slow_digest(secret)
        if not self._directory.is_dir():
            self._directory.mkdir(mode=0o700)
            sync_directory(self._directory.parent)
        write_new(self._directory / digest, secret)
        return digest

    def find(self, digest: str) -> bytes | None:
        """A secret by its digest; None if it is not there, or is not what it was."""
        try:
            secret = (self._directory / digest).read_bytes()
        except OSError:
            return None
        return secret if slow_digest(secret) == digest else None

    def empty(self) -> None:
        """Forget them all.

        Raises:
            OSError: One cannot be deleted.
        """
        if self._directory.is_dir():
            for file in self._directory.iterdir():
                file.unlink()
            self._directory.rmdir()

    def stand_in(self, document: bytes) -> bytes:
        """The document itself, or what stands for it in a journal where it holds secrets.

        Raises:
            StoppedPartWay: It holds some, and cannot be kept.
        """
        if not _has_secrets(document):
            return document
        try:
            return b'{"withheld":"%s"}' % self.keep(document).encode()
        except OSError as error:
            raise StoppedPartWay(
                f"What the run is about to replace cannot be kept in {self._directory}.",
                why=str(error),
                todo="Make room where runs are kept ($XDG_STATE_HOME, else ~/.local/state).",
            ) from error

    def original(self, document: bytes) -> bytes:
        """The document that `document` is, or stands for.

        Raises:
            StoppedPartWay: It is not there any more.
        """
        found = _STAND_IN.fullmatch(document)
        if found is None:
            return document
        secret = self.find(found[1].decode())
        if secret is None:
            raise StoppedPartWay(
                "A document that the run replaced at the target is lost.",
                why=f"It held secrets, and its file in {self._directory} is gone or changed.",
                todo="Put that directory back from a backup, or write the document by hand.",
            )
        return secret


def _has_secrets(document: bytes) -> bool:
    try:
        return bool(withhold(parse(document)).taken)
    except BadAnswer:
        text = document.decode("utf-8", "replace")
        return masked_text(text) != text
