# SPDX-License-Identifier: Apache-2.0
"""The one flow behind `run`, `backup` and `restore`: read, plan, ask, act, verify, sum up."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from poya.cli.asking import (
    confirm_plan,
    refuse_if_critical,
    refuse_if_not_told,
    refuse_if_stale,
    settle_conflicts,
)
from poya.cli.asynchronous import Interrupted
from poya.cli.delivering import begin as begin_delivery
from poya.cli.delivering import deliver, refuse_carried, speaking_beside
from poya.cli.delivering import end as end_delivery
from poya.cli.moving import Moving
from poya.cli.progress import following
from poya.cli.views.estimate import estimate
from poya.cli.views.plan import render_plan
from poya.errors import UsageError
from poya.files import is_file, write_private
from poya.migration.carrying import carry_out
from poya.migration.hooks import run_hook, split_hook
from poya.migration.prepare import Prepared, prepare
from poya.model.intent import Intent
from poya.model.plan import Plan
from poya.model.vcluster import Selector

if TYPE_CHECKING:
    from poya.bootstrap import Place, Workshop
    from poya.migration.report import Report
    from poya.sites.base import Source, Target


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the operator's options say beyond what to move where.

    Attributes:
        yes: Answer every question with yes.
        accepted: Ids of warnings that are accepted beforehand.
        strict: Warnings must be accepted by id.
        only_plan: Stop after showing the plan.
        moving: Limits of the transfer, and how it is followed.
        save_as: The file to keep the plan in.
        as_json: One JSON document on stdout instead of text.
    """

    intent: Intent = field(default_factory=Intent)
    yes: bool = False
    accepted: frozenset[str] = frozenset()
    strict: bool = False
    only_plan: bool = False
    save_as: str = ""
    as_json: bool = False
    pre_hook: str = ""
    post_hook: str = ""
    moving: Moving = field(default_factory=Moving)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it: the plan always, the report unless only a plan was wanted."""

    plan: Plan
    report: Report | None


async def bring(
    workshop: Workshop,
    places: tuple[Place, Place],
    selector: Selector,
    wishes: Wishes,
    interrupted: Interrupted,
) -> Outcome:
    """Bring what is selected from one place to the other.

    Raises:
        PoyaError: Whatever stops it, with its exit status.
    """
    if wishes.only_plan:
        return await only_plan(workshop, places, selector, wishes)
    here, there = places
    async with (
        workshop.source(here, there, reads_all=True) as source,
        workshop.target(there) as opener,
    ):
        prepared, target = await prepare(source, selector, opener, wishes.intent)
        wishes = await _settle_nodes(workshop, places, prepared, wishes)
        plan, _ = settle_conflicts(prepared, wishes.intent, yes=wishes.yes)
        _show(plan, wishes, workshop)
        refuse_if_critical(plan)
        workshop.bundles.refuse_without_room(there, plan)
        confirm_plan(plan, yes=wishes.yes, accepted=wishes.accepted, strict=wishes.strict)
        report = await _carry_out(workshop, places, (source, target), plan, wishes, interrupted)
        return Outcome(plan, report)


async def only_plan(
    workshop: Workshop, places: tuple[Place, Place], selector: Selector, wishes: Wishes
) -> Outcome:
    """Plan, show and keep the plan; no place is opened for writing.

    Raises:
        FindingsRefuse: The plan, kept all the same, cannot be carried out.
    """
    here, there = places
    async with workshop.source(here, there) as source, workshop.surveyed(there) as opener:
        prepared, _ = await prepare(source, selector, opener, wishes.intent)
        wishes = await _settle_nodes(workshop, places, prepared, wishes)
    plan, _ = settle_conflicts(prepared, wishes.intent, yes=wishes.yes)
    if wishes.save_as:
        write_private(Path(wishes.save_as), plan.encode())
    _show(plan, wishes, workshop)
    refuse_if_critical(plan)
    workshop.bundles.refuse_without_room(there, plan)
    return Outcome(plan, None)


async def _settle_nodes(
    workshop: Workshop, places: tuple[Place, Place], prepared: Prepared, wishes: Wishes
) -> Wishes:
    if not wishes.intent.demand:
        return wishes
    from poya.cli.placement.placing import settle_nodes

    return await settle_nodes(workshop, places, prepared, wishes)


async def apply(
    workshop: Workshop,
    places: tuple[Place, Place],
    plan: Plan,
    wishes: Wishes,
    interrupted: Interrupted,
) -> Outcome:
    """Carry out a plan that was kept, if it is still the plan that would be made.

    Raises:
        StalePlan: Something moved at the source or the target; the error says what.
        FindingsRefuse: The plan could never be carried out.
    """
    refuse_if_critical(plan)
    refuse_if_not_told(plan)
    here, there = places
    async with (
        workshop.source(here, there, reads_all=True) as source,
        workshop.target(there) as opener,
    ):
        prepared, target = await prepare(source, plan.selector, opener, plan.intent)
        fresh = prepared.plan(plan.intent)
        refuse_if_stale(plan, fresh)
        plan = plan.unsealed(fresh.secrets())
        _show(plan, wishes, workshop)
        workshop.bundles.refuse_without_room(there, plan)
        confirm_plan(plan, yes=wishes.yes, accepted=wishes.accepted, strict=wishes.strict)
        report = await _carry_out(workshop, places, (source, target), plan, wishes, interrupted)
        return Outcome(plan, report)


async def _carry_out(
    workshop: Workshop,
    places: tuple[Place, Place],
    ends: tuple[Source, Target],
    plan: Plan,
    wishes: Wishes,
    interrupted: Interrupted,
) -> Report:
    hooks = {
        name: split_hook(text)
        for name, text in (("pre", wishes.pre_hook), ("post", wishes.post_hook))
        if text
    }
    facts = _facts(plan, places)
    if "pre" in hooks:
        await run_hook("pre", hooks["pre"], facts)
    begin_delivery(workshop, places[1])
    with workshop.runs.start(plan, places) as run, following(wishes.moving.progress) as listener:
        interrupted.run = run.id
        chunks = workshop.chunks(*places)
        limits = wishes.moving.limits(workshop.runs.pace_file(run.id), chunks)
        report = await carry_out(run, *ends, limits, listener)
        await deliver(workshop, run, places[1], limits, listener)
        end_delivery(workshop, places)
    if "post" in hooks:
        await run_hook("post", hooks["post"], {**facts, "run": run.id})
    return report


async def resume(
    workshop: Workshop, run_id: str, moving: Moving, interrupted: Interrupted
) -> Outcome:
    """Go on with a run that stopped part-way; a finished one is verified again."""
    with workshop.runs.open(run_id) as (run, (here, there)):
        refuse_carried(run.journal.facts(), there, "nothing is left to do")
        interrupted.run = run.id
        async with workshop.source(here, there) as source, workshop.target(there) as opener:
            with following(moving.progress) as listener, speaking_beside(there):
                chunks = workshop.chunks(here, there)
                limits = moving.limits(workshop.runs.pace_file(run.id), chunks)
                report = await carry_out(run, source, opener(None), limits, listener)
                await deliver(workshop, run, there, limits, listener)
                end_delivery(workshop, (here, there))
        return Outcome(run.plan, report)


def _facts(plan: Plan, places: tuple[Place, Place]) -> dict[str, str]:
    here, there = places
    return {
        "vcluster": plan.vcluster,
        "source": str(here),
        "target": str(there),
    }


def _show(plan: Plan, wishes: Wishes, workshop: Workshop) -> None:
    if wishes.as_json:
        return
    click.echo(render_plan(plan))
    if line := estimate(workshop, plan):
        click.echo(line)
    click.echo()


def show_json(outcome: Outcome) -> None:
    """Print the plan, and the report if there is one, as one JSON document."""
    document = {
        "plan": json.loads(outcome.plan.encode()),
        "report": outcome.report.as_json() if outcome.report else None,
    }
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))


def show_outcome(outcome: Outcome, *, as_json: bool) -> None:
    """Print what came of it."""
    from poya.cli.views.summary import render_summary

    if as_json:
        show_json(outcome)
    elif outcome.report is not None:
        click.echo(render_summary(outcome.report))


def read_option_file(text: str, what: str) -> str:
    """The text itself, or what the file says that it names.

    Raises:
        UsageError: It names a file that cannot be read.
    """
    is_path = "/" in text and not any(character.isspace() for character in text)
    if not (is_path or text.startswith((".", "@", "/")) or is_file(text)):
        return text
    try:
        return Path(text.removeprefix("@")).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"The {what} {text} cannot be read.", why=str(error)) from error
