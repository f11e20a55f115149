# SPDX-License-Identifier: Apache-2.0
"""Capture, survey, plan: everything that happens before anything is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from poya.migration.looking import look_inside
from poya.model.intent import Intent
from poya.model.inventory import Inventory
from poya.model.plan import Plan
from poya.model.vcluster import Selector, VCluster
from poya.planning import interest_of, make_plan
from poya.sites.base import Source, Surveyed

_Target = TypeVar("_Target", bound=Surveyed)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A capture, a survey, and plans made from the two as often as wanted."""

    vcluster: VCluster
    inventory: Inventory

    def plan(self, intent: Intent) -> Plan:
        """Plan with other wishes, without asking the sites again."""
        return make_plan(self.vcluster, self.inventory, intent)


async def prepare(
    source: Source,
    selector: Selector,
    target_for: Callable[[VCluster | None], _Target],
    intent: Intent | None = None,
) -> tuple[Prepared, _Target]:
    """Read both ends. Writes nothing anywhere.

    Args:
        target_for: Opens the target; a bundle lays out its files by what it will hold.
        intent: The wishes so far: the target is asked about the names that they lead to, and
            whether to look into the images; a bundle takes them whatever is in them.
    """
    vcluster = replace(await source.capture(selector), selector=selector)
    target = target_for(vcluster)
    inventory = await target.survey(interest_of(vcluster, intent))
    looks_inside = intent is None or intent.looks_inside
    if looks_inside and not inventory.capabilities.is_verbatim:
        vcluster = await look_inside(source, vcluster)
    return Prepared(vcluster, inventory), target
