# SPDX-License-Identifier: Apache-2.0
"""Read one site for plans that are made elsewhere, or later."""

from __future__ import annotations

from dataclasses import replace

from poya.concurrency import both
from poya.errors import NotFound
from poya.migration.looking import look_inside
from poya.model.inventory import Interest, Inventory
from poya.model.vcluster import Selector, VCluster
from poya.planning import interest_of
from poya.sites.base import Source, Surveyed


async def survey(
    source: Source,
    target: Surveyed,
    selector: Selector,
    bound_here: VCluster | None,
    *,
    looks_inside: bool = False,
) -> tuple[VCluster | None, Inventory]:
    """Capture what is selected of a site, and take stock of the site.

    Args:
        source: The site, as what a vCluster is captured from.
        target: The same site, as what a plan is made against.
        selector: What to capture; everything where it selects nothing in particular.
        bound_here: A vCluster of another site whose commits are looked up here.
        looks_inside: Look into the images of what is captured.
    """
    interest = interest_of(bound_here) if bound_here else Interest()
    everything = replace(interest, is_everything=True)
    captured, inventory = await both(_capture(source, selector), target.survey(everything))
    if captured is not None and looks_inside:
        captured = await look_inside(source, captured)
    return captured, inventory


async def _capture(source: Source, selector: Selector) -> VCluster | None:
    try:
        return replace(await source.capture(selector), selector=selector)
    except NotFound:
        if not selector.is_everything:
            raise
        return None  # a site without any template is a target, and that is fine
