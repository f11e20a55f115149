# SPDX-License-Identifier: Apache-2.0
"""Open and read files that somebody else may have made: regular ones, bounded, no links."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from poya.documents import Json, parse
from poya.errors import BadAnswer, BundleDamaged

MOST_JSON_BYTES = 8 * 1024 * 1024
# Small values take much more memory than they have letters: `[],` is three, and a list.
MOST_JSON_VALUES = 250_000
# All JSON files of one bundle together.
MOST_TOTAL_JSON_BYTES = 64 * 1024 * 1024
# An edited record is read all the same, so that it can be said what was altered.
_SLACK_BYTES = 1024 * 1024

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@contextmanager
def open_regular(path: Path) -> Iterator[int]:
    """Open a regular file for reading and give its descriptor.

    The last component must not be a link, nor the directory that holds it.

    Raises:
        BundleDamaged: It is missing, unreadable, a link, or no regular file.
    """
    try:
        descriptor = os.open(path, _FLAGS)
    except OSError as error:
        raise unreadable(path, error) from error
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise _unusable(path, "It is not a regular file.")
        yield descriptor
    except OSError as error:
        raise unreadable(path, error) from error
    finally:
        os.close(descriptor)


def regular_size(path: Path) -> int:
    """The length of a regular file. Raises BundleDamaged as `open_regular` does."""
    with open_regular(path) as descriptor:
        return os.fstat(descriptor).st_size


def read_bounded(path: Path, expected_bytes: int | None = None) -> bytes:
    """Read a small file whole.

    Args:
        path: The file.
        expected_bytes: What the index says; a file that is much longer is not read.

    Raises:
        BundleDamaged: As `open_regular`; or it is larger than `MOST_JSON_BYTES`.
    """
    with open_regular(path) as descriptor:
        size_bytes = os.fstat(descriptor).st_size
        if expected_bytes is not None and size_bytes > expected_bytes + _SLACK_BYTES:
            raise _unusable(path, f"It has {size_bytes} bytes, expected {expected_bytes}.")
        chunks: list[bytes] = []
        left = MOST_JSON_BYTES + 1
        while left and (chunk := os.read(descriptor, min(left, 1024 * 1024))):
            chunks.append(chunk)
            left -= len(chunk)
    if not left:
        raise _unusable(path, f"It is larger than {MOST_JSON_BYTES // (1024 * 1024)} MiB.")
    return b"".join(chunks)


def parse_json(raw: bytes, path: Path | str) -> Json:
    """Parse what was read from `path`, a file or what else messages call the place.

    Raises:
        BundleDamaged: It is not JSON, or not such as is accepted.
    """
    if sum(map(raw.count, (b",", b"[", b"{"))) > MOST_JSON_VALUES:
        raise _unusable(path, f"It holds more than {MOST_JSON_VALUES} values.")
    try:
        return parse(raw)
    except BadAnswer as error:
        raise not_understood(path, error) from error


def refuse_too_much(place: Path | str, total_bytes: int) -> None:
    """Refuse records that are much larger together than those of any vCluster.

    Raises:
        BundleDamaged: They are.
    """
    if total_bytes > MOST_TOTAL_JSON_BYTES:
        limit = MOST_TOTAL_JSON_BYTES // (1024 * 1024)
        raise _unusable(place, f"Its records are larger than {limit} MiB together.")


def is_real_directory(path: Path) -> bool:
    """Say whether the path is a directory, and not a link to one."""
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False


def not_understood(path: Path | str, error: BadAnswer) -> BundleDamaged:
    """The error for a file whose contents cannot be understood."""
    return BundleDamaged(
        f"{path} cannot be understood.",
        why=f"{error.what} {error.why}".strip(),
        todo="It may be cut short: make the backup anew, or restore it from another copy.",
    )


def unreadable(path: Path, error: OSError) -> BundleDamaged:
    """The error for a file that the system does not let us read."""
    if error.errno == errno.ENOENT:
        return _unusable(path, "There is no such file.")
    if error.errno == errno.ELOOP:
        return _unusable(path, "It is a symbolic link, and links in bundles are not followed.")
    if error.errno in (errno.EACCES, errno.EPERM):
        return _unusable(path, "The permissions do not let you read it.")
    return _unusable(path, f"{error.strerror or error}.")


def _unusable(path: Path | str, why: str) -> BundleDamaged:
    return BundleDamaged(f"{path} cannot be read.", why=why)
