# SPDX-License-Identifier: Apache-2.0
"""Everything at a site that goes on by itself, wired to its agenda."""

from __future__ import annotations

from poya.lab.life.power import PowerControl
from poya.lab.life.tenants import Tenancy
from poya.lab.site import LabSite


def bring_to_life(site: LabSite) -> None:
    """Say who makes each kind of event happen; once a site, before anything is served."""
    PowerControl(site).attend()
    Tenancy(site).attend()
