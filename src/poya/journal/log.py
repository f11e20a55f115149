# SPDX-License-Identifier: Apache-2.0
"""What happened in a run, in order: entries that are only ever added, each chained to the last.

The chain makes a log that was cut, reordered or edited afterwards show it; the receipt signs its
end.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

START = "0" * 64


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One thing that happened.

    Attributes:
        seq: Counted from 1 without gaps.
        at: When it was recorded, RFC 3339 in UTC.
        kind: `fact`, `step`, `upload`, `request`, `answer`, `holder`, `claim`, `verified`.
        body: What happened; never a secret, never a document.
        chain: Sha256 over the chain before it and all of the above.
    """

    seq: int
    at: str
    kind: str
    body: Mapping[str, Any]
    chain: str

    def as_json(self) -> dict[str, Any]:
        """The entry as JSON's own types."""
        return {
            "seq": self.seq,
            "at": self.at,
            "kind": self.kind,
            "body": dict(self.body),
            "chain": self.chain,
        }


def next_entry(last: tuple[int, str], at: str, kind: str, body: Mapping[str, Any]) -> LogEntry:
    """The entry after the one whose number and chain are `last`."""
    seq = last[0] + 1
    return LogEntry(seq, at, kind, body, chained(last[1], (seq, at, kind, body)))


def chained(before: str, entry: tuple[int, str, str, Mapping[str, Any]]) -> str:
    """The chain after an entry."""
    text = json.dumps([before, *entry], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


class BrokenChainError(Exception):
    """An entry does not follow from the one before.

    Attributes:
        seq: Its number.
    """

    def __init__(self, seq: int) -> None:
        super().__init__(f"Entry {seq} of the log does not follow from the one before.")
        self.seq = seq


def chain_checked(entries: Iterable[LogEntry]) -> Iterator[LogEntry]:
    """The entries as they come.

    Raises:
        BrokenChainError: At the first that does not follow from the one before.
    """
    chain = START
    for seq, entry in enumerate(entries, 1):
        chain = chained(chain, (seq, entry.at, entry.kind, entry.body))
        if entry.seq != seq or entry.chain != chain:
            raise BrokenChainError(seq)
        yield entry


def first_break(entries: Iterable[LogEntry]) -> int | None:
    """The number of the first entry that does not follow from the one before; None if all do."""
    try:
        for _ in chain_checked(entries):
            pass
    except BrokenChainError as broken:
        return broken.seq
    return None


# What `Journal.take` keeps among the run's facts, and what asks its holder to stop.
TOKEN, STOP = "token", "stop"
_COLUMNS = ("state", "position", "started", "ended", "outcome", "error")


@dataclass(frozen=True)
class Rows:
    """What the tables beside the log hold.

    Attributes:
        steps: By id; a document that a step replaces is named by its digest.
        uploads: The size of a part in bytes, by place and id.
    """

    facts: Mapping[str, str]
    steps: Mapping[str, Mapping[str, Any]]
    uploads: Mapping[tuple[str, str], int]


@dataclass
class Told:
    """What a log tells of one step.

    Attributes:
        is_begun: Whether it was ever about to act; one can fail before that, and leaves no row.
        columns: What its row must hold. All of it once its position is among them; the logs of
            versions 2 and 3 told states and outcomes only.
        pre_images: Sha256 of every document that the step was about to replace.
    """

    is_begun: bool = False
    columns: dict[str, Any] = field(default_factory=dict)
    pre_images: set[str | None] = field(default_factory=set)

    def hear(self, entry: LogEntry) -> None:
        """Take in one more entry about it."""
        body, state = entry.body, entry.body.get("state")
        told = {key: body[key] for key in _COLUMNS if key in body}
        if "position" in body:
            self.columns = {"started": entry.at, "ended": None, "outcome": {}, "error": "", **told}
        elif "position" in self.columns:
            self.columns.update(_implied(entry), **told)
        else:
            self.columns.update(told)
            self.columns.pop("error", None)
        self.is_begun = self.is_begun or state not in (None, "failed") or "position" in body
        if state == "intent" or "pre_image" in body or "adopted" in body:
            self.pre_images.add(body.get("pre_image"))


def _implied(entry: LogEntry) -> dict[str, Any]:
    """What an entry's state means for its step's other columns."""
    state = entry.body.get("state")
    implied = {"ended": entry.at} if state in ("done", "failed", "undone") else {}
    return {**implied, "error": ""} if state in ("intent", "done") else implied


@dataclass
class Replay:
    """What a log tells of all rows."""

    facts: dict[str, str] = field(default_factory=dict)
    steps: dict[str, Told] = field(default_factory=dict)
    uploads: dict[tuple[str, str], int] = field(default_factory=dict)

    def hear(self, entry: LogEntry) -> None:
        """Take in the next entry."""
        body = entry.body
        if entry.kind == "fact":
            self.facts.update(body)
        elif entry.kind == "holder":
            self.facts[TOKEN] = str(body.get("token"))
            self.facts.pop(STOP, None)
        elif entry.kind == "step" and "step" in body:
            self.steps.setdefault(body["step"], Told()).hear(entry)
        elif entry.kind == "upload" and "upload" in body:
            upload = (body["place"], body["upload"])
            if body["state"] == "begun":
                self.uploads[upload] = body["part_size_bytes"]
            else:
                self.uploads.pop(upload, None)


def replayed(log: Iterable[LogEntry]) -> Replay:
    """What a log tells, in the end."""
    replay = Replay()
    for entry in log:
        replay.hear(entry)
    return replay
