# SPDX-License-Identifier: Apache-2.0
"""From a demand to a group: choose, plan, ask, change, read back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import click

from poya.bootstrap import SitePlace, Workshop
from poya.cli.asking import confirm_plan, refuse_if_critical
from poya.cli.asynchronous import Interrupted, run_async
from poya.cli.placement.placing import read_demand, solve_or_print
from poya.cli.placement.view import placement_json, render_placement
from poya.cli.progress import following
from poya.cli.session import Session
from poya.cli.text import printable
from poya.cli.views.findings import finding_lines
from poya.cli.views.summary import render_summary
from poya.migration.carrying import carry_out
from poya.migration.placing import asker_of
from poya.migration.regrouping import Change, plan_change
from poya.model.plan import Plan
from poya.placement.facts import Machine
from poya.placement.holding import Asker, is_reason
from poya.placement.placing import Placement
from poya.placement.syntax import Demand
from poya.transfer import Limits


@dataclass(frozen=True, slots=True)
class Order:
    """What was typed.

    Attributes:
        makes: The group is to be made; else it is there.
        accepted: Ids of warnings, and reasons in spite of which nodes are taken.
    """

    label: str
    demand: str
    site: str | None
    pools: tuple[str, ...]
    makes: bool
    yes: bool
    accepted: frozenset[str]
    strict: bool
    only_plan: bool
    as_json: bool
    description: str = ""
    exclusive_group: str = ""

    @classmethod
    def of(cls, options: dict[str, Any], *, makes: bool) -> Order:
        """Read the options of `poya group`."""
        return cls(
            label=options["name"].lower(),
            demand=options["demand"],
            site=options["site"],
            pools=tuple(label.lower() for label in options["pools"]),
            makes=makes,
            yes=options["yes"],
            accepted=frozenset(options["accept"]),
            strict=options["strict"],
            only_plan=options["dry_run"],
            as_json=options["output"] == "json",
            description=options.get("description", ""),
            exclusive_group=options.get("exclusive_group", ""),
        )


def carry_out_order(session: Session, order: Order) -> None:
    """Do what was typed, and print what came of it."""
    workshop = Workshop(session.settings)
    place = workshop.site_place(order.site or session.site)
    demand = read_demand(order.demand)
    interrupted = Interrupted()
    run_async(_work(workshop, place, order, demand, interrupted), interrupted)


async def _work(
    workshop: Workshop, place: SitePlace, order: Order, demand: Demand, interrupted: Interrupted
) -> None:
    machine = await workshop.machine(place.name)
    rules = workshop.placement_settings(place.name)
    reasons = [each for each in order.accepted if is_reason(each)]
    asker = asker_of(rules, group=order.label, pools=order.pools, accepted=reasons)
    placement = solve_or_print(demand, machine, asker, as_json=order.as_json)
    change = Change(
        order.label, order.makes, asker, placement, order.description, order.exclusive_group
    )
    async with workshop.source(place, place) as source, workshop.target(place) as opener:
        target = opener(None)
        plan = await plan_change(target, machine, change)
        _show(order, demand, machine, asker, placement, plan)
        refuse_if_critical(plan)
        if order.only_plan or plan.is_empty():
            return
        confirm_plan(plan, yes=order.yes, accepted=order.accepted, strict=order.strict)
        with workshop.runs.start(plan, (place, place)) as run, following() as listener:
            interrupted.run = run.id
            report = await carry_out(run, source, target, Limits(), listener)
    if not order.as_json:
        click.echo(render_summary(report))


def _show(
    order: Order,
    demand: Demand,
    machine: Machine,
    asker: Asker,
    placement: Placement,
    plan: Plan,
) -> None:
    if order.as_json:
        shown = {
            **placement_json(demand, machine, asker, placement),
            "plan": json.loads(plan.encode()),
        }
        click.echo(json.dumps(shown, indent=2, ensure_ascii=False))
        return
    title = f"HSM group {order.label} at {machine.label}"
    click.echo(render_placement(demand, machine, asker, placement, title=printable(title)))
    click.echo()
    for entity in plan.entities:
        said = ", ".join(entity.edits) or "stays as it is"
        click.echo(f"  {entity.action} HSM group {printable(entity.name)}: {said}")
    for finding in plan.findings:
        click.echo("\n".join(finding_lines(finding)))
    click.echo()
