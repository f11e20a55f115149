# SPDX-License-Identifier: Apache-2.0
"""`migrate restore`: which bundle its options mean, and where that is."""

from __future__ import annotations

from typing import Any

import click

from poya.bootstrap import FilesPlace
from poya.cli.bundle.bundling import bundle_place, restore_from
from poya.cli.bundle.carrying import Wrapping
from poya.cli.bundle.elsewhere import Elsewhere, is_elsewhere, restore_from_elsewhere
from poya.cli.bundle.trust import demand_signature
from poya.cli.options import wishes_of
from poya.cli.session import Session

_FILES = ("bos_file", "cfs_file", "hsm_file", "ims_file", "image_dir")


def restore(session: Session, options: dict[str, Any]) -> None:
    """Restore a bundle from wherever the options say that it is.

    Raises:
        click.UsageError: They name no bundle, or two.
        PoyaError: Whatever stops it.
    """
    files = FilesPlace(*(options[name] for name in _FILES))
    bundle = _bundle(options, files)
    wishes = wishes_of(options, session.settings)
    site, templates, keys = options["site"], options["templates"], options["keys"]
    wrapping = Wrapping(identities=options["identities"], keys=keys)
    elsewhere = Elsewhere(bundle, wrapping, options["work"])
    if bundle and is_elsewhere(session, elsewhere):
        restore_from_elsewhere(session, elsewhere, site, templates, wishes)
        return
    if keys:
        demand_signature(bundle, keys)
    place = bundle_place(bundle) if bundle else files
    restore_from(session, site, (place, templates), wishes)


def _bundle(options: dict[str, Any], files: FilesPlace) -> str:
    """The place of the bundle; empty where its files are named one by one."""
    bundle, as_of, group = options["bundle"] or "", options["as_of"], options["group"]
    if bool(bundle) == files.is_given():
        raise click.UsageError("Give either --bundle DIR, or the files one by one.")
    if bundle and as_of is not None:
        from poya.cli.bundle.catalog import bundle_of_date

        return bundle_of_date(bundle, as_of, group)
    if as_of is not None or group:
        raise click.UsageError("--as-of DATE and --group go with --bundle DIR.")
    return bundle
