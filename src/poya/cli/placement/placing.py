# SPDX-License-Identifier: Apache-2.0
"""From what is typed to a placement: demands, accepted reasons, answers and refusals."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import click

from poya.errors import UsageError
from poya.migration.placing import Ground, best, choose_nodes, refusal
from poya.placement.deriving import derive_demand
from poya.placement.explaining import Explanation
from poya.placement.facts import Machine, NodeFacts
from poya.placement.holding import Asker
from poya.placement.parsing import parse_demand
from poya.placement.placing import Placement
from poya.placement.printing import print_demand
from poya.placement.syntax import Demand
from poya.placement.wording import cause_in_words, unknown_names

if TYPE_CHECKING:
    from poya.bootstrap import Place, Workshop
    from poya.cli.flow import Wishes
    from poya.migration.prepare import Prepared


def read_demand(text: str) -> Demand:
    """Read a demand that is given as text, as a file's name, or as `-`.

    Raises:
        UsageError: The file cannot be read, or the demand.
    """
    if text == "-":
        return parse_demand(sys.stdin.read())
    from poya.cli.flow import read_option_file

    return parse_demand(read_option_file(text, "demand"))


def solve_or_print(demand: Demand, machine: Machine, asker: Asker, *, as_json: bool) -> Placement:
    """The best placement; where there is none, the refusal is printed as JSON too if wanted.

    Raises:
        FindingsRefuse: There is none.
    """
    for name in unknown_names(demand, machine):
        click.echo(f"Note: {name}", err=True)
    found = best(demand, machine, asker)
    if isinstance(found, Placement):
        return found
    if as_json:
        click.echo(json.dumps(explanation_json(demand, machine, found), indent=2))
    raise refusal(demand, machine, found)


def show_demand(nodes: Iterable[NodeFacts], *, as_json: bool) -> None:
    """Print the demand that nodes fulfil."""
    derived = derive_demand(nodes)
    text = print_demand(derived.demand)
    if as_json:
        members = {name: list(xnames) for name, xnames in derived.members.items()}
        text = json.dumps({"demand": text, "members": members}, indent=2)
    click.echo(text)


async def settle_nodes(
    workshop: Workshop, places: tuple[Place, Place], prepared: Prepared, wishes: Wishes
) -> Wishes:
    """The wishes with their demand turned into nodes.

    Raises:
        UsageError: Nobody knows what the target's nodes are made of.
        FindingsRefuse: The target cannot fulfil the demand.
    """
    here, there = places
    target = await workshop.machine_of(there)
    if target is None:
        raise without_hardware(there)
    source = await workshop.machine_of(here)
    ground = Ground(source, target, workshop.placement_settings(target.label))
    intent = choose_nodes(prepared.vcluster, wishes.intent, ground, wishes.accepted)
    return replace(wishes, intent=intent)


def without_hardware(place: Place) -> UsageError:
    """The error where a place does not tell what its nodes are made of."""
    from poya.bootstrap import SurveyPlace

    if isinstance(place, SurveyPlace):
        return UsageError(
            f"The survey {place} does not tell what the site's nodes are made of.",
            todo="Survey the site anew (poya survey SITE -o FILE), or name the nodes: "
            "--nodes x9000c1s[0-3]b0n0",
        )
    return UsageError(
        f"Nodes can be chosen at a site, live or surveyed; {place} is none.",
        todo="Name them: --nodes x9000c1s[0-3]b0n0",
    )


def explanation_json(demand: Demand, machine: Machine, why: Explanation) -> dict[str, Any]:
    """Why not, as JSON's own types."""
    held = dict(why.held)
    return {
        "site": machine.label,
        "demand": print_demand(demand),
        "feasible": False,
        "conflict": [
            {**asdict(cause), "text": cause_in_words(cause, demand, held)}
            for cause in why.conflict
        ],
        "smallest": why.is_smallest,
        "supplies": [asdict(supply) for supply in why.supplies],
        "remedies": [
            {
                "lifted": [asdict(cause) for cause in remedy.lifted],
                "accept": [c.subject for c in remedy.lifted if c.sort == "excluded"],
                "limits": [{**asdict(cause), "limit": n} for cause, n in remedy.limits],
            }
            for remedy in why.remedies
        ],
        "nearest": [asdict(each) for each in why.nearest],
        "unknown": [asdict(name) for name in unknown_names(demand, machine)],
    }
