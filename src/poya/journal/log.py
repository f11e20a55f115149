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


@dataclass
class Told:
    """What a log tells of one step.

    Attributes:
        is_begun: Whether it was ever about to act; one can fail before that, and leaves no row.
        outcome: None where no entry speaks of it.
        pre_images: Sha256 of every document that the step was about to replace.
    """

    state: str = ""
    is_begun: bool = False
    outcome: Mapping[str, Any] | None = None
    pre_images: set[str] = field(default_factory=set)


def replayed(log: Iterable[LogEntry]) -> tuple[dict[str, str], dict[str, Told]]:
    """What a log tells of the run's facts and of each step, in the end."""
    facts: dict[str, str] = {}
    steps: dict[str, Told] = {}
    for entry in log:
        body = entry.body
        if entry.kind == "fact":
            facts.update(body)
        elif entry.kind == "step" and "step" in body:
            told = steps.setdefault(body["step"], Told())
            told.state = body.get("state", told.state)
            told.is_begun = told.is_begun or told.state != "failed"
            told.outcome = body.get("outcome", told.outcome)
            if "pre_image" in body:
                told.pre_images.add(body["pre_image"])
    return facts, steps
