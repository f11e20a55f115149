# SPDX-License-Identifier: Apache-2.0
"""Who answers at a site: its clock and its certificate."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime

import httpx2

from poya.csm.tls import moment_of_certificate

_COARSE_S = 2.0


@dataclass(frozen=True, slots=True)
class Peer:
    """Who answered.

    Attributes:
        clock_ahead_s: How far its clock is ahead of ours, to a second; None if it does not say.
        certificate_ends: When its certificate ends; None without TLS.
    """

    clock_ahead_s: float | None
    certificate_ends: datetime | None


def peer_of(response: httpx2.Response, before: datetime, after: datetime) -> Peer:
    """Who sent an answer that was asked for and came between two moments."""
    ahead_s = None
    try:
        said = parsedate_to_datetime(response.headers.get("Date", ""))
    except ValueError:
        pass
    else:
        # The header has whole seconds, and servers keep it for one more: what lies within
        # that and the wait is no difference.
        early = (said - after).total_seconds()
        late = (said - before).total_seconds() + _COARSE_S
        ahead_s = early if early > 0 else late if late < 0 else 0.0
    stream = response.extensions.get("network_stream")
    tls = stream.get_extra_info("ssl_object") if stream else None
    certificate = (tls.getpeercert() if tls else None) or {}
    ends = certificate.get("notAfter")
    return Peer(ahead_s, moment_of_certificate(ends) if ends else None)
