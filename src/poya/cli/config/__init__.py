# SPDX-License-Identifier: Apache-2.0
"""`poya config`: the configured sites, and which one is current."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from poya.cli.session import Session
from poya.cli.text import printable, table, wrapped
from poya.cli.verbs import Verbs

if TYPE_CHECKING:
    from poya.cli.config.checking import SiteReport
    from poya.settings import TransferSettings


@click.group(cls=Verbs)
def config() -> None:
    """Show the configuration, choose the current site.

    \b
    Examples:
      poya config sites
      poya config check
      poya config set site alps
    """


@config.command()
@click.pass_obj
def show(session: Session) -> None:
    """Show where the configuration is and what it says; secrets are never read or shown."""
    from poya.model.secrets import masked_text

    settings = session.settings
    click.echo(f"configuration  {settings.path}")
    click.echo(f"current site   {session.site or settings.current or '(none)'}")
    click.echo(f"transfers      {_transfers(settings.transfer)}")
    for site in settings.sites.values():
        click.echo(f"\n[{site.name}]")
        rows = (
            ("url", site.url),
            ("ca", str(site.ca or "the system's")),
            ("proxy", masked_text(site.proxy or "none")),
            ("tenant", site.tenant or "none"),
            ("S3 endpoint", site.s3_endpoint or "as STS names it"),
            ("login", site.auth.method),
        )
        for name, value in rows:
            click.echo(f"  {name:12} {value}")


def _transfers(table: TransferSettings) -> str:
    said = {
        "bandwidth": table.bandwidth,
        "parallel": table.parallel,
        "memory": table.memory,
        "delta": table.delta if table.delta != "auto" else "",
    }
    words = ", ".join(f"{name} {value}" for name, value in said.items() if value)
    return printable(words or "as usual")


@config.command()
@click.option("--output", type=click.Choice(["table", "json"]), default="table")
@click.pass_obj
def sites(session: Session, output: str) -> None:
    """List the configured sites; `*` marks the current one."""
    settings = session.settings
    if output == "json":
        import json

        listed = [
            {"name": s.name, "kind": s.kind, "url": s.url, "current": s.name == settings.current}
            for s in settings.sites.values()
        ]
        click.echo(json.dumps(listed, indent=2))
        return
    rows = [
        ("*" if site.name == settings.current else "", site.name, site.kind, site.url)
        for site in settings.sites.values()
    ]
    click.echo(table(("", "NAME", "KIND", "URL"), rows))


@config.command()
@click.argument("names", metavar="[SITE]...", nargs=-1)
@click.option("--site", metavar="NAME", help="The same as naming it.")
@click.option("--output", "-o", type=click.Choice(["table", "json"]), default="table")
@click.pass_obj
def check(session: Session, names: tuple[str, ...], site: str | None, output: str) -> None:
    """Ask every service of each SITE, or of all, and show what was found.

    Release and features, who we are and what we may, clocks, certificates, every service.
    Nothing is written. The exit status is that of the first thing that a migration needs and
    that is missing.

    \b
    Examples:
      poya config check
      poya config check alps prealps
    """
    from poya.cli.asynchronous import run_async
    from poya.cli.config.checking import report_on
    from poya.cli.moving import usual_moving
    from poya.concurrency import together
    from poya.errors import ConfigError
    from poya.site_config import site_config

    settings = session.settings
    usual_moving(settings)
    asked = (*names, *([site] if site else []))
    chosen = [settings.site(name) for name in asked] or [*settings.sites.values()]
    if not chosen:
        raise ConfigError(f"{settings.path} names no sites.", todo="Add a table [sites.NAME].")
    reports = run_async(together(report_on(site_config(site)) for site in chosen))
    (_show_json if output == "json" else _show_table)(reports)
    failure = next((report.failure for report in reports if report.failure), None)
    if failure is not None:
        raise failure


def _show_json(reports: list[SiteReport]) -> None:
    import json

    value = [
        {
            "site": report.site,
            "url": report.url,
            "is_usable": report.failure is None,
            "checks": [
                {"name": one.name, "mark": one.mark, "found": one.found} for one in report.checks
            ],
        }
        for report in reports
    ]
    click.echo(json.dumps(value, indent=2))


def _show_table(reports: list[SiteReport]) -> None:
    for report in reports:
        click.echo(f"{report.site}  {report.url}")
        for one in report.checks:
            first, *rest = wrapped(printable(one.found), " " * 16).splitlines() or [""]
            click.echo("\n".join([f"  {one.name:10} {one.mark:2} {first.strip()}", *rest]))


@config.group(name="set")
def set_() -> None:
    """Change the configuration."""


@set_.command(name="site")
@click.argument("name")
@click.pass_obj
def set_site(session: Session, name: str) -> None:
    """Make NAME the current site.

    \b
    Example:
      poya config set site alps
    """
    from poya.settings import set_current_site

    set_current_site(session.settings, name)
    click.echo(f"The current site is {name}.", err=True)


@config.group()
def unset() -> None:
    """Take something out of the configuration."""


@unset.command(name="site")
@click.pass_obj
def unset_site(session: Session) -> None:
    """Have no current site."""
    from poya.settings import set_current_site

    set_current_site(session.settings, None)
    click.echo("There is no current site now.", err=True)
