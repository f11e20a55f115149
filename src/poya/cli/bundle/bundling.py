# SPDX-License-Identifier: Apache-2.0
"""`migrate backup` and `migrate restore`, with the words that operators of manta know."""

from __future__ import annotations

from pathlib import Path

import click

from poya.bootstrap import BundlePlace, FilesPlace, Place, Workshop
from poya.cli.asynchronous import Interrupted, run_async
from poya.cli.flow import Outcome, Wishes, bring, show_json
from poya.cli.session import Session
from poya.cli.text import duration, printable, size, wrapped
from poya.cli.views.summary import render_summary
from poya.model.records import KIND_TITLES
from poya.model.vcluster import Selector

_IMAGE_FILES = ("initrd", "kernel", "rootfs")


def back_up(
    session: Session,
    site: str | None,
    selection: tuple[str, tuple[str, ...]],
    destination: str,
    wishes: Wishes,
) -> None:
    """Bring what is selected into the bundle of a directory, and name its files."""
    outcome = bring_backup(session, site, selection, (destination, destination), wishes)
    if wishes.as_json:
        show_json(outcome)
    elif outcome.report is not None:
        _name_files(Workshop(session.settings).bundle_files(bundle_place(destination)))
        _name_bytes(outcome)


def bring_backup(
    session: Session,
    site: str | None,
    selection: tuple[str, tuple[str, ...]],
    ends: tuple[str, str],
    wishes: Wishes,
) -> Outcome:
    """Bring what is selected into the bundle of a directory.

    Args:
        ends: The directory, and what people call the destination.
    """
    workshop = Workshop(session.settings)
    here = workshop.site_place(site or session.site)
    directory, destination = ends
    name, templates = selection
    _say(
        wishes,
        f"Migrate backup of {_selected(name, templates)}; destination folder: {destination}",
    )
    interrupted = Interrupted()
    selector = Selector(name=name, templates=templates)
    places = (here, bundle_place(directory))
    return run_async(bring(workshop, places, selector, wishes, interrupted), interrupted)


def bundle_place(directory: str) -> BundlePlace:
    """The place of a bundle directory."""
    return BundlePlace(str(Path(directory).absolute()))


def _selected(name: str, templates: tuple[str, ...]) -> str:
    if templates:
        return f"the BOS Template: {', '.join(templates)}"
    return f"the vCluster: {name}"


def _name_files(files: list[tuple[str, str]]) -> None:
    click.echo("Done, the following image bundle was generated:")
    for title, path in files:
        indent = "        " if title == "file" else "    "
        click.echo(printable(f"{indent}{title}: {path}"))


def _name_bytes(outcome: Outcome) -> None:
    report = outcome.report
    if report is None:
        return
    click.echo(
        f"\n{size(report.moved_bytes)} moved, {size(report.saved_bytes)} saved, in "
        f"{duration(report.elapsed_s)}; {report.checked} things read back, all as planned."
    )
    click.echo(f"Verify again: poya migrate verify {report.run}")


def restore_from(
    session: Session, site: str | None, chosen: tuple[Place, tuple[str, ...]], wishes: Wishes
) -> None:
    """Bring a bundle, or some templates of it, to a site, and say what was restored."""
    place, templates = chosen
    workshop = Workshop(session.settings)
    there = workshop.site_place(site or session.site)
    _say(wishes, "Migrate restore of the following image:")
    for line in _named(place):
        _say(wishes, f"    {line}")
    interrupted = Interrupted()
    outcome = run_async(
        bring(workshop, (place, there), Selector(templates=templates), wishes, interrupted),
        interrupted,
    )
    if wishes.as_json:
        show_json(outcome)
    elif outcome.report is not None:
        click.echo(render_summary(outcome.report))
        click.echo(f"\n{wrapped(f'Done, {_restored(outcome)} have been restored.')}")


def _named(place: Place) -> list[str]:
    if not isinstance(place, FilesPlace):
        return [f"Bundle: {place}"]
    titles = (
        ("BOS file", place.bos),
        ("CFS file", place.cfs),
        ("IMS file", place.ims),
        ("HSM file", place.hsm),
    )
    named = [f"{title}: {path}" for title, paths in titles for path in paths]
    files = [(name, directory) for directory in place.image_dirs for name in _IMAGE_FILES]
    return [*named, *(f"{name} file: {Path(directory, name)}" for name, directory in files)]


def _restored(outcome: Outcome) -> str:
    kinds = {entity.kind for entity in outcome.plan.entities}
    names = ["the image bundle"] if outcome.plan.images else []
    names += [
        KIND_TITLES[kind] for kind in ("group", "configuration", "template") if kind in kinds
    ]
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)


def _say(wishes: Wishes, text: str) -> None:
    click.echo(printable(text), err=wishes.as_json)
