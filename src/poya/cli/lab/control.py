# SPDX-License-Identifier: Apache-2.0
"""`poya lab fault | requests | fail | console | time`: what can be done to a running lab site."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from poya.cli.lab.place import directory_option, lab_in
from poya.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from poya.lab.remote import SiteControls

_ACTIONS = (
    *("status", "latency", "reset-before", "reset-after", "truncate", "garbage", "stall"),
    *("drip", "expired", "full"),
)


def _site_options(command: Callable[..., None]) -> Callable[..., None]:
    site = click.option("--site", required=True, metavar="NAME", help="Which site of the lab.")
    return site(directory_option(command))


_output = click.option("--output", type=click.Choice(["table", "json"]), default="table")


@click.command(
    epilog="""\b
Examples:
  poya lab fault --site prealps --action status --status 503 --method POST
  poya lab fault --site prealps --action reset-after --path '/apis/ims/*' --nth 2
  poya lab fault --site alps --action latency --delay 3 --times 0
  poya lab fault --site alps --action status --path '/s3/*' --times 0 --probability 0.1
  poya lab fault --site alps --clear
"""
)
@_site_options
@click.option("--action", type=click.Choice(_ACTIONS), help="What happens to a request.")
@click.option("--method", default="*", metavar="METHOD", help="Which requests: GET, PUT, ...")
@click.option("--path", default="*", metavar="PATTERN", help="Which paths; S3 is below /s3/.")
@click.option("--nth", default=1, help="The first matching request to be struck.")
@click.option("--times", default=1, help="How many in a row; 0: all from there on.")
@click.option("--status", default=503, help="For the action status.")
@click.option("--body", default="", help="For the action status.")
@click.option("--delay", "delay_s", default=0.0, metavar="SECONDS", help="For those that wait.")
@click.option("--probability", default=1.0, help="How likely each is struck.")
@click.option("--seed", default=0, help="Of the chance; the same seed strikes the same requests.")
@click.option("--clear", is_flag=True, help="Let everything go well again.")
@_output
def fault(
    site: str,
    directory: Path | None,
    action: str | None,
    *,
    clear: bool,
    output: str,
    **details: object,
) -> None:
    """Make requests to a lab site go wrong; without --action, show what is set."""
    controls = controls_of(directory, site)
    if clear:
        controls.ask("DELETE", "faults")
    if action is not None:
        controls.ask("POST", "faults", {"action": action, **details})
    found = controls.ask("GET", "faults")
    if output == "json":
        click.echo(json.dumps(found, indent=2))
        return
    for one in found:
        chance = "" if one["probability"] == 1 else f"  chance {one['probability']}"
        until = "for ever" if one["times"] == 0 else f"{one['times']} times"
        where = f"{one['method']} {one['path']}"
        click.echo(
            f"{one['action']}  {where}  from {one['nth']}, {until}{chance}  {one['seen']} seen"
        )
    if not found:
        click.echo("No faults are set.")


@click.command(
    epilog="""\b
Examples:
  poya lab requests --site alps --mutating     did anything try to change the source?
  poya lab requests --site prealps --service ims
"""
)
@_site_options
@click.option("--mutating", is_flag=True, help="Only those that could change the site.")
@click.option("--service", metavar="NAME", help="Only those to one service: ims, bos, s3, ...")
@click.option("--clear", is_flag=True, help="Forget them afterwards.")
@_output
def requests(
    site: str,
    directory: Path | None,
    *,
    mutating: bool,
    service: str | None,
    clear: bool,
    output: str,
) -> None:
    """Show what was asked of a lab site, oldest first."""
    controls = controls_of(directory, site)
    query = ["mutating=true"] if mutating else []
    query += [f"service={quote(service)}"] if service else []
    found = controls.ask("GET", f"requests?{'&'.join(query)}")
    if clear:
        controls.ask("DELETE", "requests")
    if output == "json":
        click.echo(json.dumps(found, indent=2))
        return
    for one in found:
        query_text = f"?{one['query']}" if one["query"] else ""
        struck = f"  [{one['fault']}]" if one["fault"] else ""
        click.echo(f"{one['status']}  {one['method']:6}  {one['path']}{query_text}{struck}")


@click.command(
    epilog="""\b
Examples:
  poya lab fail --site prealps x9000c1s1b0n0 --in boot
  poya lab fail --site prealps x9000c1s1b0n0 --in configure --times 0   it is well again
"""
)
@click.argument("xnames", nargs=-1, required=True)
@_site_options
@click.option("--in", "stage", type=click.Choice(["power", "boot", "configure"]), default="boot")
@click.option("--times", default=1, help="How often; -1: always, 0: no more.")
def fail(xnames: Sequence[str], site: str, directory: Path | None, stage: str, times: int) -> None:
    """Make nodes of a lab site fail when they are next switched on, booted or configured."""
    controls = controls_of(directory, site)
    for xname in xnames:
        body = {"stage": stage, "times": times}
        controls.ask("PUT", f"nodes/{quote(xname)}/failures", body)
    click.echo(f"{len(xnames)} nodes will fail in {stage}." if times else "They are well again.")


@click.command(
    epilog="""\b
Examples:
  poya lab console --site prealps x9000c1s1b0n0   why it does not boot
"""
)
@click.argument("xname")
@_site_options
@_output
def console(xname: str, site: str, directory: Path | None, output: str) -> None:
    """Show what a node of a lab site has said on its console."""
    found: dict[str, Any] = controls_of(directory, site).ask("GET", f"nodes/{quote(xname)}")
    if output == "json":
        click.echo(json.dumps(found, indent=2))
        return
    click.echo(f"{found['xname']}  {found['state']}")
    for line in found["console"]:
        click.echo(line)


@click.command(
    epilog="""\b
Examples:
  poya lab time --site prealps                 what time it is there
  poya lab time --site prealps --advance 1h    let an hour pass
  poya lab time --site prealps --skew -20m     its clocks are 20 minutes behind
  poya lab time --site prealps --pace 1        as slow as life
"""
)
@_site_options
@click.option("--advance", metavar="TIME", help="Let this much happen: 90s, 20m, 2h.")
@click.option("--skew", metavar="TIME", help="Set the clocks ahead of yours, or behind: -20m.")
@click.option("--pace", type=float, help="How many times faster things happen than in life.")
@_output
def time(
    site: str,
    directory: Path | None,
    *,
    advance: str | None,
    skew: str | None,
    pace: float | None,
    output: str,
) -> None:
    """Tell or change the time at a lab site."""
    controls = controls_of(directory, site)
    asked: dict[str, float] = {}
    asked |= {} if advance is None else {"advance_s": _seconds(advance)}
    asked |= {} if skew is None else {"skew_s": _seconds(skew)}
    asked |= {} if pace is None else {"pace": pace}
    found = controls.ask("PATCH", "time", asked) if asked else controls.ask("GET", "time")
    if output == "json":
        click.echo(json.dumps(found, indent=2))
        return
    from datetime import UTC, datetime

    shown = datetime.fromtimestamp(found["time"], UTC).isoformat(timespec="seconds")
    click.echo(f"{shown}  {found['pace']:g} times as fast as a real site")
    click.echo(f"clocks {found['skew_s']:+g} s, {found['events_to_come']} events to come")


def _seconds(text: str) -> float:
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    number, unit = (text[:-1], units[text[-1]]) if text[-1:] in units else (text, 1)
    try:
        return float(number) * unit
    except ValueError as error:
        raise UsageError(f"{text!r} is no time.", todo="Write it like 90s, 20m or 2h.") from error


def controls_of(directory: Path | None, name: str) -> SiteControls:
    """The controls of a lab site.

    Raises:
        UsageError: The lab has no such site.
    """
    from poya.lab.remote import SiteControls

    for status in lab_in(directory).status():
        if status.spec.name == name:
            return SiteControls(status.spec, status.files)
    raise UsageError(f"The lab has no site {name}.", todo="poya lab status shows those it has.")
