# SPDX-License-Identifier: Apache-2.0
"""`poya survey`: keep in a file what planning must know of a site."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from poya.cli.session import Session

if TYPE_CHECKING:
    from poya.bootstrap import SitePlace, Workshop
    from poya.model.vcluster import VCluster
    from poya.placement.facts import Machine


@click.command()
@click.argument("place", metavar="SITE", required=False)
@click.argument("name", required=False, default="")
@click.option("--template", "-b", "templates", multiple=True, help="Capture by session template.")
@click.option("--out", "-o", required=True, metavar="FILE", help="The file to write.")
@click.option(
    "--for",
    "bound_here",
    metavar="SURVEY",
    help="The survey of a vCluster that may come here: look up its commits, too.",
)
@click.option(
    "--look-inside/--no-look-inside",
    "looks_inside",
    default=None,
    help="Look into the images' files, as the checks want it; done where NAME or --template "
    "selects some.",
)
@click.pass_obj
def survey(
    session: Session,
    /,
    place: str | None,
    name: str,
    templates: tuple[str, ...],
    out: str,
    bound_here: str | None,
    looks_inside: bool | None,
) -> None:
    """Read what planning must know of SITE and keep it in a file.

    With NAME (or --template) one vCluster is captured, else all that the site has. The site is
    only read. The file stands in for the site in 'poya check', 'poya diff' and 'poya migrate
    plan' (with '--nodes auto' too), as source and as target; it holds records, what nodes are made
    of and what was seen inside the images, not their files.

    \b
    Examples:
      poya survey alps gele -o gele.json
      poya survey prealps --for gele.json -o prealps.json
      poya check gele --offline --from gele.json --to prealps.json
    """
    from datetime import UTC, datetime

    from poya.bootstrap import Workshop
    from poya.cli.asynchronous import run_async
    from poya.migration.surveying import survey as take
    from poya.model.vcluster import Selector
    from poya.sites.saved import Survey, read_survey, write_survey

    workshop = Workshop(session.settings)
    here = workshop.site_place(place or session.site)
    guest = read_survey(Path(bound_here)).vcluster if bound_here else None
    selector = Selector(name=name, templates=templates)
    looks = not selector.is_everything if looks_inside is None else looks_inside

    async def taken() -> Survey:
        async with workshop.source(here) as source, workshop.surveyed(here) as opener:
            vcluster, inventory = await take(
                *(source, opener(None), selector, guest), looks_inside=looks
            )
        machine = await _machine(workshop, here)
        when = datetime.now(UTC).isoformat(timespec="seconds")
        return Survey(here.name, when, vcluster, inventory, machine)

    found = run_async(taken())
    write_survey(Path(out), found)
    click.echo(f"Surveyed {here}: {_gist(found.vcluster)}. Written to {out}.", err=True)


async def _machine(workshop: Workshop, place: SitePlace) -> Machine | None:
    """The site's nodes and their parts; a survey does without where no service tells them."""
    from poya.errors import PoyaError

    try:
        return await workshop.machine_of(place)
    except PoyaError as error:
        text = f"Note: no nodes can be chosen by this survey: {error.what}"
        click.echo(text, err=True)
        return None


def _gist(vcluster: VCluster | None) -> str:
    from poya.cli.text import count

    if vcluster is None:
        return "no session templates"
    return ", ".join(
        (
            count(len(vcluster.templates), "template"),
            count(len(vcluster.images), "image"),
            count(len(vcluster.configurations), "configuration"),
            count(len(vcluster.groups), "group"),
            count(len(vcluster.nodes), "node"),
        )
    )
