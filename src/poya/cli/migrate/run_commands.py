# SPDX-License-Identifier: Apache-2.0
"""The verbs of `poya migrate` that are about a run: resume, look at, verify, undo, certify."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from poya.cli.moving import moving_of, moving_options
from poya.cli.session import Session


@click.command()
@click.argument("run_id", metavar="RUN")
@moving_options
@click.option("--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.pass_obj
def resume(session: Session, /, run_id: str, output: str, **options: Any) -> None:
    """Go on with a run that stopped part-way.

    Steps that are done are not repeated, parts of files that arrived are not sent again.

    \b
    Examples:
      poya migrate resume RUN
      poya migrate resume RUN --bandwidth '08:00,100M 19:00,off'
    """
    from poya.bootstrap import Workshop
    from poya.cli.asynchronous import Interrupted, run_async
    from poya.cli.delivering import speaking_beside, target_of
    from poya.cli.flow import resume as go_on
    from poya.cli.flow import show_outcome

    interrupted, workshop = Interrupted(), Workshop(session.settings)
    with speaking_beside(target_of(workshop, run_id)):
        work = go_on(workshop, run_id, moving_of(options, session.settings), interrupted)
        show_outcome(run_async(work, interrupted), as_json=output == "json")


@click.command()
@click.argument("run_id", metavar="RUN")
@click.argument("rate", metavar="RATE")
@click.pass_obj
def limit(session: Session, run_id: str, rate: str) -> None:
    """Slow down, pause or continue a run while it moves bytes.

    RATE is a bandwidth (100M is bytes a second), a timetable, 'off' (no limit), 'pause', or
    'continue' (what the run was started with). The run takes notice within seconds. It holds
    until the process that carries out the run ends.

    \b
    Examples:
      poya migrate limit RUN 50M
      poya migrate limit RUN '08:00,100M 19:00,off'
      poya migrate limit RUN pause
      poya migrate limit RUN continue
    """
    from poya.cli.migrate.limiting import limit_run

    limit_run(session, run_id, rate)


@click.command()
@click.argument("run_id", metavar="RUN")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.pass_obj
def undo(session: Session, run_id: str, yes: bool) -> None:
    """Take back what a run wrote, until the target is what it was.

    What somebody else changed since is named and left alone. Undoing can be repeated.
    """
    from poya.cli.migrate.runs import undo_run

    undo_run(session, run_id, yes=yes)


@click.command()
@click.argument("name", metavar="RUN|NAME")
@click.option("--deep", is_flag=True, help="Read every byte of the images too.")
@click.option("--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.pass_obj
def verify(session: Session, name: str, deep: bool, output: str) -> None:
    """Read back what a run brought, and compare it with its plan.

    NAME is a vCluster's: the last run that brought it is meant. Without --deep the bytes are
    compared by the etags that the target's object store tells.

    \b
    Examples:
      poya migrate verify gele
      poya migrate verify RUN --deep
    """
    from poya.cli.migrate.verification import verify_run

    verify_run(session, name, deep=deep, as_json=output == "json")


@click.command()
@click.argument("run_id", metavar="RUN")
@click.option("--to", "-o", "file", type=click.Path(path_type=Path), help="Write it there.")
@click.option(
    "--key", "key_file", type=click.Path(path_type=Path), help="Sign with this private key."
)
@click.pass_obj
def receipt(session: Session, run_id: str, file: Path | None, key_file: Path | None) -> None:
    """Certify what a run did: a signed JSON record that a third party can check.

    It holds the digest of the plan, every request that was sent to change the target with its
    answer, every file's digests at both ends, and the findings that were accepted. Every attempt
    leaves one by itself; this copies the last one, or makes it where a run was killed.

    \b
    Examples:
      poya migrate receipt RUN -o gele.receipt.json
      poya receipt verify gele.receipt.json --against prealps
    """
    from poya.cli.receipt.certificates import make_receipt

    make_receipt(session, run_id, file, key_file)


@click.command()
@click.argument("run_id", metavar="RUN")
@click.option("--undo", "and_undo", is_flag=True, help="Take back what it wrote as well.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask before taking back.")
@click.pass_obj
def cancel(session: Session, run_id: str, and_undo: bool, yes: bool) -> None:
    """Stop a run that is under way, wherever it was started.

    It stops before its next write, where it can be resumed. With --undo the target becomes what
    it was.

    \b
    Examples:
      poya migrate cancel RUN
      poya migrate cancel RUN --undo --yes
    """
    from poya.cli.migrate.runs import cancel_run

    cancel_run(session, run_id, and_undo=and_undo, yes=yes)


@click.command()
@click.argument("run_id", metavar="RUN")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.pass_obj
def unlock(session: Session, run_id: str, yes: bool) -> None:
    """Say who works on a run, and evict them.

    Only for a process that hangs, or whose host is gone: a lock ends with its process by itself.
    The evicted one can write no more, even if it comes back to life.
    """
    from poya.cli.migrate.runs import unlock_run

    unlock_run(session, run_id, yes=yes)


@click.command()
@click.argument("run_id", metavar="RUN")
@click.pass_obj
def watch(session: Session, run_id: str) -> None:
    """Follow a run that is under way, from any terminal, until it ends."""
    from poya.cli.migrate.runs import watch_run

    watch_run(session, run_id)


@click.command()
@click.argument("run_id", metavar="RUN")
@click.pass_obj
def log(session: Session, run_id: str) -> None:
    """Print all that happened in a run as JSON lines: steps, and every request with its answer.

    \b
    Example:
      poya migrate log RUN | jq 'select(.kind == "request")'
    """
    from poya.cli.migrate.runs import export_log

    export_log(session, run_id)


@click.command(name="list")
@click.option("--output", type=click.Choice(["table", "json"]), default="table")
@click.pass_obj
def list_(session: Session, output: str) -> None:
    """List the runs, the newest last."""
    from poya.cli.migrate.runs import list_runs

    list_runs(session, as_json=output == "json")


@click.command()
@click.argument("run_id", metavar="RUN")
@click.option("--output", type=click.Choice(["table", "json"]), default="table")
@click.pass_obj
def status(session: Session, run_id: str, output: str) -> None:
    """Show where a run stands: what is done, what failed and why, what to type next."""
    from poya.cli.migrate.runs import show_run

    show_run(session, run_id, as_json=output == "json")


VERBS = (
    resume,
    limit,
    undo,
    verify,
    receipt,
    cancel,
    unlock,
    watch,
    log,
    list_,
    status,
)
