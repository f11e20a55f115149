# SPDX-License-Identifier: Apache-2.0
"""The tables of a journal, and the way from every older version of them to this one."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from poya.errors import UsageError
from poya.journal.entries import adopt

SCHEMA_VERSION = 3

# What each version added. A journal of version n is brought forward by all that come after n;
# nothing that an older version wrote is ever rewritten.
_STEPS: dict[int, tuple[str, ...]] = {
    1: (
        "CREATE TABLE run (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT",
        "CREATE TABLE step (id TEXT PRIMARY KEY, state TEXT NOT NULL, position INTEGER NOT NULL,"
        " started TEXT NOT NULL, ended TEXT, outcome TEXT NOT NULL DEFAULT '{}',"
        " error TEXT NOT NULL DEFAULT '', pre_image BLOB) STRICT",
        "CREATE TABLE upload (place TEXT NOT NULL, upload_id TEXT NOT NULL,"
        " part_size_bytes INTEGER NOT NULL, PRIMARY KEY (place, upload_id)) STRICT",
    ),
    2: (
        "CREATE TABLE log (seq INTEGER PRIMARY KEY, at TEXT NOT NULL, kind TEXT NOT NULL,"
        " body TEXT NOT NULL, chain TEXT NOT NULL) STRICT",
    ),
    # The same tables, with an entry in the log for everything that is older than the log.
    3: (),
}
_ADOPTING = 3
_PROBES = {1: "SELECT 1 FROM run, step, upload LIMIT 1", 2: "SELECT 1 FROM log LIMIT 1"}


WITHOUT_JOURNAL = (
    "Bring the run's directory back from a backup. poya does not guess what a run wrote; its last "
    "receipt (receipts/ beside runs/) says so, and images carry its id in their metadata "
    "(poya.run)."
)


def connect(path: Path) -> sqlite3.Connection:
    """Open the file: WAL with full sync, transactions begun and ended by us alone."""
    connection = sqlite3.connect(path, timeout=10, check_same_thread=False, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def bring_forward(connection: sqlite3.Connection) -> None:
    """Add what the file's version lacks; all of it or nothing. A new file has version 0."""
    if _version(connection) == SCHEMA_VERSION:
        return
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        for version in range(_version(connection) + 1, SCHEMA_VERSION + 1):
            for statement in _STEPS[version]:
                connection.execute(statement)
            if version == _ADOPTING:
                adopt(connection)
        connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")


def check(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse a journal that is damaged, or newer than this poya.

    Raises:
        UsageError: With what is wrong.
    """
    try:
        version = _version(connection)
        for since, probe in _PROBES.items():
            if version >= since:
                connection.execute(probe).fetchone()
        faults = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        raise unreadable(path, str(error)) from error
    if version > SCHEMA_VERSION:
        raise UsageError(
            f"The journal {path} has version {version}; this poya knows {SCHEMA_VERSION}.",
            todo="Use the poya that started the run, or a newer one.",
        )
    if version == 0:
        raise unreadable(path, "It is empty.")
    if faults != "ok":
        raise unreadable(path, str(faults))


def unreadable(path: Path, why: str) -> UsageError:
    """The refusal of a journal that is damaged."""
    return UsageError(f"The journal {path} cannot be read.", why=why, todo=WITHOUT_JOURNAL)


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
