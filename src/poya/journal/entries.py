# SPDX-License-Identifier: Apache-2.0
"""The log in a journal's database: read, added to, and given to rows that are older than it."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from poya.journal.log import START, LogEntry, Told, next_entry, replayed

# What `Journal.take` keeps in the run's facts, and what asks its holder to stop. Both come and go
# with a process, so the log tells them as what they are and not as facts of the run.
TOKEN, STOP = "token", "stop"
_PASSING = (TOKEN, STOP)


def now() -> str:
    """The time, as a journal writes it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def digest_of(pre_image: bytes) -> str:
    """What the log says of a document that was replaced."""
    return hashlib.sha256(pre_image).hexdigest()


def read_log(db: sqlite3.Connection, after: int = 0) -> Iterator[LogEntry]:
    """The entries after a number, the oldest first."""
    sql = "SELECT seq, at, kind, body, chain FROM log WHERE seq > ? ORDER BY seq"
    for seq, at, kind, body, chain in db.execute(sql, (after,)):
        yield LogEntry(seq, at, kind, json.loads(body), chain)


def append(db: sqlite3.Connection, kind: str, body: Mapping[str, Any]) -> None:
    """Add an entry; within the caller's transaction."""
    last = db.execute("SELECT seq, chain FROM log ORDER BY seq DESC LIMIT 1").fetchone()
    entry = next_entry(last or (0, START), now(), kind, body)
    text = json.dumps(entry.body, sort_keys=True)
    row = (entry.seq, entry.at, kind, text, entry.chain)
    db.execute("INSERT INTO log VALUES (?, ?, ?, ?, ?)", row)


def adopt(db: sqlite3.Connection) -> None:
    """Have the log say what older rows say, where it does not yet; within a transaction.

    A journal of version 1 had no log. A first version 2 gave it an empty one, so that what was
    recorded before was missing there. Where a log begins with the run, it misses nothing.
    """
    log = list(read_log(db))
    if log and log[0].kind == "fact" and "run" in log[0].body:
        return
    told_facts, told_steps = replayed(log)
    facts = dict(db.execute("SELECT key, value FROM run"))
    untold = {k: v for k, v in facts.items() if k not in told_facts and k not in _PASSING}
    if untold:
        append(db, "fact", untold)
    steps = db.execute("SELECT id, state, outcome, pre_image FROM step ORDER BY position")
    for step_id, *row in steps.fetchall():
        body = _untold(told_steps.get(step_id), *row)
        if body:
            append(db, "step", {"step": step_id, "adopted": True, **body})
    for (place,) in db.execute("SELECT place FROM upload ORDER BY rowid").fetchall():
        append(db, "upload", {"place": place, "state": "begun", "adopted": True})


def _untold(
    told: Told | None, state: str, outcome: str, pre_image: bytes | None
) -> dict[str, Any]:
    """What a step's row says and the log does not."""
    body: dict[str, Any] = {}
    if told is None:
        body["state"] = state
    if told is None or told.outcome is None:
        body["outcome"] = json.loads(outcome)
    if pre_image is not None:
        digest = digest_of(pre_image)
        if told is None or digest not in told.pre_images:
            body["pre_image"] = digest
    return body
