# SPDX-License-Identifier: Apache-2.0
"""Whether a disk has room for what is to come; said now instead of after hours."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from poya.errors import UsageError

_MIB = 1024 * 1024


def refuse_without_room(needs: Iterable[tuple[Path, int]]) -> None:
    """Compare what is to come with what is free; what goes to one disk is added up.

    The check reserves nothing.

    Args:
        needs: Places, which need not exist yet, and how many bytes are to come to each.

    Raises:
        UsageError: A disk has no room for what is to come to it.
    """
    by_disk: dict[int, tuple[int, list[Path]]] = {}
    for place, needed_bytes in needs:
        there = _nearest(place)
        so_far, places = by_disk.get(there.stat().st_dev, (0, []))
        by_disk[there.stat().st_dev] = (so_far + needed_bytes, [*places, place])
    for needed_bytes, places in by_disk.values():
        free_bytes = shutil.disk_usage(_nearest(places[0])).free
        if needed_bytes > free_bytes:
            raise UsageError(
                f"There is no room for the bundle in {' and '.join(map(str, places))}.",
                why=f"{_mib(needed_bytes)} MiB are still to come, {free_bytes // _MIB} are free.",
                todo="Make room, or name a place on another disk.",
            )


def _nearest(place: Path) -> Path:
    """The place, or what of the way to it exists."""
    while not os.path.lexists(place) and place != place.parent:
        place = place.parent
    return place


def _mib(size_bytes: int) -> int:
    return -(-size_bytes // _MIB)
