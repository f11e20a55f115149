# SPDX-License-Identifier: Apache-2.0
"""Looking at runs, verifying them, taking them back."""

from __future__ import annotations

import json
import sys
import time

import click
import msgspec

from poya.bootstrap import OutgoingPlace, Workshop
from poya.cli.asynchronous import Interrupted, run_async
from poya.cli.delivering import refuse_carried
from poya.cli.progress import following
from poya.cli.session import Session, can_ask
from poya.cli.text import count, minute, printable, table, wrapped
from poya.cli.views.run import render_standing
from poya.errors import Cancelled, StoppedPartWay
from poya.journal import LogEntry
from poya.migration import carrying
from poya.migration.evicting import ask_to_stop, describe, evict, wait_until_free
from poya.migration.standing import Standing, is_to_be_carried, standing_of

_STOP_PATIENCE_S = 90.0
_WATCH_EVERY_S = 1.0
_EVICTION = (
    "Once evicted it can write no more: each of its requests checks the run's token first. A "
    "request that it has already sent may still take effect; a resumed run looks before it writes."
)


def list_runs(session: Session, *, as_json: bool) -> None:
    """Print all runs."""
    workshop = Workshop(session.settings)
    runs = workshop.runs.all_facts()
    if as_json:
        click.echo(json.dumps(runs, indent=2))
        return
    columns = ("run", "vcluster", "source_label", "target_label")
    rows = [
        (*(facts.get(c, "") for c in columns), _state(facts), minute(facts.get("started")))
        for facts in runs
    ]
    click.echo(table(("RUN", "VCLUSTER", "FROM", "TO", "STATE", "STARTED (UTC)"), rows))


def _state(facts: dict[str, str]) -> str:
    return "to be carried" if is_to_be_carried(facts) else facts.get("state", "")


def show_run(session: Session, run_id: str, *, as_json: bool) -> None:
    """Print where one run stands."""
    workshop = Workshop(session.settings)
    standing, facts, holder = _standing(workshop, run_id)
    if not as_json:
        click.echo(render_standing(standing, facts, holder))
        return
    steps = [msgspec.to_builtins(item) for item in standing.items]
    told = {"phase": standing.phase, "because": standing.because, "held_by": holder}
    following_commands = [command for command, _ in standing.next]
    document = {**facts, **told, "steps": steps, "next": following_commands}
    click.echo(json.dumps(document, indent=2))


def _standing(workshop: Workshop, run_id: str) -> tuple[Standing, dict[str, str], str]:
    occupation = workshop.runs.occupation(run_id)
    with workshop.runs.look_at(run_id) as (run, _):
        facts = run.journal.facts()
        is_held = occupation.is_held()
        standing = standing_of(run.plan, facts, run.journal.steps(), is_held=is_held)
    return standing, facts, str(occupation.run.holder) if is_held else ""


def watch_run(session: Session, run_id: str) -> None:
    """Print what happens in a run until nobody works on it any more."""
    workshop = Workshop(session.settings)
    seen = 0
    while True:
        is_held = workshop.runs.occupation(run_id).is_held()
        with workshop.runs.look_at(run_id) as (run, _):
            entries = run.journal.log(after=seen)
        for entry in entries:
            seen = entry.seq
            if (line := _line(entry)) is not None:
                click.echo(line)
        sys.stdout.flush()
        if not is_held:
            break
        time.sleep(_WATCH_EVERY_S)
    standing, facts, holder = _standing(workshop, run_id)
    click.echo()
    click.echo(render_standing(standing, facts, holder))


def export_log(session: Session, run_id: str) -> None:
    """Print a run's log, one JSON document a line."""
    workshop = Workshop(session.settings)
    with workshop.runs.look_at(run_id) as (run, _):
        for entry in run.journal.log():
            click.echo(json.dumps(entry.as_json(), sort_keys=True))


def _line(entry: LogEntry) -> str | None:
    body, clock = entry.body, entry.at[11:19]
    if entry.kind == "step":
        error = f": {body['error']}" if body.get("error") else ""
        return printable(f"{clock}  {body['state']:9} {body['step']}{error}")
    if entry.kind == "fact" and "state" in body:
        return printable(f"{clock}  {'run':9} {body['state']}")
    if entry.kind == "answer" and body["status"] == 0:
        return f"{clock}  {'no answer':9} to request {body['request']}"
    return None


def undo_run(session: Session, run_id: str, *, yes: bool) -> None:
    """Take back what a run wrote, after asking."""
    workshop = Workshop(session.settings)
    facts = workshop.runs.facts_of(run_id)
    what = f"what {facts['run']} wrote to {facts['target_label']}"
    _ask(f"Take back {what}?", f"taking back {what}", yes=yes)
    interrupted = Interrupted()
    taken = run_async(_undo(workshop, run_id, interrupted), interrupted)
    click.echo(f"{count(taken, 'step')} taken back; {facts['target_label']} is what it was.")


async def _undo(workshop: Workshop, run_id: str, interrupted: Interrupted) -> int:
    with workshop.runs.open(run_id) as (run, (_, there)):
        refuse_carried(run.journal.facts(), there, "to take it back remove it there")
        interrupted.run = run.id
        interrupted.verb = "undo"
        async with workshop.target(there) as opener:
            with following() as listener:
                taken = await carrying.undo(run, opener(None), listener)
        if isinstance(there, OutgoingPlace):
            workshop.bundles.works.end(there.directory)
        return taken


def cancel_run(session: Session, run_id: str, *, and_undo: bool, yes: bool) -> None:
    """Stop a run where it can be resumed; take it back too if wanted.

    Raises:
        StoppedPartWay: Its process does not stop.
    """
    workshop = Workshop(session.settings)
    files = workshop.runs.store.find(run_id)
    if workshop.runs.occupation(files.run).is_held():
        ask_to_stop(files)
        click.echo(f"Asked the process of {files.run} to stop; waiting for it.", err=True)
        if not wait_until_free(files, _STOP_PATIENCE_S):
            raise StoppedPartWay(
                f"The process of {files.run} has not stopped within {_STOP_PATIENCE_S:.0f} s.",
                why=str(workshop.runs.occupation(files.run).run.holder),
                todo="It stops before its next write. To evict it: "
                f"poya migrate unlock {files.run}",
            )
    else:
        click.echo(f"Nobody works on {files.run}.", err=True)
    if and_undo:
        undo_run(session, files.run, yes=yes)
        return
    standing, facts, holder = _standing(workshop, files.run)
    click.echo(render_standing(standing, facts, holder))


def unlock_run(session: Session, run_id: str, *, yes: bool) -> None:
    """Say who works on a run, and put them out."""
    workshop = Workshop(session.settings)
    files = workshop.runs.store.find(run_id)
    occupation = workshop.runs.occupation(files.run)
    if occupation.run.holder is None and not occupation.is_held():
        click.echo(
            f"{files.run} is not locked; 'poya migrate resume {files.run}' goes on with it."
        )
        return
    for line in (*describe(occupation.run), _EVICTION):
        click.echo(wrapped(printable(line)), err=True)
    _ask(f"Evict it from {files.run}?", "evicting it", yes=yes)
    evict(files, workshop.runs.target_lock_of(files.run))
    click.echo(f"Evicted. 'poya migrate status {files.run}' says where the run stands.")


def _ask(question: str, what: str, *, yes: bool) -> None:
    if yes:
        return
    if not can_ask():
        raise Cancelled(f"Nobody is there to confirm {what}.", todo="Add --yes.")
    if not click.confirm(question, err=True):
        raise Cancelled("Nothing was changed.")
