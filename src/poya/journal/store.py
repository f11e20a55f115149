# SPDX-License-Identifier: Apache-2.0
"""One run's journal: a row for each step, written before and after it acts.

SQLite in WAL mode with full sync: a row that was committed is there after a power cut. A missing
outcome proves nothing about the target; whoever resumes reads the target first.

A journal has one holder at a time, who is known by a token that only grows. Every transaction
checks it, so whoever was evicted cannot record an intent any more; without one nothing is sent.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self, TypeAlias

from poya.errors import Cancelled, Locked, PoyaError, StoppedPartWay, UsageError
from poya.journal.damage import READING, WRITING, guarded
from poya.journal.entries import append, digest_of, now, read_log
from poya.journal.log import STOP, TOKEN, LogEntry
from poya.journal.schema import audit, bring_forward, check, connect
from poya.journal.vault import Vault

StepState: TypeAlias = Literal["intent", "done", "failed", "undone"]
RunState: TypeAlias = Literal["planned", "applying", "applied", "stopped", "undoing", "undone"]


SECRETS = "secrets"


@dataclass(frozen=True, slots=True)
class Step:
    """One step as the journal knows it.

    Attributes:
        outcome: What was observed: ids, etags, bytes. Empty until done.
        pre_image: The raw document that a write replaced, or what stands for it where it holds
            secrets (see `Journal.pre_image`); None where nothing was there.
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

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._db, self._path = connection, path
        self.vault = Vault(path.parent / SECRETS)
        # The transfer engine's threads record uploads while the event loop records steps.
        self._lock = threading.RLock()
        self._token: int | None = None

    @classmethod
    def create(cls, path: Path, facts: Mapping[str, str]) -> Journal:
        """Start a journal with what never changes about the run.

        Raises:
            PoyaError: It cannot be written there, or there is one already.
        """
        if path.exists():
            raise UsageError(f"There is a journal at {path} already.")
        with guarded(path, WRITING):
            connection = connect(path)
        journal = cls(connection, path)
        try:
            with guarded(path, WRITING):
                bring_forward(connection)
            with journal._writing("fact", facts):
                connection.executemany("INSERT INTO run VALUES (?, ?)", facts.items())
        except PoyaError:
            connection.close()
            raise
        return journal

    @classmethod
    def open(cls, path: Path, *, is_audited: bool = True) -> Self:
        """Open an existing journal, and bring one of an older poya forward.

        Args:
            path: Its file.
            is_audited: Whether every row is compared with what the log tells of it. Only who
                reads a run's facts to list them does without.

        Raises:
            UsageError: It is damaged, or was written by a newer poya.
        """
        if not path.exists():
            raise UsageError(f"There is no journal at {path}.")
        with guarded(path, READING):
            connection = connect(path)
        try:
            check(connection, path)
            if is_audited:
                audit(connection, path)
            with guarded(path, WRITING):
                bring_forward(connection)
        except PoyaError:
            connection.close()
            raise
        return cls(connection, path)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    # Who may write

    def take(self, holder: Mapping[str, str]) -> None:
        """Become the journal's holder; whoever was it before can write no more."""
        with self._lock:
            self._token = None
            token = int(self.facts().get(TOKEN, "0")) + 1
            with self._writing("holder", {"token": token, **holder}):
                self._set(TOKEN, str(token))
                self._db.execute("DELETE FROM run WHERE key = ?", (STOP,))
            self._token = token

    def evict(self, evicted_by: Mapping[str, str]) -> None:
        """Take the journal from its holder without becoming it."""
        self.take({**evicted_by, "evicts": "yes"})
        self._token = None

    def ask_to_stop(self, asker: str) -> None:
        """Have the holder stop before its next write."""
        with self._writing("fact", {STOP: asker}):
            self._set(STOP, asker)

    def check_held(self) -> None:
        """Do nothing, or say that this process may write no more.

        Raises:
            Locked: Another process took the journal over.
            Cancelled: Somebody asked for a stop.
        """
        if self._token is None:
            return
        with guarded(self._path, READING), self._lock:
            self._check_token()
            asker = self.facts().get(STOP)
        if asker:
            raise Cancelled(f"Stopped at the wish of {asker}.")

    def _check_token(self) -> None:
        if self._token is None:
            return
        row = self._db.execute("SELECT value FROM run WHERE key = ?", (TOKEN,)).fetchone()
        if row != (str(self._token),):
            run = self.facts().get("run", "RUN")
            raise Locked(
                "This run was taken over by another process; this one writes no more.",
                why=f"It held the token {self._token}; the journal has {row[0]} now.",
                todo=f"'poya migrate status {run}' says who works on the run.",
            )

    # What never changes, and the run's state

    def facts(self) -> dict[str, str]:
        """What is known of the run as a whole."""
        return dict(self._rows("SELECT key, value FROM run"))

    def set_fact(self, key: str, value: str) -> None:
        """Write one fact about the run."""
        with self._writing("fact", {key: value}):
            self._set(key, value)

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
        """Record that the step is about to act; keeps the first pre-image when repeated.

        Of a pre-image that holds secrets the journal keeps only where it is.
        """
        if pre_image is not None:
            pre_image = self.vault.stand_in(pre_image)
        entry = {"step": step_id, "state": "intent", **_digest_of(pre_image)}
        with self._lock:
            if self.step(step_id) is not None:
                with self._writing("step", entry):
                    self._change(step_id, {"state": "intent", "error": ""})
                return
            outcome = dict(note or {})
            position = int(self._rows("SELECT coalesce(max(position), 0) + 1 FROM step")[0][0])
            begun = {"position": position, "outcome": outcome}
            with self._writing("step", {**entry, **begun}) as at:
                self._db.execute(
                    "INSERT INTO step (id, state, position, started, pre_image, outcome) "
                    "VALUES (?, 'intent', ?, ?, ?, ?)",
                    (step_id, position, at, pre_image, _text(outcome)),
                )

    def pre_image(self, step: Step) -> bytes | None:
        """The raw document that a step's write replaced; None where nothing was there.

        Raises:
            StoppedPartWay: It held secrets, and is lost.
        """
        return None if step.pre_image is None else self.vault.original(step.pre_image)

    def forget_secrets(self) -> None:
        """Delete what the run kept beside the journal; nothing needs it once it is undone.

        Raises:
            StoppedPartWay: It cannot be deleted.
        """
        try:
            self.vault.empty()
        except OSError as error:
            raise StoppedPartWay(
                "The run is undone; the secrets in its directory could not be deleted.",
                why=str(error),
                todo="Delete the directory secrets/ of the run.",
            ) from error

    def done(self, step_id: str, outcome: Mapping[str, Any] | None = None) -> None:
        """Record what the step observed; begins it first if it never was."""
        if self.step(step_id) is None:
            self.intend(step_id)
        body = {"step": step_id, "state": "done", "outcome": dict(outcome or {})}
        with self._writing("step", body) as at:
            text = _text(outcome or {})
            self._change(step_id, {"state": "done", "ended": at, "outcome": text, "error": ""})

    def observe(self, step_id: str, outcome: Mapping[str, Any]) -> None:
        """Record what was learnt of a step; its state stays as it is."""
        with self._writing("step", {"step": step_id, "outcome": dict(outcome)}):
            self._change(step_id, {"outcome": _text(outcome)})

    def failed(self, step_id: str, error: str) -> None:
        """Record why the step did not get through."""
        with self._writing("step", {"step": step_id, "state": "failed", "error": error}) as at:
            self._change(step_id, {"state": "failed", "ended": at, "error": error})

    def undone(self, step_id: str) -> None:
        """Record that the step's effect is gone from the target."""
        with self._writing("step", {"step": step_id, "state": "undone"}) as at:
            self._change(step_id, {"state": "undone", "ended": at})

    def _change(self, step_id: str, columns: Mapping[str, str]) -> None:
        settings = ", ".join(f"{column} = ?" for column in columns)
        self._db.execute(f"UPDATE step SET {settings} WHERE id = ?", (*columns.values(), step_id))

    # Unfinished uploads

    def remember_upload(self, place: str, upload: Upload) -> None:
        """Keep the id of a multipart upload, so that its parts are found again."""
        told = {"upload": upload.upload_id, "part_size_bytes": upload.part_size_bytes}
        with self._writing("upload", {"place": place, "state": "begun", **told}):
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
        with self._writing("upload", {"place": place, "state": "ended", "upload": upload_id}):
            self._db.execute(
                "DELETE FROM upload WHERE place = ? AND upload_id = ?", (place, upload_id)
            )

    # The log

    def note(self, kind: str, body: Mapping[str, Any]) -> int:
        """Add an entry to the log; answers its number."""
        with self._writing(kind, body):
            pass
        return int(self._rows("SELECT max(seq) FROM log")[0][0])

    def log(self, after: int = 0) -> list[LogEntry]:
        """The entries after a number, the oldest first."""
        with guarded(self._path, READING), self._lock:
            return list(read_log(self._db, after))

    @contextmanager
    def _writing(self, kind: str, body: Mapping[str, Any]) -> Iterator[str]:
        """One transaction at one time: what the block does, and the log's entry that tells it."""
        with guarded(self._path, WRITING), self._lock, self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._check_token()
            at = now()
            yield at
            append(self._db, at, kind, body)

    def _set(self, key: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO run VALUES (?, ?)", (key, value))

    def _rows(self, sql: str, *values: str) -> list[tuple[Any, ...]]:
        with guarded(self._path, READING), self._lock:
            return self._db.execute(sql, values).fetchall()


_COLUMNS = "id, state, started, ended, outcome, error, pre_image"


def _step(row: tuple[Any, ...]) -> Step:
    step_id, state, started, ended, outcome, error, pre_image = row
    return Step(step_id, state, started, ended, json.loads(outcome), error, pre_image)


def _text(outcome: Mapping[str, Any]) -> str:
    return json.dumps(outcome, sort_keys=True)


def _digest_of(pre_image: bytes | None) -> dict[str, str]:
    return {"pre_image": digest_of(pre_image)} if pre_image is not None else {}
