# SPDX-License-Identifier: Apache-2.0
"""Files that are written whole or not at all, and are there after a power cut."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from poya.errors import UsageError


def write_private(path: Path, body: bytes) -> None:
    """Write a file of mode 0600, replacing what is there in one step.

    Raises:
        UsageError: It cannot be written.
    """
    try:
        with _drafted(path, body) as draft:
            draft.replace(path)
    except OSError as error:
        raise UsageError(f"{path} cannot be written.", why=str(error)) from error


def write_new(path: Path, body: bytes, mode: int = 0o600) -> bool:
    """Write a file that is not there yet; answers False, and leaves it alone, if it is.

    Raises:
        OSError: It cannot be written.
    """
    with _drafted(path, body, mode) as draft:
        try:
            os.link(draft, path)
        except FileExistsError:
            return False
    sync_directory(path.parent)
    return True


@contextmanager
def _drafted(path: Path, body: bytes, mode: int = 0o600) -> Iterator[Path]:
    """A file beside `path` that is whole and synced; it is gone at the end, unless renamed."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(body)
            file.flush()
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        yield draft
    finally:
        draft.unlink(missing_ok=True)


def sync_directory(path: Path) -> None:
    """Have the names in a directory survive a power cut.

    Raises:
        OSError: It cannot be opened.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_file(text: str) -> bool:
    """Say whether a text that may be anything is the path of a file."""
    try:
        return Path(text).is_file()
    except OSError:  # longer than any name may be
        return False


def is_directory(text: str) -> bool:
    """Say whether a text that may be anything is the path of a directory."""
    try:
        return Path(text).expanduser().is_dir()
    except (OSError, RuntimeError):  # longer than any name may be; nobody's home
        return False


def read_given(path: Path, what: str) -> bytes:
    """Read a file that an operator named.

    Raises:
        UsageError: It cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"The {what} {path} cannot be read.", why=str(error)) from error
