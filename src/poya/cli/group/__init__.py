# SPDX-License-Identifier: Apache-2.0
"""`poya group`: make, grow and shrink HSM groups by what their nodes must be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from poya.cli.options import consent, text_or_json
from poya.cli.session import Session
from poya.cli.verbs import Verbs

_Command = Callable[..., Any]


@click.group(cls=Verbs)
def group() -> None:
    """Make, grow and shrink HSM groups by what their nodes must be.

    Nodes join before others leave; every change is journaled and can be taken back
    ('poya migrate undo RUN'). Nodes that are locked or anybody else's are left alone.

    \b
    Examples:
      poya group resize gele '10 nodes where gh200 >= 4' --site prealps
      poya group create test a100:8 --site prealps --pool free
    """


def _choosing(command: _Command) -> _Command:
    for option in reversed(
        (
            click.argument("name"),
            click.argument("demand"),
            click.option("--site", metavar="NAME", help="The site; else the current one."),
            click.option(
                "--pool",
                "pools",
                multiple=True,
                metavar="LABEL",
                help="Take nodes out of this group, and give those that leave back to it.",
            ),
            click.option("--dry-run", "-n", is_flag=True, help="Show the plan and stop."),
        )
    ):
        command = option(command)
    return command


@group.command()
@_choosing
@consent
@text_or_json
@click.pass_obj
def resize(session: Session, /, **options: Any) -> None:
    """Make the HSM group NAME what DEMAND says, with the fewest nodes changing.

    Nodes of other groups are taken only with --accept group:LABEL, and leave those. They are
    locked in HSM while they change hands, so that nothing boots or flashes them meanwhile.

    \b
    Examples:
      poya group resize gele '10 nodes where gh200 >= 4' --site prealps
      poya group resize gele gele.demand --pool free --dry-run
      poya group resize gele '14 nodes where gh200' --accept group:tasna
    """
    from poya.cli.group.making import Order, carry_out_order

    carry_out_order(session, Order.of(options, makes=False))


@group.command()
@_choosing
@click.option("--description", default="", metavar="TEXT", help="What the group is for.")
@click.option(
    "--exclusive-group",
    default="",
    metavar="WORD",
    help="No node may be in two groups with this word.",
)
@consent
@text_or_json
@click.pass_obj
def create(session: Session, /, **options: Any) -> None:
    """Make an HSM group NAME of the nodes that DEMAND describes.

    \b
    Example:
      poya group create test '4 nodes where a100 >= 4, whole blades' --site prealps
    """
    from poya.cli.group.making import Order, carry_out_order

    carry_out_order(session, Order.of(options, makes=True))
