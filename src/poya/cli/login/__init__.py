# SPDX-License-Identifier: Apache-2.0
"""`poya login`, `logout`, `whoami`: who we are at a site."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, TextIO

import click

from poya.cli.session import Session, can_ask

if TYPE_CHECKING:
    from poya.csm import SiteConfig, Tokens
    from poya.settings import SiteSettings

_SITE = click.option("--site", metavar="NAME", help="The site; else the current one.")


@click.command()
@_SITE
@click.option("--username", "-u", metavar="NAME", help="Log in by name and password.")
@click.option(
    "--password-file",
    type=click.File(),
    metavar="FILE",
    help="Read the password from a file, or from stdin (-), in place of asking for it.",
)
@click.option("--device", is_flag=True, help="Log in by a browser, on any machine.")
@click.pass_obj
def login(
    session: Session,
    site: str | None,
    username: str | None,
    password_file: TextIO | None,
    device: bool,
) -> None:
    """Log in to a site, and keep the tokens for the commands that follow.

    Without options it asks for a name and a password. The tokens are kept in a file that only you
    may read, or in the keyring ('store = "keyring"' in the site's auth table), and are refreshed
    before they end.

    \b
    Examples:
      poya login --site alps
      poya login --site alps --device
      pass show alps | poya login --site alps --username you --password-file -
    """
    from poya.cli.asynchronous import run_async
    from poya.errors import UsageError

    settings = session.settings.site(site or session.site)
    config = _to_log_in(settings)
    if device and (username or password_file):
        raise UsageError("Log in by a browser or by a password, not both.")
    if device:
        tokens = run_async(_by_browser(config))
    else:
        name, password = _asked_for(settings, username, password_file)
        tokens = run_async(_by_password(config, name, password))
    click.echo(f"Logged in to {settings.name} as {_kept(config, tokens)}.", err=True)


@click.command()
@_SITE
@click.pass_obj
def logout(session: Session, site: str | None) -> None:
    """End the login at a site, and forget its tokens.

    \b
    Example:
      poya logout --site alps
    """
    from poya.cli.asynchronous import run_async

    settings = session.settings.site(site or session.site)
    config = _to_log_in(settings)
    run_async(_end(config))
    click.echo(f"Logged out of {settings.name}.", err=True)


@click.command()
@_SITE
@click.option("--output", "-o", type=click.Choice(["table", "json"]), default="table")
@click.pass_obj
def whoami(session: Session, site: str | None, output: str) -> None:
    """Show who the site takes us for: account, rights, and until when.

    \b
    Example:
      poya whoami --site alps
    """
    import json

    from poya.cli.asynchronous import run_async
    from poya.cli.login.identity import identity_of
    from poya.cli.text import printable
    from poya.site_config import site_config

    settings = session.settings.site(site or session.site)
    identity = identity_of(run_async(_token(site_config(settings))), datetime.now(UTC))
    rows = {"site": settings.name, **identity.rows()}
    if output == "json":
        click.echo(json.dumps(rows, indent=2))
        return
    for name, value in rows.items():
        click.echo(f"{name:8} {printable(value)}")


def _to_log_in(settings: SiteSettings) -> SiteConfig:
    """The site as it is to be logged in to.

    Raises:
        UsageError: Its configuration says that its token comes from elsewhere.
    """
    from poya.errors import UsageError
    from poya.site_config import site_config

    if settings.auth.method != "login":
        raise UsageError(
            f"Nobody logs in to {settings.name}.",
            why=f"Its auth method is '{settings.auth.method}'.",
            todo=f'Write method = "login" into [sites.{settings.name}.auth], '
            "and unset its POYA_TOKEN_… variable.",
        )
    return site_config(settings)


def _asked_for(
    settings: SiteSettings, username: str | None, password_file: TextIO | None
) -> tuple[str, str]:
    """Name and password, as given or as typed."""
    from poya.errors import UsageError

    name = username or settings.auth.username
    if (not name or not password_file) and not can_ask():
        raise UsageError(
            "There is no terminal to ask for a name and a password.",
            todo="Give --username and --password-file, or log in by --device.",
        )
    name = name or click.prompt(f"Username at {settings.name}", err=True)
    if password_file:
        return name, password_file.read().rstrip("\r\n")
    return name, click.prompt(f"Password of {name}", hide_input=True, err=True)


async def _by_password(config: SiteConfig, name: str, password: str) -> Tokens:
    from poya.csm import Site

    async with Site.connect(config) as site:
        return await site.realm().log_in_with_password(name, password)


async def _by_browser(config: SiteConfig) -> Tokens:
    from poya.cli.text import printable
    from poya.csm import Site

    async with Site.connect(config) as site:
        realm = site.realm()
        code = await realm.begin_device_login()
        place = code.verification_uri_complete or code.verification_uri
        click.echo(f"Open {printable(place)}\nand confirm {printable(code.user_code)}", err=True)
        return await realm.end_device_login(code)


def _kept(config: SiteConfig, tokens: Tokens) -> str:
    """Keep the tokens, and say whose they are."""
    from poya.cli.login.identity import identity_of
    from poya.csm import Login

    assert isinstance(config.auth, Login)
    config.auth.tokens.save(tokens)
    identity = identity_of(tokens.access_token, datetime.now(UTC))
    return f"{identity.name}; the tokens are in {config.auth.tokens.origin}"


async def _end(config: SiteConfig) -> None:
    """End the login at Keycloak, and forget the tokens even if Keycloak cannot be asked."""
    from poya.csm import Login, Site

    assert isinstance(config.auth, Login)
    tokens = config.auth.tokens.load()
    try:
        if tokens and tokens.refresh_token:
            async with Site.connect(config) as site:
                await site.realm().log_out(tokens)
    finally:
        config.auth.tokens.clear()


async def _token(config: SiteConfig) -> str:
    from poya.csm import Site

    async with Site.connect(config) as site:
        token = await site.token()
        return token.reveal() if token else ""
