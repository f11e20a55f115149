# SPDX-License-Identifier: Apache-2.0
"""`poya check`: every finding, and nothing written anywhere."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from poya.cli.options import ends, intent, intent_of, selector_of, text_or_json
from poya.cli.session import Session

if TYPE_CHECKING:
    from poya.bootstrap import Place, Workshop
    from poya.model.intent import Intent
    from poya.model.plan import Plan
    from poya.model.vcluster import Selector


@click.command()
@ends
@intent
@click.option("--offline", is_flag=True, help="Insist on saved surveys; contact no site.")
@text_or_json
@click.pass_obj
def check(
    session: Session,
    /,
    name: str,
    here: str,
    there: str,
    templates: tuple[str, ...],
    offline: bool,
    **options: Any,
) -> None:
    """Look for everything that would go wrong with the vCluster NAME at another site.

    Both sites are only read; so a check may be made at any time. It ends with 10 where a critical
    finding would refuse the migration. Sites that cannot be reached from the same place are
    surveyed one by one ('poya survey'), and the surveys checked against each other.

    \b
    Examples:
      poya check gele --from alps --to prealps
      poya check gele --from alps --to prealps --nodes nodes.txt --output json
      poya check gele --offline --from alps.json --to prealps.json
    """
    from poya.bootstrap import SurveyPlace, Workshop
    from poya.cli.asynchronous import run_async
    from poya.errors import FindingsRefuse, UsageError

    selector = selector_of(name, templates, options.get("file"))
    workshop = Workshop(session.settings)
    places = workshop.places((here, there), selector)
    for place in places if offline else ():
        if not isinstance(place, SurveyPlace):
            raise UsageError(
                f"{place} is not a survey, and --offline contacts no site.",
                todo=f"Where {place} can be reached: poya survey {place} -o FILE",
            )
    plan = run_async(_plan(workshop, places, selector, intent_of(options)))
    if options["output"] == "json":
        click.echo(json.dumps(_as_json(plan), indent=2, ensure_ascii=False))
    else:
        from poya.cli.views.findings import render_findings

        click.echo(render_findings(plan))
    blocking = len(plan.blocking())
    if blocking:
        noun = "finding refuses" if blocking == 1 else "findings refuse"
        raise FindingsRefuse(f"{blocking} {noun} this migration; nothing was written.")


async def _plan(
    workshop: Workshop, places: tuple[Place, Place], selector: Selector, wanted: Intent
) -> Plan:
    from poya.migration.prepare import prepare

    async with (
        workshop.source(*places) as source,
        workshop.surveyed(places[1]) as opener,
    ):
        prepared, _ = await prepare(source, selector, opener, wanted)
        if wanted.demand:
            from poya.cli.flow import Wishes
            from poya.cli.placement.placing import settle_nodes

            wanted = (await settle_nodes(workshop, places, prepared, Wishes(wanted))).intent
    return prepared.plan(wanted)


def _as_json(plan: Plan) -> dict[str, object]:
    import msgspec

    return {
        "vcluster": plan.vcluster,
        "source": plan.source,
        "target": plan.target,
        "findings": [{**msgspec.to_builtins(f), "page": f.page} for f in plan.findings],
        "critical": len(plan.blocking()),
        "warnings": len(plan.warnings()),
    }
