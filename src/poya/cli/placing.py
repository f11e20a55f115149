# SPDX-License-Identifier: Apache-2.0
"""From what is typed to a placement: demands, accepted reasons, answers and refusals."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import click

from poya.cli.flow import read_option_file
from poya.errors import FindingsRefuse, UsageError
from poya.placement.explaining import Explanation, explain
from poya.placement.facts import Machine
from poya.placement.holding import Asker
from poya.placement.parsing import parse_demand
from poya.placement.placing import Placement, placements
from poya.placement.printing import print_demand
from poya.placement.syntax import Demand
from poya.placement.wording import (
    cause_in_words,
    remedies_in_words,
    unknown_names,
    why_in_words,
)
from poya.placement_settings import PlacementSettings

_REASON = re.compile(
    r"locked|reserved|disabled|no-inventory|outside-pool|(?:group|tenant|template):\S+"
)


def read_demand(text: str) -> Demand:
    """Read a demand that is given as text, as a file's name, or as `-`.

    Raises:
        UsageError: The file cannot be read, or the demand.
    """
    if text == "-":
        return parse_demand(sys.stdin.read())
    return parse_demand(read_option_file(text, "demand"))


def asker_of(
    rules: PlacementSettings,
    *,
    group: str,
    accepted: Iterable[str],
    pools: Iterable[str] = (),
    templates: Iterable[str] = (),
    tenant: str = "",
) -> Asker:
    """For whom nodes are looked for.

    Raises:
        UsageError: A reason to be accepted is not one.
    """
    reasons = frozenset(accepted)
    for reason in sorted(reasons):
        if not _REASON.fullmatch(reason):
            raise UsageError(
                f"'{reason[:60]}' is no reason that keeps a node from being taken.",
                todo="Reasons are locked, reserved, disabled, no-inventory, group:LABEL, "
                "tenant:NAME and template:NAME.",
            )
    return Asker(
        group=group.lower(),
        tenant=tenant,
        templates=frozenset(templates),
        pools=frozenset(label.lower() for label in pools) or frozenset(rules.pools),
        shared=rules.shared_groups,
        accepted=reasons,
    )


def solve(demand: Demand, machine: Machine, asker: Asker, *, as_json: bool = False) -> Placement:
    """The best placement.

    Raises:
        FindingsRefuse: There is none; the error says why, and what would be the least to change.
    """
    for name in unknown_names(demand, machine):
        click.echo(f"Note: {name}", err=True)
    found = list(placements(demand, machine, asker))
    if found:
        return found[-1]
    why = explain(demand, machine, asker)
    assert why is not None
    if as_json:
        click.echo(json.dumps(explanation_json(demand, machine, why), indent=2))
    raise FindingsRefuse(
        f"{machine.label} cannot fulfil this demand.",
        why="\n".join(why_in_words(why, demand)),
        todo="\n".join(remedies_in_words(why, demand)),
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
        "unknown": [asdict(name) for name in unknown_names(demand, machine)],
    }
