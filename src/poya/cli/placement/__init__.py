# SPDX-License-Identifier: Apache-2.0
"""`poya placement`: which nodes of a site suit a demand; what nodes there are made of."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from poya.cli.options import text_or_json
from poya.cli.session import Session
from poya.cli.verbs import Verbs

if TYPE_CHECKING:
    from poya.placement.facts import Machine
    from poya.settings import PlacementSettings


@click.group(cls=Verbs)
def placement() -> None:
    """Choose nodes by what they are made of.

    A demand says what a vCluster needs: manta's 'a100:4:epyc:10' (so much in all), or classes of
    nodes with what each must have. It is given as text, as a file, or as '-' for standard input.

    \b
    Examples:
      poya placement plan 'a100:16:milan:4' --site prealps
      poya placement plan '4 nodes where gh200 >= 4, whole blades' --site prealps
      poya placement demand gele --site alps > gele.demand
      poya placement plan gele.demand --site prealps --output json
      poya placement facts 'x9000*' --site prealps
    """


@placement.command()
@click.argument("demand")
@click.option("--site", metavar="NAME", help="The site, or a survey of it; else the current.")
@click.option("--group", default="", metavar="LABEL", help="Whose nodes; its members are kept.")
@click.option("--pool", "pools", multiple=True, metavar="LABEL", help="Take nodes of this group.")
@click.option(
    "--accept",
    multiple=True,
    metavar="REASON",
    help="Take nodes in spite of it: locked, reserved, disabled, no-inventory, group:LABEL, "
    "tenant:NAME, template:NAME, running:NAME.",
)
@text_or_json
@click.pass_obj
def plan(
    session: Session,
    /,
    demand: str,
    site: str | None,
    group: str,
    pools: tuple[str, ...],
    accept: tuple[str, ...],
    output: str,
) -> None:
    """Show the best nodes for DEMAND at a site, or why there are none; write nothing.

    Nodes that are locked, reserved, disabled or anybody else's are left alone. Ends with 10 where
    the demand cannot be fulfilled.
    """
    from poya.cli.placement.placing import read_demand, solve_or_print
    from poya.cli.placement.view import placement_json, render_placement
    from poya.migration.placing import asker_of

    tree = read_demand(demand)
    machine, rules = _machine(session, site)
    asker = asker_of(rules, group=group, pools=pools, accepted=accept)
    found = solve_or_print(tree, machine, asker, as_json=output == "json")
    if output == "json":
        _print_json(placement_json(tree, machine, asker, found))
    else:
        title = f"Nodes of {machine.label}" + (f" for HSM group {group}" if group else "")
        click.echo(render_placement(tree, machine, asker, found, title=title))


@placement.command()
@click.argument("name")
@click.option("--site", metavar="NAME", help="The site, or a survey of it; else the current.")
@text_or_json
@click.pass_obj
def demand(session: Session, /, name: str, site: str | None, output: str) -> None:
    """Write the demand that the nodes of the HSM group NAME fulfil.

    Interfaces and models are preferred, not demanded: sites differ in them. 'poya get hardware
    NODES --output demand' does it for any nodes.
    """
    from poya.cli.placement.placing import show_demand
    from poya.errors import NotFound

    machine, _ = _machine(session, site)
    label = name.lower()
    members = [node for node in machine.nodes if label in node.groups]
    if not members:
        raise NotFound(
            f"{machine.label} has no HSM group '{name[:60]}' with nodes in it.",
            todo=f"poya get groups --site {machine.label} lists them.",
        )
    show_demand(members, as_json=output == "json")


@placement.command()
@click.argument("pattern", default="*")
@click.option("--site", metavar="NAME", help="The site, or a survey of it; else the current.")
@click.option("--unrecognised", is_flag=True, help="List the models that have no name instead.")
@text_or_json
@click.pass_obj
def facts(
    session: Session, /, pattern: str, site: str | None, unrecognised: bool, output: str
) -> None:
    """Show what nodes are made of, in the names that demands use.

    Names come from a table that the configuration can add to; --unrecognised lists the models
    that the table does not know.
    """
    import fnmatch
    from dataclasses import asdict

    from poya.cli.placement.view import render_facts
    from poya.cli.text import table

    machine, _ = _machine(session, site)
    nodes = [node for node in machine.nodes if fnmatch.fnmatchcase(node.xname, pattern)]
    if output == "json":
        chosen = machine.unrecognised if unrecognised else nodes
        _print_json([asdict(each) for each in chosen])
    elif unrecognised:
        rows = [(str(u.parts), u.kind, u.model) for u in machine.unrecognised]
        click.echo(table(("PARTS", "TYPE", "MODEL"), rows))
    else:
        click.echo(render_facts(nodes))


def _machine(session: Session, site: str | None) -> tuple[Machine, PlacementSettings]:
    from poya.bootstrap import Workshop
    from poya.cli.asynchronous import run_async
    from poya.cli.placement.placing import without_hardware

    workshop = Workshop(session.settings)
    place = workshop.place(site) if site else workshop.site_place(session.site)
    machine = run_async(workshop.machine_of(place))
    if machine is None:
        raise without_hardware(place)
    return machine, workshop.placement_settings(machine.label)


def _print_json(value: object) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))
