# SPDX-License-Identifier: Apache-2.0
"""`poya config`: the configured sites, and which one is current."""

from __future__ import annotations

import click

from poya.cli.session import Session
from poya.cli.text import table


@click.group()
def config() -> None:
    """Show the configuration, choose the current site.

    \b
    Examples:
      poya config sites
      poya config set site alps
    """


@config.command()
@click.pass_obj
def show(session: Session) -> None:
    """Show where the configuration is and what it says; secrets are never read."""
    settings = session.settings
    click.echo(f"configuration  {settings.path}")
    click.echo(f"current site   {session.site or settings.current or '(none)'}")
    for site in settings.sites.values():
        click.echo(f"\n[{site.name}]")
        rows = (
            ("url", site.url),
            ("ca", str(site.ca or "the system's")),
            ("proxy", site.proxy or "none"),
            ("tenant", site.tenant or "none"),
            ("S3 endpoint", site.s3_endpoint or "as STS names it"),
            ("login", site.auth.method),
        )
        for name, value in rows:
            click.echo(f"  {name:12} {value}")


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
