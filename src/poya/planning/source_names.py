# SPDX-License-Identifier: Apache-2.0
"""The names by which the source's site is known in host names."""

from __future__ import annotations

from dataclasses import dataclass

from poya.model.intent import Intent
from poya.model.inventory import Inventory
from poya.model.mapping import Words
from poya.model.vcluster import VCluster
from poya.planning.mapping.suggesting import documents_of, domain_at, domain_of


@dataclass(frozen=True, slots=True)
class SiteNames:
    """Names of one site.

    Attributes:
        domains: `<system>.<site domain>`; hosts below them belong to the site.
        system: The system's own name, which stands between dots in its hosts' names.
    """

    domains: tuple[str, ...]
    system: str

    def include(self, host: str) -> bool:
        """Say whether a host belongs to the site, by its name."""
        name = host.lower().rstrip(".")
        is_below = any(name == d or name.endswith(f".{d}") for d in self.domains)
        return is_below or (bool(self.system) and self.system in name.split("."))


def names_of_source(vcluster: VCluster, inventory: Inventory, intent: Intent) -> SiteNames:
    """What the source's site is called, from what the vCluster's records say of it.

    Args:
        vcluster: As mapped: names that the mapping replaced are taken from the intent.
        inventory: The target, whose names are not the source's.
        intent: The mapping.
    """
    replaced = [word for rule in intent.mapping if isinstance(rule, Words) for word in rule.words]
    own = domain_at(inventory)
    named = [domain_of(documents_of(vcluster)), *replaced]
    domains = tuple(dict.fromkeys(d.lower() for d in named if "." in d and d != own))
    # a bundle's or survey's label may be a path, which is in no host's name
    system = vcluster.site.lower()
    return SiteNames(domains, "" if system == inventory.label.lower() else system)
