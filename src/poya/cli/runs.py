# SPDX-License-Identifier: Apache-2.0
"""Looking at runs, verifying and undoing them."""

from __future__ import annotations

import json
from typing import Any

import click

from poya.bootstrap import Workshop
from poya.cli.asynchronous import Interrupted, run_async
from poya.cli.progress import following
from poya.cli.session import Session, can_ask
from poya.cli.text import count, printable, table
from poya.errors import Cancelled
from poya.migration import carrying


def list_runs(session: Session, *, as_json: bool) -> None:
    """Print all runs."""
    workshop = Workshop(session.settings)
    runs = [workshop.facts_of(name) for name in workshop.store.names()]
    if as_json:
        click.echo(json.dumps(runs, indent=2))
        return
    columns = ("run", "vcluster", "source_label", "target_label", "state", "started")
    rows = [tuple(facts.get(column, "") for column in columns) for facts in runs]
    click.echo(table(("RUN", "VCLUSTER", "FROM", "TO", "STATE", "STARTED"), rows))


def show_run(session: Session, run_id: str, *, as_json: bool) -> None:
    """Print one run's steps."""
    workshop = Workshop(session.settings)
    with workshop.look_at_run(run_id) as (run, _):
        facts = run.journal.facts()
        steps: list[dict[str, Any]] = [
            {"step": s.id, "state": s.state, "ended": s.ended, "error": s.error}
            for s in run.journal.steps()
        ]
    if as_json:
        click.echo(json.dumps({**facts, "steps": steps}, indent=2))
        return
    for key in ("run", "vcluster", "source_label", "target_label", "state", "started"):
        click.echo(f"{key.removesuffix('_label'):10} {printable(facts.get(key, ''))}")
    rows = [(s["state"], s["step"], s["error"] or "") for s in steps]
    click.echo(table(("STATE", "STEP", "ERROR"), rows))


def verify_run(session: Session, run_id: str) -> None:
    """Read back what a run brought."""
    run_async(_verify(Workshop(session.settings), run_id))


async def _verify(workshop: Workshop, run_id: str) -> None:
    with workshop.look_at_run(run_id) as (run, (_, there)):
        async with workshop.target(there, read_only=True) as opener:
            target = opener(None)
            outcome = await carrying.verify(run, target)
    click.echo(f"{count(outcome.checked, 'thing')} read back from {target.label}, all as planned.")
    for template, answer in outcome.answers.items():
        click.echo(f"{target.label} says of {printable(template)}: {printable(answer)}")


def undo_run(session: Session, run_id: str, *, yes: bool) -> None:
    """Take back what a run wrote, after asking."""
    workshop = Workshop(session.settings)
    facts = workshop.facts_of(run_id)
    what = f"what {facts['run']} wrote to {facts['target_label']}"
    if not yes:
        if not can_ask():
            raise Cancelled(f"Nobody is there to confirm taking back {what}.", todo="Add --yes.")
        if not click.confirm(f"Take back {what}?", err=True):
            raise Cancelled("Nothing was changed.")
    interrupted = Interrupted()
    taken = run_async(_undo(workshop, run_id, interrupted), interrupted)
    click.echo(f"{count(taken, 'step')} taken back; {facts['target_label']} is what it was.")


async def _undo(workshop: Workshop, run_id: str, interrupted: Interrupted) -> int:
    with workshop.open_run(run_id) as (run, (_, there)):
        interrupted.run = run.id
        async with workshop.target(there) as opener:
            with following() as listener:
                return await carrying.undo(run, opener(None), listener)
