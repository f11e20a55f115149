# SPDX-License-Identifier: Apache-2.0
"""How long things take at a site."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Durations:
    """How long each thing takes at a real site.

    Attributes:
        tenant_reconcile_s: From one state of a tenant to the next.
        session_setup_s: Until BOS looks at a new session, and at each node between its steps.
        power_off_s, power_on_s: A graceful shutdown, and from the command to a node with power.
        boot_s: From power to a node that HSM calls Ready.
        configure_s: One layer of a configuration on a booted node.
        cfs_session_s: Until the job of a new CFS session starts.
    """

    tenant_reconcile_s: float = 5.0
    session_setup_s: float = 15.0
    power_off_s: float = 60.0
    power_on_s: float = 30.0
    boot_s: float = 300.0
    configure_s: float = 60.0
    cfs_session_s: float = 20.0


@dataclass(slots=True)
class Pace:
    """The site's durations, made shorter.

    Attributes:
        times: How many times faster than a real site; 1 is as slow as life.
    """

    times: float = 60.0
    durations: Durations = Durations()

    def of(self, real_s: float) -> float:
        """How long something lasts here that would last `real_s` at a real site."""
        return real_s / self.times
