# SPDX-License-Identifier: Apache-2.0
"""One run's journal: a row for each step, written before and after it acts.

SQLite in WAL mode with full sync: a row that was committed is there after a power cut. A missing
outcome proves nothing about the target; whoever resumes reads the target first.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeAlias

from poya.errors import PoyaError, UsageError

SCHEMA_VERSION = 1

StepState: TypeAlias = Literal["intent", "done", "failed", "undone"]
RunState: TypeAlias = Literal["applying", "applied", "stopped", "undoing", "undone"]

_SCHEMA = """
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
"""


@dataclass(frozen=True, slots=True)
class Step:
    """One step as the journal knows it.

    Attributes:
        outcome: What was observed: ids, etags, bytes. Empty until done.
        pre_image: The raw document that a write replaced; None where nothing was there.
    """

    id: str
    state: StepState
    started: str
    ended: str | None
    outcome: Mapping[str, Any]
    error: str
    pre_image: bytes | None


@dataclass(frozen=True, slots=True)
class Upload:
    """An unfinished multipart upload of ours."""

    upload_id: str
    part_size_bytes: int


class Journal:
    """The journal of one run, in `<run directory>/journal.db`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection
        # The transfer engine's threads record uploads while the event loop records steps.
        self._lock = threading.RLock()

    @classmethod
    def create(cls, path: Path, facts: Mapping[str, str]) -> Journal:
        """Start a journal with what never changes about the run.

        Raises:
            PoyaError: It cannot be written there, or there is one already.
        """
        with _guarded(_WRITING):
            connection = _connect(path)
        try:
            with _guarded(_WRITING), connection:
                connection.executescript(f"BEGIN;{_SCHEMA}")
                connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
                connection.executemany("INSERT INTO run VALUES (?, ?)", facts.items())
        except PoyaError:
            connection.close()
            raise
        return cls(connection)

    @classmethod
    def open(cls, path: Path) -> Journal:
        """Open an existing journal.

        Raises:
            UsageError: It is damaged, or was written by a newer poya.
        """
        if not path.exists():
            raise UsageError(f"There is no journal at {path}.")
        try:
            connection = _connect(path)
        except sqlite3.Error as error:
            raise UsageError(f"The journal {path} cannot be read.", why=str(error)) from error
        try:
            _check_schema(connection, path)
        except UsageError:
            connection.close()
            raise
        return cls(connection)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    # What never changes, and the run's state

    def facts(self) -> dict[str, str]:
        """What is known of the run as a whole."""
        return dict(self._rows("SELECT key, value FROM run"))

    def set_fact(self, key: str, value: str) -> None:
        """Write one fact about the run."""
        with self._writing():
            self._db.execute("INSERT OR REPLACE INTO run VALUES (?, ?)", (key, value))

    # Steps

    def steps(self) -> list[Step]:
        """Every step that was begun, in the order of beginning."""
        rows = self._rows(f"SELECT {_COLUMNS} FROM step ORDER BY position")
        return [_step(row) for row in rows]

    def step(self, step_id: str) -> Step | None:
        """One step; None if it was never begun."""
        rows = self._rows(f"SELECT {_COLUMNS} FROM step WHERE id = ?", step_id)
        return _step(rows[0]) if rows else None

    def is_done(self, step_id: str) -> bool:
        """Say whether the step's outcome was recorded."""
        step = self.step(step_id)
        return step is not None and step.state == "done"

    def outcome(self, step_id: str) -> Mapping[str, Any]:
        """What a done step observed.

        Raises:
            PoyaError: The step is not done; that is a bug of the caller.
        """
        step = self.step(step_id)
        if step is None or step.state != "done":
            raise PoyaError(f"The step {step_id} has no outcome yet.")
        return step.outcome

    def intend(
        self,
        step_id: str,
        *,
        pre_image: bytes | None = None,
        note: Mapping[str, Any] | None = None,
    ) -> None:
        """Record that the step is about to act; keeps the first pre-image when repeated."""
        with self._writing():
            self._db.execute(
                "INSERT INTO step (id, state, position, started, pre_image, outcome) VALUES "
                "(?, 'intent', (SELECT coalesce(max(position), 0) + 1 FROM step), ?, ?, ?) "
                "ON CONFLICT (id) DO UPDATE SET state = 'intent', error = ''",
                (step_id, _now(), pre_image, json.dumps(note or {}, sort_keys=True)),
            )

    def done(self, step_id: str, outcome: Mapping[str, Any] | None = None) -> None:
        """Record what the step observed; begins it first if it never was."""
        if self.step(step_id) is None:
            self.intend(step_id)
        self._finish(step_id, "done", outcome=outcome or {})

    def failed(self, step_id: str, error: str) -> None:
        """Record why the step did not get through."""
        with self._writing():
            self._db.execute(
                "UPDATE step SET state = 'failed', ended = ?, error = ? WHERE id = ?",
                (_now(), error, step_id),
            )

    def undone(self, step_id: str) -> None:
        """Record that the step's effect is gone from the target."""
        with self._writing():
            self._db.execute(
                "UPDATE step SET state = 'undone', ended = ? WHERE id = ?", (_now(), step_id)
            )

    def _finish(self, step_id: str, state: StepState, *, outcome: Mapping[str, Any]) -> None:
        with self._writing():
            self._db.execute(
                "UPDATE step SET state = ?, ended = ?, outcome = ?, error = '' WHERE id = ?",
                (state, _now(), json.dumps(outcome, sort_keys=True), step_id),
            )

    # Unfinished uploads

    def remember_upload(self, place: str, upload: Upload) -> None:
        """Keep the id of a multipart upload, so that its parts are found again."""
        with self._writing():
            self._db.execute(
                "INSERT OR REPLACE INTO upload VALUES (?, ?, ?)",
                (place, upload.upload_id, upload.part_size_bytes),
            )

    def recall_uploads(self, place: str) -> list[Upload]:
        """The unfinished uploads for a place, the newest first."""
        sql = "SELECT upload_id, part_size_bytes FROM upload WHERE place = ? ORDER BY rowid DESC"
        return [Upload(*row) for row in self._rows(sql, place)]

    def forget_upload(self, place: str, upload_id: str) -> None:
        """Drop an upload that was completed or aborted."""
        with self._writing():
            self._db.execute(
                "DELETE FROM upload WHERE place = ? AND upload_id = ?", (place, upload_id)
            )

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with _guarded(_WRITING), self._lock, self._db:
            yield

    def _rows(self, sql: str, *values: str) -> list[tuple[Any, ...]]:
        with _guarded(_READING), self._lock:
            return self._db.execute(sql, values).fetchall()


_READING = "The run's journal cannot be read."
_WRITING = "The run's journal cannot be written."


@contextmanager
def _guarded(what: str) -> Iterator[None]:
    """Say in our words that the file could not be read or written."""
    try:
        yield
    except sqlite3.Error as error:
        raise PoyaError(
            what,
            why=str(error),
            todo="Make room or give the directory back its rights, then resume the run.",
        ) from error


def _check_schema(connection: sqlite3.Connection, path: Path) -> None:
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version <= SCHEMA_VERSION:
            connection.execute("SELECT 1 FROM run, step, upload LIMIT 1").fetchone()
    except sqlite3.Error as error:
        raise UsageError(f"The journal {path} cannot be read.", why=str(error)) from error
    if version > SCHEMA_VERSION:
        raise UsageError(
            f"The journal {path} has version {version}; this poya knows {SCHEMA_VERSION}.",
            todo="Use the poya that started the run, or a newer one.",
        )


_COLUMNS = "id, state, started, ended, outcome, error, pre_image"


def _step(row: tuple[Any, ...]) -> Step:
    step_id, state, started, ended, outcome, error, pre_image = row
    return Step(step_id, state, started, ended, json.loads(outcome), error, pre_image)


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=10, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
