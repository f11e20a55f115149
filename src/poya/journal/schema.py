# SPDX-License-Identifier: Apache-2.0
"""The tables of a journal, and the way from every older version of them to this one."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from poya.errors import UsageError
from poya.journal.audit import disagreement
from poya.journal.damage import READING, damaged, guarded
from poya.journal.entries import adopt, read_log, read_rows

SCHEMA_VERSION = 4

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
    # The same tables; from 3 on the log tells of every step, from 4 on all that the rows hold.
    3: (),
    4: (),
}
_TOLD_IN_PART, _TOLD_ALL = 3, 4
# Bytes 18 and 19 of SQLite's header: what it takes to write and to read the file. It opens a file
# that it cannot write for reading, and would blame the disk later.
_FORMATS, _WAL = 18, b"\2\2"


def connect(path: Path) -> sqlite3.Connection:
    """Open the file: WAL with full sync, transactions begun and ended by us alone."""
    connection = sqlite3.connect(path, timeout=10, check_same_thread=False, isolation_level=None)
    connection.text_factory = _as_text
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
        adopt(connection)
        connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")


def check(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse a journal whose tables are not those of its version, or newer than this poya's.

    Raises:
        UsageError: With what is wrong.
    """
    with guarded(path, READING):
        version = _version(connection)
        if version > SCHEMA_VERSION:
            raise UsageError(
                f"The journal {path} has version {version}; this poya knows {SCHEMA_VERSION}.",
                todo="Use the poya that started the run, or a newer one. If there is none, the "
                "journal is damaged: bring the run's directory back from a backup.",
            )
        if version < 1:
            raise damaged(path, "It is empty.")
        if _formats(path) not in (_WAL, b""):
            raise damaged(path, "Its header says that it is no write-ahead logged database.")
        made = {_bare(statement) for v in range(1, version + 1) for statement in _STEPS[v]}
        schema = connection.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL")
        if made != {_bare(statement) for (statement,) in schema}:
            raise damaged(path, f"It does not hold the tables of version {version}.")


def audit(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse a journal that contradicts itself; read as it was at one moment.

    Raises:
        UsageError: With what is wrong.
    """
    with guarded(path, READING), connection:
        connection.execute("BEGIN")
        faults = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if faults != "ok":
            raise damaged(path, str(faults))
        version = _version(connection)
        if version >= _TOLD_IN_PART:
            is_told_all = version >= _TOLD_ALL
            log, rows = read_log(connection), read_rows(connection)
            why = disagreement(log, rows, is_told_all=is_told_all)
            if why:
                raise damaged(path, why)


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _bare(statement: str) -> str:
    """A statement without the white space, which version 1 had more of."""
    return "".join(statement.split())


def _formats(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_FORMATS + len(_WAL))[_FORMATS:]


def _as_text(raw: bytes) -> str:
    """Text as it is, also where a bit of it turned: the audit compares it, people may see it."""
    return raw.decode(errors="backslashreplace")
