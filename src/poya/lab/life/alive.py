# SPDX-License-Identifier: Apache-2.0
"""Everything at a site that goes on by itself, wired to its agenda."""

from __future__ import annotations

from poya.lab.life.boot_operators import BootOperators
from poya.lab.life.configuring import Configuring
from poya.lab.life.nodes import Nodes
from poya.lab.life.power import PowerControl
from poya.lab.life.tenants import Tenancy
from poya.lab.site import LabSite


def bring_to_life(site: LabSite) -> None:
    """Say who makes each kind of event happen; once a site, before anything is served."""
    power, configuring = PowerControl(site), Configuring(site)
    power.attend()
    configuring.attend()
    Nodes(site).attend(power)
    BootOperators(site, power, configuring).attend()
    Tenancy(site).attend()
