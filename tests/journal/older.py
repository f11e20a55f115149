"""Journals as older versions of poya left them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

# The tables of version 1, as they were written; they are not poya's to change any more.
_VERSION_1 = """
CREATE TABLE run (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE step (
    id TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    position INTEGER NOT NULL,
    started TEXT NOT NULL,
    ended TEXT,
    outcome TEXT NOT NULL DEFAULT '{}',
    error TEXT NOT NULL DEFAULT '',
    pre_image BLOB
) STRICT;
CREATE TABLE upload (
    place TEXT NOT NULL,
    upload_id TEXT NOT NULL,
    part_size_bytes INTEGER NOT NULL,
    PRIMARY KEY (place, upload_id)
) STRICT;
PRAGMA user_version=1;
"""
# What the first version 2 did to a journal of version 1: a log that knows nothing of the past.
_BROUGHT_FORWARD_BADLY = """
CREATE TABLE log (seq INTEGER PRIMARY KEY, at TEXT NOT NULL, kind TEXT NOT NULL,
 body TEXT NOT NULL, chain TEXT NOT NULL) STRICT;
PRAGMA user_version=2;
"""


def make_version_1(path: Path) -> None:
    """A journal of version 1 with nothing in it."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode=WAL")
        db.executescript(_VERSION_1)


def turn_into_version_1(path: Path) -> None:
    """Rewrite a journal of today as version 1 would have written it."""
    today = path.with_name("today.db")
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.execute("PRAGMA journal_mode=DELETE")
    path.rename(today)
    make_version_1(path)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("ATTACH ? AS today", (str(today),))
        db.execute("INSERT INTO run SELECT * FROM today.run WHERE key NOT IN ('token', 'stop')")
        db.execute("INSERT INTO step SELECT * FROM today.step")
        db.execute("INSERT INTO upload SELECT * FROM today.upload")
    today.unlink()


def bring_forward_badly(path: Path) -> None:
    """Make version 2 of a journal of version 1, without a word of it in the log."""
    with closing(sqlite3.connect(path)) as db:
        db.executescript(_BROUGHT_FORWARD_BADLY)
