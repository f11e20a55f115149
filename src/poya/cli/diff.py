# SPDX-License-Identifier: Apache-2.0
"""`poya diff`: how two vClusters differ in what they mean."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from poya.cli.options import mapping_of, mapping_options, text_or_json
from poya.cli.session import Session

if TYPE_CHECKING:
    from poya.bootstrap import Workshop
    from poya.model.mapping_file import SiteMapping
    from poya.model.vcluster import VCluster
    from poya.planning.comparison import Difference

_DIFFERENT = 1
_MOST_CHANGES = 24
_STATES = {"only-first": ("-", "red"), "only-second": ("+", "green"), "differs": ("~", "yellow")}


@click.command()
@click.argument("first", metavar="A[:NAME][@DATE]")
@click.argument("second", metavar="B[:NAME][@DATE]")
@mapping_options
@text_or_json
@click.pass_context
def diff(ctx: click.Context, /, first: str, second: str, output: str, **options: Any) -> None:
    """Compare two vClusters: groups, images by content, configurations, templates.

    A and B are sites, bundles or surveys; NAME is an HSM group or else a session template. A@DATE
    is the newest bundle below the directory or in the store A of the date or before, of the
    vCluster NAME; @latest is the newest. Ids, dates, etags of manifests and the order of lists
    without an order do not count. It ends with 0 where the two mean the same, with 1 where they
    differ. With a mapping, A is compared as the
    mapping would bring it: what differs then was not done by it.

    \b
    Examples:
      poya diff alps:gele prealps:gele
      poya diff alps:gele ./backup
      poya diff /backups:gele@2026-11-20 /backups:gele@latest
      poya diff archive::gele@2026-11-20 alps:gele
      poya diff alps.json:gele alps:gele --output json
      poya diff alps:gele prealps:gele2 --mapping mapping.toml
    """
    from poya.bootstrap import Workshop
    from poya.cli.asynchronous import run_async
    from poya.concurrency import both
    from poya.planning.comparison import compare

    session = ctx.obj
    assert isinstance(session, Session)
    workshop = Workshop(session.settings)
    mapping = mapping_of(options)

    async def captured() -> tuple[VCluster, VCluster]:
        return await both(_capture(workshop, first), _capture(workshop, second))

    one, other = run_async(captured())
    found = compare(_mapped(one, mapping), other)
    if output == "json":
        import msgspec

        document = {"equal": not found, "differences": msgspec.to_builtins(found)}
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        click.echo("\n".join(_lines(first, second, found)))
    ctx.exit(_DIFFERENT if found else 0)


def _mapped(vcluster: VCluster, mapping: SiteMapping) -> VCluster:
    """The vCluster as the mapping wants it; a rule that does not fit it is told."""
    from poya.cli.views.findings import told_once
    from poya.errors import UsageError
    from poya.model.finding import by_severity
    from poya.planning.mapping import apply_mapping, with_nodes

    mapped = apply_mapping(vcluster, mapping.rules)
    findings = by_severity(mapped.findings)
    for lines in told_once(findings):
        click.echo("\n".join(lines), err=True)
    if any(finding.severity == "critical" for finding in findings):
        raise UsageError("The mapping does not fit what it is compared with.")
    return with_nodes(mapped.vcluster, mapping.nodes)


async def _capture(workshop: Workshop, text: str) -> VCluster:
    """Capture PLACE:NAME, or all of PLACE: first as a group, then as a template."""
    from poya.errors import NotFound
    from poya.model.vcluster import Selector

    place, name = workshop.place_and_name(text)
    async with workshop.source(place) as source:
        try:
            return await source.capture(Selector(name=name))
        except NotFound as error:
            if not name:
                raise
            try:
                return await source.capture(Selector(templates=(name,)))
            except NotFound:
                raise error from None


def _lines(first: str, second: str, found: tuple[Difference, ...]) -> Iterator[str]:
    from poya.cli.text import count, printable, wrapped

    if not found:
        yield printable(f"{first} and {second} mean the same.")
        return
    yield click.style(printable(f"- {first}"), fg="red")
    yield click.style(printable(f"+ {second}"), fg="green")
    yield ""
    for difference in found:
        glyph, colour = _STATES[difference.state]
        yield f"{click.style(glyph, fg=colour)} {printable(str(difference))}"
        for change in difference.changes[:_MOST_CHANGES]:
            before, after = change.before or "(absent)", change.after or "(absent)"
            change_text = f"{change.pointer}: {before} → {after}"
            yield wrapped(printable(change_text), "    ", "      ")
        if len(difference.changes) > _MOST_CHANGES:
            more = len(difference.changes) - _MOST_CHANGES
            yield f"    … and {more} more (--output json has all)"
    yield ""
    yield f"{count(len(found), 'difference')}."
