# SPDX-License-Identifier: Apache-2.0
"""Which objects there are, kept in SQLite so that they outlive the process."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from poya.lab.storage.contents import Content, Segment

_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    bucket TEXT NOT NULL, key TEXT NOT NULL, etag TEXT NOT NULL, modified TEXT NOT NULL,
    metadata TEXT NOT NULL, segments TEXT NOT NULL, PRIMARY KEY (bucket, key)
) WITHOUT ROWID
"""


@dataclass(frozen=True, slots=True)
class ObjectRow:
    """One object.

    Attributes:
        etag: Without quotes.
        modified: UTC, without a time zone as moto keeps it.
        metadata: Headers given at upload: `x-amz-meta-…` and `Content-Type`.
        content: Where its bytes are.
    """

    bucket: str
    key: str
    etag: str
    modified: datetime
    metadata: dict[str, str]
    content: Content


class ObjectIndex:
    """The objects of one site, one row each."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=NORMAL")
        self._database.execute(_SCHEMA)

    def rows(self) -> Iterator[ObjectRow]:
        """Every object, in no order."""
        with self._lock:
            found = self._database.execute("SELECT * FROM objects").fetchall()
        return map(_row, found)

    def put(self, rows: Iterable[ObjectRow]) -> None:
        """Write rows, all or none, replacing those of the same bucket and key."""
        values = [_values(row) for row in rows]
        with self._lock, self._transaction():
            self._database.executemany("REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?)", values)

    def remove(self, bucket: str, key: str) -> None:
        """Forget an object; absent is fine."""
        with self._lock:
            self._database.execute(
                "DELETE FROM objects WHERE bucket = ? AND key = ?", (bucket, key)
            )

    def replace_all(self, rows: Iterable[ObjectRow]) -> None:
        """Forget everything and write these rows, in one transaction."""
        values = [_values(row) for row in rows]
        with self._lock, self._transaction():
            self._database.execute("DELETE FROM objects")
            self._database.executemany("INSERT INTO objects VALUES (?, ?, ?, ?, ?, ?)", values)

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._database.close()

    def _transaction(self) -> sqlite3.Connection:
        self._database.execute("BEGIN IMMEDIATE")
        return self._database


def _values(row: ObjectRow) -> tuple[str, ...]:
    segments = [[part.file, part.offset, part.length] for part in row.content.segments]
    modified = row.modified.isoformat()
    metadata = json.dumps(row.metadata)
    return row.bucket, row.key, row.etag, modified, metadata, json.dumps(segments)


def _row(values: tuple[str, ...]) -> ObjectRow:
    bucket, key, etag, modified, metadata, segments = values
    content = Content(tuple(Segment(*part) for part in json.loads(segments)))
    when = datetime.fromisoformat(modified)
    return ObjectRow(bucket, key, etag, when, json.loads(metadata), content)
