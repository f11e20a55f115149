# SPDX-License-Identifier: Apache-2.0
"""`poya describe`: one thing with everything that it leads to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from poya.cli.session import Session
from poya.cli.verbs import Verbs

if TYPE_CHECKING:
    from poya.bootstrap import Place, Workshop
    from poya.model.usage import Usage
    from poya.model.vcluster import Selector, VCluster


@click.group(cls=Verbs)
def describe() -> None:
    """Show one thing with everything that it leads to.

    \b
    Examples:
      poya describe vcluster gele --site alps
      poya describe vcluster --template gele-cos-template-23.06.0-1
      poya describe vcluster --from ./gele-bundle
      poya describe image gele-cos-23.06.0-1 --site alps
    """


@describe.command()
@click.argument("image")
@click.option("--site", metavar="NAME", help="The site to read; else the current one.")
@click.option(
    "--output",
    "-o",
    type=click.Choice(["text", "json", "yaml"]),
    default="text",
    show_default=True,
)
@click.pass_obj
def image(session: Session, image: str, site: str | None, output: str) -> None:
    """Show what is inside IMAGE (an IMS id, or a name that only one image has).

    Kernel, initrd and root file system are looked into where they lie: nothing is mounted, and of
    a root file system only a few MiB are read.
    """
    from poya.cli.describe.image import describe_image

    describe_image(session, image, site, output)


@describe.command()
@click.argument("name", required=False, default="")
@click.option("--site", metavar="NAME", help="The site to read; else the current one.")
@click.option("--from", "where", metavar="SITE|DIR", help="A site, or a bundle's directory.")
@click.option("--template", "-b", "templates", multiple=True, help="Select by session template.")
@click.option(
    "--output",
    "-o",
    type=click.Choice(["tree", "json", "yaml"]),
    default="tree",
    show_default=True,
)
@click.pass_obj
def vcluster(
    session: Session,
    name: str,
    site: str | None,
    where: str | None,
    templates: tuple[str, ...],
    output: str,
) -> None:
    """Show the whole closure of the vCluster NAME (an HSM group).

    Templates and their boot sets, images and what their artifacts take, configurations and the
    commits of their layers, groups and the state of their nodes; what is missing, and who else
    uses each part.
    """
    from poya.bootstrap import Workshop
    from poya.cli.asynchronous import run_async
    from poya.errors import UsageError
    from poya.model.vcluster import Selector

    workshop = Workshop(session.settings)
    place = workshop.place(where) if where else workshop.site_place(site or session.site)
    if not name and not templates and not where:
        raise UsageError(
            "Which vCluster?", todo="Name its HSM group, or select it by --template NAME."
        )
    captured, usage = run_async(_read(workshop, place, Selector(name, templates)))
    _show(captured, usage, output)


async def _read(
    workshop: Workshop, place: Place, selector: Selector
) -> tuple[VCluster, Usage | None]:
    from poya.concurrency import both

    async with workshop.source(place) as source:
        return await both(source.capture(selector), workshop.usage(place))


def _show(captured: VCluster, usage: Usage | None, output: str) -> None:
    from poya.cli.describe.view import document_of, tree_of
    from poya.cli.text import json_text, yaml_text
    from poya.documents import pretty

    if output == "tree":
        click.echo("\n".join(tree_of(captured, usage).lines()))
    elif output == "json":
        click.echo(json_text(pretty(document_of(captured, usage))), nl=False)
    else:
        click.echo(yaml_text(document_of(captured, usage)), nl=False)
