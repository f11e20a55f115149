# SPDX-License-Identifier: Apache-2.0
"""The gate that every request to a target passes: shut unless a run holds its journal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from poya.errors import PoyaError
from poya.journal import Journal
from poya.sites.base import Write


class Gate:
    """A witness that lets requests through in the name of one run, and records them.

    Before a request is sent the journal is asked whether this process still holds it and whether
    a stop was asked for. Bytes of artifacts are recorded when they arrived, all else before it is
    sent as well: a request without an answer may have had its effect.
    """

    def __init__(self) -> None:
        self._journal: Journal | None = None

    @contextmanager
    def opened(self, journal: Journal) -> Iterator[None]:
        """Let requests through while the block runs; the journal must be held."""
        self._journal = journal
        try:
            yield
        finally:
            self._journal = None

    def before(self, write: Write) -> int:
        """Record that a request is about to be sent.

        Raises:
            Locked: Another process took the run over.
            Cancelled: Somebody asked for a stop.
        """
        if self._journal is None:
            raise PoyaError(
                f"{write.method} {write.where} was about to be sent outside of a run.",
                todo="This is a bug: please report it. Nothing was sent.",
            )
        self._journal.check_held()
        if write.is_bulk:
            return 0
        return self._journal.note("request", _described(write))

    def after(self, number: int, write: Write, status: int, etag: str = "") -> None:
        """Record how it was answered."""
        if self._journal is None:
            return
        told = {"status": status, **({"etag": etag.strip('"')} if etag else {})}
        if write.is_bulk:
            self._journal.note("request", {**_described(write), **told})
        else:
            self._journal.note("answer", {"request": number, **told})


def _described(write: Write) -> dict[str, str | int]:
    return {
        "service": write.service,
        "method": write.method,
        "where": write.where,
        "size_bytes": write.size_bytes,
        **({"sha256": write.digest} if write.digest else {}),
    }
