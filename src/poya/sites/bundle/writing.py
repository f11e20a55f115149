# SPDX-License-Identifier: Apache-2.0
"""Make and remove what a bundle consists of; files are written by `poya.transfer.files`."""

from __future__ import annotations

import errno
from contextlib import suppress
from pathlib import Path

from poya.errors import PoyaError, StoppedPartWay, UsageError
from poya.files import sync_directory

# What an interrupted writing leaves beside a file (`poya.transfer.files`).
PARTIALS = (".partial", ".partial.parts")

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_DENIED = (errno.EACCES, errno.EPERM, errno.EROFS)


def make_directory(path: Path) -> None:
    """Make a directory, durably; one that is there is fine.

    Raises:
        StoppedPartWay: The disk is full or fails.
        UsageError: It may not be made there.
    """
    try:
        if not path.is_dir():
            path.mkdir(parents=True, exist_ok=True)
            sync_directory(path.parent)
    except OSError as error:
        raise not_written(path, error) from error


def remove_file(path: Path) -> None:
    """Remove a file and what an interrupted writing left of it; absent is fine."""
    try:
        for suffix in ("", *PARTIALS):
            path.with_name(f"{path.name}{suffix}").unlink(missing_ok=True)
    except NotADirectoryError:
        return
    except OSError as error:
        raise not_written(path, error) from error


def remove_directory(path: Path) -> None:
    """Remove a directory if nothing is in it; absent is fine, and so is one that is not empty."""
    with suppress(OSError):
        path.rmdir()
        sync_directory(path.parent)


def not_written(path: Path, error: OSError) -> PoyaError:
    """The error for a file that the system did not let us write."""
    if error.errno in _FULL:
        return StoppedPartWay(
            f"{path} could not be written: there is no space left.",
            why=f"{error.strerror}. What is complete stays.",
            todo=f"Make space below {path.parent}, then continue the backup into the same place.",
        )
    if error.errno in _DENIED:
        return UsageError(
            f"{path} may not be written.",
            why=f"{error.strerror}.",
            todo="Choose a directory of yours, or have its permissions changed.",
        )
    if error.errno in (errno.EEXIST, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP):
        return UsageError(f"{path} cannot be written there.", why=f"{error.strerror}.")
    return StoppedPartWay(
        f"{path} could not be written.",
        why=f"{error.strerror or error}. What is complete stays.",
        todo="See to the disk, then continue the backup into the same place.",
    )
