# SPDX-License-Identifier: Apache-2.0
"""`poya bundle list` and `prune`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING

import click

from poya.bootstrap import Bundles
from poya.cli.session import Session, can_ask
from poya.cli.text import count, printable, size, table, wrapped
from poya.errors import Cancelled, UsageError

if TYPE_CHECKING:
    from poya.sites.bundle.catalog import Listed
    from poya.sites.bundle.retention import Retention
    from poya.sites.bundle.stores import ObjectStore


@dataclass(frozen=True, slots=True)
class Pruning:
    """How bundles are pruned.

    Attributes:
        retention: What is kept.
        is_dry: Whether it is only shown.
        yes: Whether nobody is asked.
    """

    retention: Retention
    is_dry: bool = True
    yes: bool = False


def list_bundles(session: Session, root: str, *, as_json: bool) -> None:
    """Print every bundle below a directory or in a store."""
    catalog = Bundles(session.settings)
    with catalog.catalog(root) as (bundles, _):
        documents = [_as_json(bundle) for bundle in bundles]
    if as_json:
        click.echo(json.dumps(documents, indent=2))
        return
    rows = [
        (b.vcluster or "-", b.site or "-", _day(b), size(b.size_bytes), _state(b), _where(b, root))
        for b in bundles
    ]
    click.echo(table(("VCLUSTER", "SITE", "MADE (UTC)", "SIZE", "STATE", "WHERE"), rows))
    for bundle in bundles:
        if bundle.problem:
            text = f"{_where(bundle, root)} is damaged: {bundle.problem}"
            click.echo(wrapped(printable(text)), err=True)
    unfinished = len(catalog.works.all())
    if unfinished:
        text = f"{count(unfinished, 'bundle')} on the way elsewhere: poya bundle unfinished"
        click.echo(text, err=True)


def _where(bundle: Listed, root: str) -> str:
    """As short as it can be typed."""
    if bundle.prefix or root == ".":
        here = f"{Path.cwd()}/"
        return bundle.where.removeprefix(here)
    return bundle.where


def prune_bundles(session: Session, root: str, pruning: Pruning, *, as_json: bool) -> None:
    """Show which bundles would go, and take them away if that is wanted."""
    from poya.sites.bundle.retention import reasons_to_keep

    if not pruning.retention.keeps_anything():
        raise UsageError("Say what is to be kept.", todo="As in --keep-daily 7 --keep-weekly 4.")
    with Bundles(session.settings).catalog(root) as (bundles, store):
        kept = reasons_to_keep(bundles, pruning.retention)
        going = [bundle for bundle in bundles if bundle.where not in kept]
        _show_kept(bundles, kept, "" if as_json else root)
        freed = size(sum(bundle.size_bytes for bundle in going))
        summary = f"{count(len(going), 'bundle')} of {len(bundles)} to remove, {freed}."
        if pruning.is_dry or not going:
            hint = ": add --apply" if going else ""
            click.echo(f"{summary} Nothing was removed{hint}.", err=True)
            return
        _confirm(summary, yes=pruning.yes)
        for bundle in going:
            _remove(bundle, store)
    click.echo(f"{count(len(going), 'bundle')} removed, {freed}.", err=True)


def _show_kept(bundles: list[Listed], kept: Mapping[str, str], root: str) -> None:
    """As a table of what is below the root; as JSON where it is empty."""
    if not root:
        documents = [_as_json(bundle) | {"kept": kept.get(bundle.where)} for bundle in bundles]
        click.echo(json.dumps(documents, indent=2))
        return
    rows = [
        (kept.get(b.where, "goes"), b.vcluster or "-", _day(b), _where(b, root)) for b in bundles
    ]
    click.echo(table(("", "VCLUSTER", "MADE (UTC)", "WHERE"), rows))


def _remove(bundle: Listed, store: ObjectStore | None) -> None:
    from poya.sites.bundle.catalog import remove_bundle, remove_bundle_at

    if store is not None:
        remove_bundle_at(store.below(bundle.prefix))
        return
    left = remove_bundle(Path(bundle.where))
    if left:
        what = f"{bundle.where} holds files that are no part of the bundle; they stay: {left[0]}"
        click.echo(printable(what), err=True)


def _confirm(summary: str, *, yes: bool) -> None:
    if yes:
        return
    if not can_ask():
        raise Cancelled("Nobody is there to confirm; nothing was removed.", todo="Add --yes.")
    if not click.confirm(f"{summary} Remove them?", err=True):
        raise Cancelled("Nothing was removed.")


def _day(bundle: Listed) -> str:
    return bundle.created.astimezone(UTC).strftime("%Y-%m-%d %H:%M") if bundle.created else "-"


def _state(bundle: Listed) -> str:
    return f"{bundle.state}, signed" if bundle.is_signed else bundle.state


def _as_json(bundle: Listed) -> dict[str, object]:
    return {
        "where": bundle.where,
        "state": bundle.state,
        "vcluster": bundle.vcluster,
        "site": bundle.site,
        "release": bundle.release,
        "created": bundle.created.isoformat() if bundle.created else None,
        "templates": list(bundle.templates),
        "size_bytes": bundle.size_bytes,
        "signed": bundle.is_signed,
        "problem": bundle.problem,
    }
