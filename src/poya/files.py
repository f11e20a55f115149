# SPDX-License-Identifier: Apache-2.0
"""Files that are written whole or not at all, and are there after a power cut."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from poya.errors import UsageError


def write_private(path: Path, body: bytes) -> None:
    """Write a file of mode 0600, replacing what is there in one step.

    Raises:
        UsageError: It cannot be written.
    """
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        draft = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise UsageError(f"{path} cannot be written.", why=str(error)) from error


def write_new(path: Path, body: bytes, mode: int = 0o600) -> bool:
    """Write a file that is not there yet; answers False, and leaves it alone, if it is.

    Raises:
        OSError: It cannot be written.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(body)
            file.flush()
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        os.link(draft, path)
    except FileExistsError:
        return False
    finally:
        draft.unlink(missing_ok=True)
    sync_directory(path.parent)
    return True


def sync_directory(path: Path) -> None:
    """Have the names in a directory survive a power cut.

    Raises:
        OSError: It cannot be opened.
    """
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_given(path: Path, what: str) -> bytes:
    """Read a file that an operator named.

    Raises:
        UsageError: It cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"The {what} {path} cannot be read.", why=str(error)) from error
