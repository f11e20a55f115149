# SPDX-License-Identifier: Apache-2.0
"""From what people type to the store that it means: a directory, a tar, a stream."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, cast

from poya.errors import UsageError
from poya.files import is_directory, is_file
from poya.sites.bundle.names import INDEX, SEALED
from poya.sites.bundle.stores.base import Store
from poya.sites.bundle.stores.folders import FolderStore
from poya.sites.bundle.stores.sealing import MAGIC, is_encrypted, recipients_of
from poya.sites.bundle.stores.tar import TarStore
from poya.sites.bundle.stores.tar_files import TarFileStore, taken

STREAM = "-"
_TAR_MAGIC_AT = 257


def is_tar(text: str) -> bool:
    """Say whether it names a tar, in a file or as a stream, that is there or is to be written."""
    return text == STREAM or text.endswith((".tar", ".age")) or is_tar_file(Path(text))


def is_tar_file(path: Path) -> bool:
    """Say whether a file is a tar, or encrypted."""
    try:
        with path.expanduser().open("rb") as file:
            head = file.read(_TAR_MAGIC_AT + 5)
    except OSError:
        return False
    return is_encrypted(head) or head[_TAR_MAGIC_AT:] == b"ustar"


def is_once_only(text: str) -> bool:
    """Say whether it names what can be read from its start only: a stream, or encrypted."""
    if text == STREAM:
        return True
    try:
        with Path(text).expanduser().open("rb") as file:
            return is_encrypted(file.read(len(MAGIC)))
    except OSError:
        return False


def has_sealed_parts(directory: Path) -> bool:
    """Say whether a directory holds a bundle of which parts are encrypted."""
    return os.path.lexists(directory / INDEX) and any(directory.glob(f"*{SEALED}"))


def store_to_read(text: str, identity_files: Sequence[str] = ()) -> Store:
    """The directory or tar that a bundle is read from."""
    if text == STREAM:
        return TarStore(sys.stdin.buffer, "standard input", identity_files=identity_files)
    path = Path(text).expanduser().absolute()
    if is_file(str(path)):
        return TarFileStore(path, identity_files=identity_files)
    if not is_directory(str(path)):
        raise UsageError(f"There is no bundle {text}: no such directory or file.")
    return FolderStore(path, identity_files=identity_files)


def store_to_write(text: str, recipients: Sequence[str] = ()) -> Store:
    """The directory or tar that a bundle is written to."""
    those = recipients_of(recipients)
    if text == STREAM:
        # Whatever is printed meanwhile goes beside it.
        assert sys.__stdout__ is not None
        return TarStore(cast("BinaryIO", sys.__stdout__.buffer), "standard output", those)
    path = Path(text).expanduser().absolute()
    return TarFileStore(path, those) if is_tar(text) else FolderStore(path, those)


def refuse_tar(text: str, recipients: Sequence[str], *, is_new: bool) -> None:
    """Make sure, before any work, that a tar could be written there.

    Args:
        text: What was typed.
        recipients: Whom it is encrypted to.
        is_new: Whether nothing may be there.

    Raises:
        UsageError: It is a terminal, is taken, or nobody is named to encrypt it to.
    """
    if text == STREAM:
        if sys.stdout.isatty():
            raise UsageError("A bundle is not written to a terminal.", todo="Redirect the output.")
        return
    if text.endswith(SEALED) and not recipients:
        raise UsageError(f"Nobody is named to encrypt {text} to.", todo="Add --encrypt-to.")
    path = Path(text).expanduser().absolute()
    if is_new and os.path.lexists(path):
        raise taken(path)
    if not path.parent.is_dir():
        raise UsageError(f"There is no directory {path.parent}.")
