# SPDX-License-Identifier: Apache-2.0
"""The options of verbs that move bytes: how fast, how much at once, and how it is followed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from poya.errors import ConfigError, UsageError
from poya.settings.transfer import DELTA_MODES, MOST_PARALLEL

if TYPE_CHECKING:
    from poya.settings import Settings
    from poya.transfer import ChunkStore, Limits
    from poya.transfer.delta import Mode

_Command = Callable[..., Any]
PROGRESS_STYLES = ("auto", "bars", "lines", "json", "none")


@dataclass(frozen=True, slots=True)
class Moving:
    """What the options say.

    Attributes:
        bandwidth: A rate or a timetable; empty is no limit.
        parallel: At most so many requests at once, each way; None leaves it to the engine.
        memory: What the process may take; empty is the usual.
        progress: One of `PROGRESS_STYLES`.
        delta: Whether rebuilt files may be made of older versions at the target.
    """

    bandwidth: str = ""
    parallel: int | None = None
    memory: str = ""
    progress: str = "auto"
    delta: Mode = "auto"

    def check(self) -> None:
        """Make sure, before anything is asked or written, that the options make sense.

        Raises:
            UsageError: One does not.
        """
        self.limits(None)

    def limits(self, pace_file: Path | None, chunks: ChunkStore | None = None) -> Limits:
        """The limits for the engine.

        Args:
            chunks: What keeps the chunks of moved files in mind.
            pace_file: Where 'poya migrate limit' leaves its word for this run. One that is left
                there of an earlier process is removed.

        Raises:
            UsageError: An option cannot be read.
        """
        from poya.transfer import Limits, Pace, parse_timetable

        if pace_file is not None:
            pace_file.unlink(missing_ok=True)
        pace = Pace(parse_timetable(self.bandwidth or "off"), pace_file)
        memory_bytes = _buffer_bytes(self.memory)
        limits = Limits(
            memory_bytes=memory_bytes,
            pace=pace,
            delta=self.delta,
            chunks=chunks,
        )
        return replace(limits, parallel=self.parallel) if self.parallel else limits


def moving_options(command: _Command) -> _Command:
    """Limits and progress of a transfer."""
    for option in (
        click.option(
            "--progress",
            type=click.Choice(PROGRESS_STYLES),
            default="auto",
            show_default=True,
            help="How to show it on stderr; auto: bars on a terminal, else lines.",
        ),
        click.option(
            "--delta",
            type=click.Choice(DELTA_MODES),
            help="Of rebuilt files send only what is new; auto (the usual): where it is faster.",
        ),
        click.option("--memory", default="", metavar="SIZE", help="For all of poya; else 256M."),
        click.option(
            "--parallel",
            type=click.IntRange(1, MOST_PARALLEL),
            metavar="N",
            help="Requests at once, each way; else as many, up to 16, as turn out to pay.",
        ),
        click.option(
            "--bandwidth",
            default="",
            metavar="RATE",
            help="At most this: 100M (bytes a second), or '08:00,100M 19:00,off' by local time.",
        ),
    ):
        command = option(command)
    return command


def moving_of(options: dict[str, Any], settings: Settings) -> Moving:
    """What the options of `moving_options` say, and the configuration where they say nothing.

    Raises:
        UsageError: An option cannot be read.
        ConfigError: What the configuration says cannot be read.
    """
    usual = usual_moving(settings)
    moving = Moving(
        options.get("bandwidth") or usual.bandwidth,
        options.get("parallel") or usual.parallel,
        options.get("memory") or usual.memory,
        options.get("progress") or usual.progress,
        options.get("delta") or usual.delta,
    )
    moving.check()
    return moving


def usual_moving(settings: Settings) -> Moving:
    """What the configuration's `[transfer]` says.

    Raises:
        ConfigError: One of its values cannot be read.
    """
    table = settings.transfer
    moving = Moving(table.bandwidth, table.parallel, table.memory, delta=cast("Mode", table.delta))
    try:
        if moving != Moving():
            moving.check()
    except UsageError as error:
        where = f"In [transfer] of {settings.path}."
        raise ConfigError(
            error.what, why=f"{where} {error.why}".strip(), todo=error.todo
        ) from error
    return moving


def _buffer_bytes(text: str) -> int:
    from poya.transfer import buffers_within, parse_size, usual_buffers

    if not text:
        return usual_buffers()
    size_bytes = parse_size(text)
    if size_bytes is None:
        raise UsageError(f"'{text}' is no amount of memory.", todo="Write it as 256M or 1G.")
    return buffers_within(size_bytes)
