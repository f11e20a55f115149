# SPDX-License-Identifier: Apache-2.0
"""Files that poya hands to people: written whole or not at all, readable by their owner only."""

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


def read_given(path: Path, what: str) -> bytes:
    """Read a file that an operator named.

    Raises:
        UsageError: It cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"The {what} {path} cannot be read.", why=str(error)) from error
