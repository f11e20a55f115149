# SPDX-License-Identifier: Apache-2.0
"""Reading every byte of something through the transfer engine, and keeping nothing but digests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from poya.errors import BundleDamaged, DataDamaged
from poya.sites.bundle.digests import Digests, HashProgress
from poya.transfer import (
    Advanced,
    Cancel,
    Event,
    Expected,
    Guard,
    Held,
    Job,
    Opening,
    Source,
    Target,
    Twin,
    copy,
)
from poya.transfer.http import StreamBody
from poya.transfer.layout import Layout, Part


def read_through(
    what: tuple[Path, Source], md5: str, cancel: Cancel, progress: HashProgress
) -> Digests:
    """Read a source whole, several ranges at once, and say what it is.

    Args:
        what: How people call it, and where it is read from.
        md5: Of the whole, as the index says; empty if it does not.
        cancel: The stop.
        progress: Told of bytes that were read.

    Raises:
        BundleDamaged: It is not what the index says.
        PoyaError: It cannot be read.
    """
    name, source = what

    def tell(event: Event) -> None:
        if isinstance(event, Advanced):
            progress(name, event.count_bytes)

    job = Job(str(name), source, VoidTarget(), Expected(md5=md5 or None), sha256=True)
    try:
        [result] = copy([job], on_event=tell, cancel=cancel)
    except DataDamaged as error:
        raise BundleDamaged(
            f"{name} is not what the index says.",
            why=error.why or error.what,
            todo="Restore it from another copy of the bundle.",
        ) from error
    return Digests(result.size_bytes, result.md5 or "", result.sha256 or "")


class VoidTarget:
    """A target of the engine that keeps nothing."""

    @property
    def is_object(self) -> bool:
        """It has no etag of its own."""
        return False

    def held(self, wanted: Expected, guard: Guard) -> Held | None:
        """Nothing."""

    def adopt(self, twin: Twin, wanted: Expected, opening: Opening, guard: Guard) -> Held | None:
        """Nothing."""

    def twin_for(self, other: Target, etag: str) -> Twin | None:
        """Nothing."""

    def recut(self, layout: Layout, opening: Opening, guard: Guard) -> str:
        """Never asked for: nothing is cut."""
        raise NotImplementedError

    def open(self, layout: Layout, opening: Opening, guard: Guard) -> VoidSink:  # noqa: ARG002
        """Begin."""
        return VoidSink()

    def __str__(self) -> str:
        return "nowhere"


class VoidSink:
    """Takes bytes and keeps none."""

    reads_back = False
    guards_way = True
    copied_bytes = 0
    note = ""

    @property
    def kept(self) -> Mapping[int, str]:
        """Nothing."""
        return {}

    def read_back(self, part: Part, into: memoryview) -> None:
        """Never asked for."""
        raise NotImplementedError

    def write(self, part: Part, data: memoryview, md5: str | None, guard: Guard) -> str:  # noqa: ARG002
        """Count it as done."""
        return md5 or ""

    def write_stream(self, part: Part, body: StreamBody, md5: str | None, guard: Guard) -> str:
        """Never asked for."""
        raise NotImplementedError

    def publish(self, part_md5s: Sequence[str], guard: Guard) -> str:  # noqa: ARG002
        """There is nothing to publish."""
        return ""

    def discard(self) -> None:
        """There is nothing."""

    def leave(self) -> None:
        """There is nothing."""
