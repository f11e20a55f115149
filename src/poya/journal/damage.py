# SPDX-License-Identifier: Apache-2.0
"""A journal that is damaged is told from a disk that is full, fails, or may not be written."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from poya.errors import StoppedPartWay, UsageError

READING = "The run's journal cannot be read."
WRITING = "The run's journal cannot be written."

# What SQLite says of a file that is not what it was: a table or column that is not there (ERROR),
# two rows of one key (CONSTRAINT), pages that contradict each other. All else is the disk.
_OF_DAMAGE = (
    sqlite3.SQLITE_ERROR,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_CONSTRAINT,
    sqlite3.SQLITE_MISMATCH,
    sqlite3.SQLITE_NOTADB,
)
_PRIMARY = 0xFF


def damaged(path: Path, why: str) -> UsageError:
    """The refusal of a journal that is damaged."""
    return UsageError(
        f"The journal {path} is damaged, so nothing is sent in its name.",
        why=why,
        todo="Bring the run's directory back from a backup. poya does not guess what a run wrote; "
        "its last receipt (receipts/ beside runs/) says so, and images carry its id in their "
        "metadata (poya.run).",
    )


@contextmanager
def guarded(path: Path, what: str) -> Iterator[None]:
    """Say in our words why a journal could not be read or written.

    Raises:
        UsageError: It is damaged.
        StoppedPartWay: The disk is full, fails, or may not be written.
    """
    try:
        yield
    except ValueError as error:
        raise damaged(path, str(error)) from error
    except sqlite3.Error as error:
        if _code(error) in _OF_DAMAGE:
            raise damaged(path, str(error)) from error
        raise StoppedPartWay(
            what,
            why=str(error),
            todo="Make room where runs are kept ($XDG_STATE_HOME, else ~/.local/state), or give "
            "the directory back its rights.",
        ) from error


def _code(error: sqlite3.Error) -> int:
    """SQLite's own number of the error; 0 for those that Python raises by itself."""
    return int(getattr(error, "sqlite_errorcode", 0)) & _PRIMARY
