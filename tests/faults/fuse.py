"""A fuse that blows at one point of a run, built into the two places that every act passes.

A point lies before and after every request that may change the target (before it is sent, after
its effect) and before and after every commit of the journal. When the fuse blows the process
counts as dead: nothing that still runs (a `finally`, a thread of the transfer) sends another
request or commits another row.
"""

from __future__ import annotations

import os
import re
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from poya.journal import Journal
from poya.sites.base import Witness, Write

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_XNAME = re.compile(r"x\d+c\d+s\d+b\d+n\d+")
_NAMED = re.compile(r"(sessiontemplates/|configurations/|groups/)[^/]+")
_UPLOAD = re.compile(r"uploadId=[^&]+")


class Crash(BaseException):
    """The process died here."""


class Fuse:
    """Counts the points that a run passes, and kills it at one of them.

    Attributes:
        passed: The points so far, as text.

    Args:
        at: The number of the point, or how its label begins.
        act: What happens there instead of death, once.
        kills: Whether death is a real SIGKILL.
    """

    def __init__(
        self,
        at: int | str | None = None,
        *,
        act: Callable[[], None] | None = None,
        kills: bool = False,
    ) -> None:
        self._at, self._act, self._kills = at, act, kills
        self._lock = threading.Lock()
        self.passed: list[str] = []
        self.is_blown = False

    @property
    def is_armed(self) -> bool:
        """Whether it is to blow at all."""
        return self._at is not None

    def point(self, label: str) -> None:
        """Pass a point, or die at it."""
        with self._lock:
            if self.is_blown:
                raise Crash("dead already")
            self.passed.append(label)
            if not self._is_here(label):
                return
            if self._act is not None:
                self._at = None
                self._act()
                return
            if self._kills:
                os.kill(os.getpid(), signal.SIGKILL)
            self.is_blown = True
        raise Crash(label)

    def _is_here(self, label: str) -> bool:
        if isinstance(self._at, str):
            return label.startswith(self._at)
        return len(self.passed) - 1 == self._at


class FusedWitness:
    """Points around every request."""

    def __init__(self, inner: Witness, fuse: Fuse) -> None:
        self._inner, self._fuse = inner, fuse

    def before(self, write: Write) -> int:
        number = self._inner.before(write)
        self._fuse.point(f"before {template_of(write)}")
        return number

    def after(self, number: int, write: Write, status: int, etag: str = "") -> None:
        self._fuse.point(f"after {template_of(write)}")
        self._inner.after(number, write, status, etag)


class FusedJournal(Journal):
    """Points around every commit."""

    fuse: Fuse = Fuse()

    @classmethod
    def on(cls, path: Path, fuse: Fuse) -> Self:
        journal = cls.open(path)
        assert isinstance(journal, cls)
        journal.fuse = fuse
        return journal

    @contextmanager
    def _writing(self, kind: str, body: Mapping[str, Any]) -> Iterator[str]:
        label = f"commit of {kind} {_gist(body)}"
        self.fuse.point(f"before {label}")
        with super()._writing(kind, body) as at:
            yield at
        self.fuse.point(f"after {label}")


def template_of(write: Write) -> str:
    """A request without the ids and names of this run."""
    path = _NAMED.sub(r"\1NAME", _XNAME.sub("XNAME", _UUID.sub("ID", write.where)))
    return f"{write.method} {_UPLOAD.sub('uploadId', path)}"


def _gist(body: Mapping[str, Any]) -> str:
    words = [str(body[key]) for key in ("step", "state", "method", "status") if key in body]
    return _UUID.sub("ID", " ".join(words))
