# SPDX-License-Identifier: Apache-2.0
"""`poya migrate map`: propose, preview and invert mappings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from poya.bootstrap import Workshop
from poya.cli.asynchronous import run_async
from poya.cli.options import mapping_of, selector_of
from poya.cli.session import Session
from poya.cli.text import printable, wrapped
from poya.files import write_private
from poya.migration.prepare import prepare
from poya.model.finding import by_severity
from poya.model.intent import Intent
from poya.model.mapping_file import SiteMapping
from poya.model.mapping_text import format_mapping
from poya.planning.mapping import Mapped, apply_mapping, inverse, rules_of, suggest

if TYPE_CHECKING:
    from poya.model.vcluster import VCluster


def map_vcluster(session: Session, options: dict[str, Any]) -> None:
    """Do what the options of `migrate map` ask for."""
    wants_to = [options["suggest"], options["invert"]]
    if all(wants_to):
        raise click.UsageError("--suggest and --invert exclude each other.")
    mapping = mapping_of(options)
    if options["invert"]:
        _hand_over(format_mapping(_inverted(mapping)), options["out"])
    elif options["suggest"]:
        _hand_over(_suggested(session, options), options["out"])
    else:
        vcluster = _captured(session, options)
        click.echo("\n".join(_preview(vcluster, apply_mapping(vcluster, mapping.rules))))


def _inverted(mapping: SiteMapping) -> SiteMapping:
    nodes = {new: old for old, new in mapping.nodes.items()}
    return SiteMapping(inverse(mapping.rules), nodes)


def _suggested(session: Session, options: dict[str, Any]) -> str:
    if not options["here"] or not options["there"]:
        raise click.UsageError("--suggest needs both --from and --to.")
    workshop = Workshop(session.settings)
    here, there = workshop.place(options["here"]), workshop.place(options["there"])
    selector = selector_of(options["name"], options["templates"])

    async def suggested() -> str:
        async with workshop.source(here, there) as source, workshop.surveyed(there) as opener:
            prepared, _ = await prepare(source, selector, opener, Intent(looks_inside=False))
        proposals = suggest(prepared.vcluster, prepared.inventory)
        title = f"# {prepared.vcluster.name} from {options['here']} to {options['there']}"
        reasons = [wrapped(s.reason, "# ") for s in proposals] or ["# Nothing needs mapping."]
        text = format_mapping(SiteMapping(rules_of(proposals)))
        return "\n".join([title, *reasons, "", text])

    return run_async(suggested())


def _captured(session: Session, options: dict[str, Any]) -> VCluster:
    if not options["here"]:
        raise click.UsageError("Give --from to see what the mapping changes, or --invert.")
    workshop = Workshop(session.settings)
    selector = selector_of(options["name"], options["templates"])

    async def captured() -> VCluster:
        async with workshop.source(workshop.place(options["here"])) as source:
            return await source.capture(selector)

    return run_async(captured())


def _preview(vcluster: VCluster, mapped: Mapped) -> Iterator[str]:
    images = zip(vcluster.images, mapped.vcluster.images, strict=True)
    renamed = {old.name: new.name for old, new in images if old.name != new.name}
    for old, new in renamed.items():
        yield printable(f"IMS image {old} → {new}")
    for ref, changes in mapped.changes.items():
        origin = mapped.origins[ref]
        yield printable(f"{ref}" if origin == ref.name else f"{ref} (was {origin})")
        for change in changes:
            before, after = change.before or "(absent)", change.after or "(left out)"
            change_text = f"{change.pointer}: {before} → {after}"
            yield wrapped(printable(change_text), "    ", "      ")
    for finding in by_severity(mapped.findings):
        yield printable(f"{finding.severity} {finding.id}: {finding.subject}: {finding.message}")
        if finding.evidence:
            yield wrapped(printable(finding.evidence), "    ")
    if not mapped.changes and not renamed:
        yield "The mapping changes nothing."


def _hand_over(text: str, out: str | None) -> None:
    if not out:
        click.echo(text, nl=False)
        return
    write_private(Path(out), text.encode())
    click.echo(f"Written to {out}.", err=True)
