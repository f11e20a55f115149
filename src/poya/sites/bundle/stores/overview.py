# SPDX-License-Identifier: Apache-2.0
"""What a bundle holds that stays in its store; of its image files only how kernels begin."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from poya.sites.bundle.guard import is_guarded
from poya.sites.bundle.overview import Overview, overview
from poya.sites.bundle.stores.reading import Naming, contents_of, records_brought
from poya.sites.bundle.stores.shelf import Shelf
from poya.sites.bundle.trust.policy import FREE_POLICY, judge


def overview_of_shelf(shelf: Shelf) -> Overview:
    """Read a bundle's records where it is.

    Raises:
        BundleDamaged: The index cannot be understood.
        BundleUntrusted: Its signature is none.
    """
    vouching = judge(shelf.raw_index, shelf.signature, FREE_POLICY, shelf.label)
    with records_brought(shelf) as (scratch, index):
        naming = Naming(scratch, shelf.label)
        with naming.errors():
            contents = contents_of(shelf, index, scratch)
            found = overview(Path(shelf.label), contents, index.origin, index.unfinished())
    return replace(
        found,
        directory=shelf.label,
        signed_by=vouching.key,
        is_guarded=is_guarded(shelf.raw_index),
        flaws=tuple(map(naming.text, found.flaws)),
    )
