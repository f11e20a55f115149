# SPDX-License-Identifier: Apache-2.0
"""`poya get`: what a site holds, sorted, in a table or as the site's own JSON."""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import click

from poya.cli.session import Session

if TYPE_CHECKING:
    from poya.cli.get.listing import Listing, Query
    from poya.csm import Site

    Fetch: TypeAlias = Callable[[Site, Query], Awaitable[Listing]]

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _Kind:
    """One kind of record, and what reads it.

    Attributes:
        has_time: Whether `--since`, `--until` and the newest first make sense.
        of_nodes: Whether nodes are asked for, by an expression, in place of names.
        outputs: What it is shown as besides what every kind is.
    """

    name: str
    module: str
    text: str
    has_time: bool = False
    of_nodes: bool = False
    outputs: tuple[str, ...] = ()


_KINDS = (
    _Kind("vclusters", "vclusters", "List vClusters: HSM groups that session templates boot."),
    _Kind("groups", "records", "List HSM groups."),
    _Kind("nodes", "nodes", "List nodes and their state.", of_nodes=True),
    _Kind(
        *("hardware", "nodes", "List what nodes are made of."), of_nodes=True, outputs=("demand",)
    ),
    _Kind("images", "records", "List IMS images.", has_time=True),
    _Kind("configurations", "records", "List CFS configurations.", has_time=True),
    _Kind("templates", "records", "List BOS session templates."),
    _Kind("sessions", "sessions", "List CFS and BOS sessions.", has_time=True),
    _Kind("components", "nodes", "List how far nodes are booted and configured.", of_nodes=True),
    _Kind("tenants", "records", "List TAPMS tenants."),
    _Kind("boot-parameters", "nodes", "List what BSS boots nodes with.", of_nodes=True),
    _Kind("power", "nodes", "List which nodes are on.", of_nodes=True),
)

_EXPRESSION = """

\b
NODES is an expression:
  x1000c0s[0-3]b0n[0,1]   xnames, as a host list    x1000c1   all below it
  nid[001000-001003]      node ids                  blue      an HSM group
  Compute                 a role                    all       every node
  blue,green!x1000c0s0b0n0&Compute: ',' adds, '!' takes away, '&' keeps.
"""


@click.group()
def get() -> None:
    """List what a site holds.

    \b
    Examples:
      poya get vclusters --site alps
      poya get images 'gele-*' --since 30d
      poya get nodes 'gele!x1001c1s4b0n0' --output wide
      poya get configurations --group gele --output names
      poya get hardware gele --output demand
      poya get nodes --output json | jq -r '.[].ID'
    """


def _add(kind: _Kind) -> None:
    def command(session: Session, /, site: str | None, **asked: Any) -> None:
        _run(kind, session, site, asked)

    decorated: Any = click.pass_obj(command)
    for option in reversed(_options(kind)):
        decorated = option(decorated)
    text = kind.text + (_EXPRESSION if kind.of_nodes else "")
    get.command(name=kind.name, help=text, short_help=kind.text)(decorated)


def _options(kind: _Kind) -> list[Callable[[Any], Any]]:
    from poya.cli.get.listing import OUTPUTS

    metavar = "[NODES]..." if kind.of_nodes else "[NAME|PATTERN]..."
    options = [
        click.argument("patterns", nargs=-1, metavar=metavar),
        click.option("--site", metavar="NAME", help="The site to read; else the current one."),
        click.option("--group", default="", metavar="LABEL", help="What has to do with a group."),
    ]
    if kind.has_time:
        options += [
            click.option("--since", metavar="TIME", help="From this time or age on (30d)."),
            click.option("--until", metavar="TIME", help="Up to this time or age."),
        ]
    most = "The newest so many." if kind.has_time else "At most so many."
    options += [
        click.option("--limit", type=click.IntRange(min=1), metavar="N", help=most),
        click.option(
            *("--output", "-o"),
            type=click.Choice((*OUTPUTS, *kind.outputs)),
            default="table",
            show_default=True,
        ),
    ]
    return options


def _run(kind: _Kind, session: Session, site: str | None, asked: dict[str, Any]) -> None:
    from poya.cli.get.listing import Query, moment_of, show

    now = datetime.now(UTC)
    since, until = asked.get("since"), asked.get("until")
    query = Query(
        patterns=asked["patterns"],
        group=asked["group"],
        since=moment_of(since, now) if since else None,
        until=moment_of(until, now) if until else None,
        limit=asked["limit"],
        output=asked["output"],
    )
    if query.output == "demand":
        _show_demand(session, site, query)
        return
    module = importlib.import_module(f"poya.cli.get.{kind.module}")
    fetch: Fetch = getattr(module, kind.name.replace("-", "_"))
    listing = _fetch(session, site, fetch, query)
    show(listing, query if not kind.of_nodes else Query(limit=query.limit, output=query.output))


def _show_demand(session: Session, site: str | None, query: Query) -> None:
    """What the nodes demand, to be given to `--nodes` or `poya placement plan`."""
    from poya.bootstrap import Workshop
    from poya.cli.asynchronous import run_async
    from poya.cli.get.nodes import names_of
    from poya.cli.placement.placing import show_demand
    from poya.errors import NotFound

    workshop = Workshop(session.settings)
    place = workshop.site_place(site or session.site)
    machine = run_async(workshop.machine(place.name))
    names = _fetch(session, place.name, names_of, query)
    nodes = [node for node in machine.nodes if node.xname in names]
    if not nodes:
        raise NotFound(f"No nodes of {place} are meant.", todo="poya get nodes lists them.")
    show_demand(nodes[: query.limit], as_json=False)


def _fetch(
    session: Session, site: str | None, fetch: Callable[[Site, Query], Awaitable[_T]], query: Query
) -> _T:
    from poya.cli.asynchronous import run_async
    from poya.csm import Site
    from poya.site_config import site_config

    config = site_config(session.settings.site(site or session.site))

    async def work() -> _T:
        async with Site.connect(config, read_only=True) as connected:
            return await fetch(connected, query)

    return run_async(work())


for _kind in _KINDS:
    _add(_kind)
