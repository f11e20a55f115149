# SPDX-License-Identifier: Apache-2.0
"""Slowing, pausing and continuing a run from outside the process that carries it out."""

from __future__ import annotations

import click

from poya.bootstrap import Workshop
from poya.cli.session import Session
from poya.cli.text import printable
from poya.errors import UsageError
from poya.files import write_private
from poya.transfer import parse_timetable

_CONTINUE = "continue"


def limit_run(session: Session, run_id: str, rate: str) -> None:
    """Leave a bandwidth limit for the process that carries out a run.

    Raises:
        UsageError: The rate cannot be read, or nobody carries out the run now.
    """
    timetable = parse_timetable(rate) if rate != _CONTINUE else None
    workshop = Workshop(session.settings)
    files = workshop.runs.store.find(run_id)
    if not workshop.runs.occupation(files.run).is_held():
        raise UsageError(
            f"Nobody carries out the run {files.run} now.",
            todo=f"Give the limit when it goes on: poya migrate resume {files.run} --bandwidth …",
        )
    if timetable is None:
        files.pace.unlink(missing_ok=True)
        click.echo(f"{files.run} goes on as it was started.")
        return
    write_private(files.pace, f"{timetable}\n".encode())
    click.echo(f"{files.run}: {printable(str(timetable))}")
