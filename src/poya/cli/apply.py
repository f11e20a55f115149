# SPDX-License-Identifier: Apache-2.0
"""`poya apply`: carry out a plan that was kept, if it still holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from poya.cli.moving import moving_of, moving_options
from poya.cli.options import consent, text_or_json
from poya.cli.session import Session

if TYPE_CHECKING:
    from poya.bootstrap import Workshop
    from poya.model.plan import Plan


@click.command()
@click.argument("file", metavar="PLAN")
@click.option("--from", "here", metavar="SITE|DIR", help="The source, if not as in the plan.")
@click.option("--to", "there", metavar="SITE|DIR", help="The target, if not as in the plan.")
@consent
@click.option("--pre-hook", default="", metavar="COMMAND", help="Run this before.")
@click.option("--post-hook", default="", metavar="COMMAND", help="Run this after.")
@moving_options
@text_or_json
@click.pass_obj
def apply(session: Session, /, file: str, here: str, there: str, **options: Any) -> None:
    """Carry out the PLAN that 'poya migrate plan -o' kept.

    Both sites are read again first. If anything that the plan was made from has moved since, at
    the source or at the target, nothing is written, and what moved is named (exit status 11).

    \b
    Examples:
      poya migrate plan gele --from alps --to prealps --nodes nodes.txt -o gele.plan
      poya show gele.plan
      poya apply gele.plan
    """
    from poya.bootstrap import Workshop
    from poya.cli.asynchronous import Interrupted, run_async
    from poya.cli.delivering import speaking_beside
    from poya.cli.flow import Wishes, show_outcome
    from poya.cli.flow import apply as carry_out
    from poya.files import read_given
    from poya.model.plan import decode_plan

    plan = decode_plan(read_given(Path(file), "plan"))
    workshop = Workshop(session.settings)
    _refuse_if_begun(workshop, plan)
    places = workshop.places((here or plan.source, there or plan.target), plan.selector)
    wishes = Wishes(
        intent=plan.intent,
        yes=options["yes"],
        accepted=frozenset(options["accept"]),
        strict=options["strict"],
        as_json=options["output"] == "json",
        pre_hook=options["pre_hook"],
        post_hook=options["post_hook"],
        moving=moving_of(options, session.settings),
    )
    interrupted = Interrupted()
    work = carry_out(workshop, places, plan, wishes, interrupted)
    with speaking_beside(places[1]):
        show_outcome(run_async(work, interrupted), as_json=wishes.as_json)


def _refuse_if_begun(workshop: Workshop, plan: Plan) -> None:
    """A run of this very plan that stopped part-way is gone on with, not begun again."""
    from poya.errors import Conflict

    for facts in workshop.runs.all_facts():
        name = facts["run"]
        is_open = facts.get("state") in ("planned", "applying", "stopped")
        if is_open and facts.get("plan_digest") == plan.digest():
            raise Conflict(
                f"The run {name} of this plan was begun and is not finished.",
                todo=f"'poya migrate resume {name}' goes on with it; "
                f"'poya migrate undo {name}' takes it back.",
            )
