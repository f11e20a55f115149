# SPDX-License-Identifier: Apache-2.0
"""The log and the rows of a journal's database: read, added to, and told to the log anew."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from poya.journal.log import START, BrokenChainError, LogEntry, Rows, next_entry

_OF_STEPS = ("state", "position", "started", "ended", "outcome", "error", "pre_image")


def now() -> str:
    """The time, as a journal writes it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def digest_of(pre_image: bytes) -> str:
    """What the log says of a document that was replaced."""
    return hashlib.sha256(pre_image).hexdigest()


def read_log(db: sqlite3.Connection, after: int = 0) -> Iterator[LogEntry]:
    """The entries after a number, the oldest first.

    Raises:
        BrokenChainError: One holds no JSON object.
    """
    sql = "SELECT seq, at, kind, body, chain FROM log WHERE seq > ? ORDER BY seq"
    for seq, at, kind, text, chain in db.execute(sql, (after,)):
        try:
            body = json.loads(text)
        except ValueError as error:
            raise BrokenChainError(seq) from error
        if not isinstance(body, dict):
            raise BrokenChainError(seq)
        yield LogEntry(seq, at, kind, body, chain)


def append(db: sqlite3.Connection, at: str, kind: str, body: Mapping[str, Any]) -> None:
    """Add an entry; within the caller's transaction."""
    last = db.execute("SELECT seq, chain FROM log ORDER BY seq DESC LIMIT 1").fetchone()
    entry = next_entry(last or (0, START), at, kind, body)
    text = json.dumps(entry.body, sort_keys=True)
    row = (entry.seq, entry.at, kind, text, entry.chain)
    db.execute("INSERT INTO log VALUES (?, ?, ?, ?, ?)", row)


def read_rows(db: sqlite3.Connection) -> Rows:
    """What the tables beside the log hold.

    Raises:
        ValueError: A step's outcome is not JSON.
    """
    facts = dict(db.execute("SELECT key, value FROM run"))
    steps = {}
    sql = f"SELECT id, {', '.join(_OF_STEPS)} FROM step ORDER BY position"
    for step_id, *values in db.execute(sql):
        row = dict(zip(_OF_STEPS, values, strict=True))
        pre_image = row.pop("pre_image")
        row["outcome"] = json.loads(row["outcome"])
        row["pre_image"] = None if pre_image is None else digest_of(pre_image)
        steps[step_id] = row
    uploads = db.execute("SELECT place, upload_id, part_size_bytes FROM upload ORDER BY rowid")
    return Rows(facts, steps, {(place, upload): size for place, upload, size in uploads})


def adopt(db: sqlite3.Connection) -> None:
    """Have the log say all that the rows say, whatever it says already; within a transaction.

    A journal of version 1 had no log, the logs of 2 and 3 left out what from 4 on is in them.
    """
    at, rows = now(), read_rows(db)
    append(db, at, "fact", rows.facts)
    for step_id, row in rows.steps.items():
        append(db, at, "step", {"step": step_id, "adopted": True, **row})
    for (place, upload), size_bytes in rows.uploads.items():
        told = {"upload": upload, "part_size_bytes": size_bytes, "adopted": True}
        append(db, at, "upload", {"place": place, "state": "begun", **told})
