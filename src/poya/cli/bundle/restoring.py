# SPDX-License-Identifier: Apache-2.0
"""`migrate restore`: which bundle its options mean, where that is, and what was restored."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from poya.bootstrap import AwayPlace, BundlePlace, FilesPlace, Place, Workshop
from poya.cli.asynchronous import Interrupted, run_async
from poya.cli.bundle.carrying import Wrapping, import_bundle
from poya.cli.bundle.trust import demand_signature
from poya.cli.delivering import STREAM
from poya.cli.flow import Outcome, Wishes, bring, show_json
from poya.cli.options import wishes_of
from poya.cli.session import Session
from poya.cli.text import printable, wrapped
from poya.cli.views.summary import render_summary
from poya.errors import UsageError
from poya.model.records import KIND_TITLES
from poya.model.vcluster import Selector

_FILES = ("bos_file", "cfs_file", "hsm_file", "ims_file", "image_dir")
_IMAGE_FILES = ("initrd", "kernel", "rootfs")


@dataclass(frozen=True, slots=True)
class _Order:
    """What is restored, and how.

    Attributes:
        site: The site to write.
        templates: Only those; empty for all.
    """

    site: str | None
    templates: tuple[str, ...]
    wishes: Wishes


def restore(session: Session, options: dict[str, Any]) -> None:
    """Restore a bundle from wherever the options say that it is.

    Raises:
        click.UsageError: They name no bundle, or two.
        PoyaError: Whatever stops it.
    """
    files = FilesPlace(*(options[name] for name in _FILES))
    bundle = _bundle(session, options, files)
    wishes = wishes_of(options, session.settings)
    order = _Order(options["site"], options["templates"], wishes)
    wrapping = Wrapping(identities=options["identities"], keys=options["keys"])
    place = _place(session, bundle, wrapping) if bundle else files
    if options["work"] and not isinstance(place, AwayPlace):
        raise UsageError(
            "--work is for a tar, a stream or a store; a directory is read where it is.",
            todo="Leave --work out.",
        )
    looks_only = wishes.only_plan and not wrapping.keys
    if isinstance(place, AwayPlace) and _must_arrive(
        place, options["work"], looks_only=looks_only
    ):
        _restore_by_directory(session, place, (wrapping, options["work"]), order)
        return
    if wrapping.keys:
        demand_signature(session, bundle, wrapping)
    restore_from(session, place, order)


def _place(session: Session, bundle: str, wrapping: Wrapping) -> Place:
    workshop = Workshop(session.settings)
    found = workshop.bundles.place(bundle, identities=wrapping.identities)
    return found or BundlePlace(str(Path(bundle).expanduser().absolute()))


def _must_arrive(place: AwayPlace, work: str, *, looks_only: bool) -> bool:
    """Whether its bytes are wanted, and it is read once only; or it was said where to put it."""
    from poya.sites.bundle.stores.opening import is_once_only

    return bool(work) or (is_once_only(place.where) and not looks_only)


def _bundle(session: Session, options: dict[str, Any], files: FilesPlace) -> str:
    """The place of the bundle; empty where its files are named one by one."""
    bundle, as_of, group = options["bundle"] or "", options["as_of"], options["group"]
    if bool(bundle) == files.is_given():
        raise click.UsageError("Give either --bundle DIR, or the files one by one.")
    if bundle and as_of is not None:
        found = Workshop(session.settings).bundles.of_date(bundle, as_of, group)
        created = found.created.strftime("%Y-%m-%d %H:%M") if found.created else "-"
        click.echo(printable(f"As of {as_of}: {found.where} ({created} UTC)"), err=True)
        return found.where
    if as_of is not None or group:
        raise click.UsageError("--as-of DATE and --group go with --bundle DIR.")
    return bundle


def _restore_by_directory(
    session: Session, place: AwayPlace, how: tuple[Wrapping, str], order: _Order
) -> None:
    """Bring a bundle into a working directory, every file compared, then restore it.

    Raises:
        UsageError: Standard input is the bundle, and questions could come up; or no such site.
    """
    if place.where == STREAM and not (order.wishes.yes or order.wishes.only_plan):
        raise UsageError(
            "Standard input is the bundle, so nobody can be asked.",
            todo="Answer beforehand with --yes, or look first with --dry-run.",
        )
    wrapping, named = how
    workshop = Workshop(session.settings)
    policy = workshop.bundles.trust(workshop.site_place(order.site or session.site))
    works = workshop.bundles.works
    # Nobody knows whether another stream is the same.
    unique = (secrets.token_hex(8),) if place.where == STREAM else ()
    directory = named and str(Path(named).expanduser().absolute())
    directory = directory or str(works.directory(place.where, ("restore", *unique)))
    works.begin(directory, "restore", place.where)
    try:
        import_bundle(session, place.where, directory, wrapping, policy)
        restore_from(session, BundlePlace(directory), order)
    except BaseException:
        if works.leave(directory):
            _tell_kept(directory, is_stream=place.where == STREAM)
        raise
    if order.wishes.only_plan:
        works.end(directory)


def _tell_kept(directory: str, *, is_stream: bool) -> None:
    again = f"Repeat the command with --work {directory}" if is_stream else "Repeat the command"
    for line in (
        f"The bundle so far stays in {directory}.",
        f"{again} to go on; a run that began is resumed from there.",
        "'poya bundle unfinished' lists it, and removes it when it is of no use any more.",
    ):
        click.echo(printable(line), err=True)


def restore_from(session: Session, place: Place, order: _Order) -> None:
    """Bring a bundle, or some templates of it, to a site, and say what was restored."""
    workshop, wishes = Workshop(session.settings), order.wishes
    there = workshop.site_place(order.site or session.site)
    _say(wishes, "Migrate restore of the following image:")
    for line in _named(place):
        _say(wishes, f"    {line}")
    interrupted = Interrupted()
    selector = Selector(templates=order.templates)
    work = bring(workshop, (place, there), selector, wishes, interrupted)
    outcome = run_async(work, interrupted)
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
