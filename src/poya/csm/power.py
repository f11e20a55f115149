# SPDX-License-Identifier: Apache-2.0
"""Whether components are on, as PCS says it and as CAPMC is made to say it."""

from __future__ import annotations

import msgspec

from poya.csm.records import Record


class PowerStatus(Record, frozen=True):
    """The power of one component.

    Attributes:
        power_state: on, off or undefined.
        management_state: available, or unavailable where its controller does not answer.
        error: Why the state is undefined.
    """

    xname: str
    power_state: str = msgspec.field(default="", name="powerState")
    management_state: str = msgspec.field(default="", name="managementState")
    error: str | None = None
    supported_transitions: tuple[str, ...] | None = msgspec.field(
        default=None, name="supportedPowerTransitions"
    )
