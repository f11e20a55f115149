# SPDX-License-Identifier: Apache-2.0
"""`poya get`: what a site holds, sorted, in a table or as the site's own JSON."""

from __future__ import annotations

import fnmatch
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import click

from poya.cli.session import Session

if TYPE_CHECKING:
    from poya.csm import Record, Site

Row: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Listing:
    """Records of one kind.

    Attributes:
        header: The columns' titles; the first column is the name that patterns match.
        rows: One for each record, in the order of `records`.
        records: The records as the site sent them.
    """

    header: Row
    rows: Sequence[Row]
    records: Sequence[Record]


@click.group()
def get() -> None:
    """List what a site holds.

    \b
    Examples:
      poya get images 'gele-*' --site alps
      poya get templates --output names
      poya get nodes --output json | jq -r '.[].ID'
    """


def _command(
    name: str, text: str
) -> Callable[[Callable[[Site], Awaitable[Listing]]], click.Command]:
    def decorate(fetch: Callable[[Site], Awaitable[Listing]]) -> click.Command:
        @get.command(name=name, help=text)
        @click.argument("pattern", default="*")
        @click.option("--site", metavar="NAME", help="The site to read; else the current one.")
        @click.option(
            "--output",
            type=click.Choice(["table", "json", "names"]),
            default="table",
            show_default=True,
        )
        @click.pass_obj
        def command(session: Session, /, pattern: str, site: str | None, output: str) -> None:
            _show(_fetch(session, site, fetch), pattern, output)

        return command

    return decorate


def _fetch(
    session: Session, site: str | None, fetch: Callable[[Site], Awaitable[Listing]]
) -> Listing:
    from poya.cli.asynchronous import run_async
    from poya.csm import Site
    from poya.site_config import site_config

    config = site_config(session.settings.site(site or session.site))

    async def work() -> Listing:
        async with Site.connect(config, read_only=True) as connected:
            return await fetch(connected)

    return run_async(work())


def _show(listing: Listing, pattern: str, output: str) -> None:
    from poya.cli.text import printable, table

    pairs = sorted(zip(listing.rows, listing.records, strict=True), key=lambda pair: pair[0])
    chosen = [pair for pair in pairs if fnmatch.fnmatchcase(pair[0][0], pattern)]
    if output == "json":
        inner = b",\n".join(record.raw for _, record in chosen)
        click.echo(b"[\n" + inner + b"\n]" if chosen else b"[]")
    elif output == "names":
        for row, _ in chosen:
            click.echo(printable(row[0]))
    else:
        click.echo(table(listing.header, (row for row, _ in chosen)))


@_command("images", "List IMS images.")
async def images(site: Site) -> Listing:
    """IMS images."""
    records = await site.ims.images.list()
    rows = [(r.name, r.arch or "", (r.created or "")[:19], r.id) for r in records]
    return Listing(("NAME", "ARCH", "CREATED", "ID"), rows, records)


@_command("templates", "List BOS session templates.")
async def templates(site: Site) -> Listing:
    """BOS session templates."""
    from poya.model.records import SessionTemplate

    records = await site.bos.templates.list()
    views = [SessionTemplate.of(record.document) for record in records]
    rows = [
        (v.name, v.tenant, v.configuration, _words(b.name for b in v.boot_sets)) for v in views
    ]
    return Listing(("NAME", "TENANT", "CONFIGURATION", "BOOT SETS"), rows, records)


@_command("configurations", "List CFS configurations.")
async def configurations(site: Site) -> Listing:
    """CFS configurations."""
    from poya.model.records import Configuration

    records = await site.cfs.configurations.list()
    rows = []
    for record in records:
        view = Configuration.of(record.v3_document)
        updated = str(record.v3_document.value.get("last_updated") or "")[:19]
        repositories = (_repository(layer.clone_url or layer.source) for layer in view.layers)
        rows.append((view.name, updated, _words(repositories)))
    return Listing(("NAME", "UPDATED", "LAYERS"), rows, records)


@_command("groups", "List HSM groups.")
async def groups(site: Site) -> Listing:
    """HSM groups."""
    from poya.model.records import Group

    records = await site.hsm.groups.list()
    views = [Group.of(record.document) for record in records]
    rows = [
        (v.label, str(len(v.members)), v.exclusive_group, _text(v.document.value, "description"))
        for v in views
    ]
    return Listing(("LABEL", "MEMBERS", "EXCLUSIVE", "DESCRIPTION"), rows, records)


@_command("nodes", "List the nodes that HSM knows.")
async def nodes(site: Site) -> Listing:
    """Nodes."""
    records = await site.hsm.components.list(type="Node")
    rows = [
        (r.id, str(r.nid or ""), r.arch, r.role, r.sub_role, r.state, _flags(r.enabled, r.locked))
        for r in records
    ]
    return Listing(("XNAME", "NID", "ARCH", "ROLE", "SUBROLE", "STATE", "FLAGS"), rows, records)


def _flags(is_enabled: bool, is_locked: bool) -> str:
    return _words(
        word for word, holds in (("disabled", not is_enabled), ("locked", is_locked)) if holds
    )


def _words(words: Iterable[str]) -> str:
    return ", ".join(word for word in words if word)


def _repository(url: str) -> str:
    return url.rpartition("/")[2].removesuffix(".git")


def _text(value: object, key: str) -> str:
    return str(value.get(key) or "") if isinstance(value, dict) else ""
