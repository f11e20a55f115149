# SPDX-License-Identifier: Apache-2.0
"""What our token may do at the target, and for how long; what its clock says of ours."""

from __future__ import annotations

from collections.abc import Iterator

from poya.model.finding import Finding
from poya.planning.checks import Case

# S3 refuses a signature that is fifteen minutes off (RequestTimeTooSkewed).
_S3_TOLERANCE_S = 900
_NOTABLE_SKEW_S = 120
_SHORT_TOKEN_S = 600


def check(case: Case) -> Iterator[Finding]:
    """Judge token and clock; what is unknown is not judged."""
    stand = case.inventory.circumstances
    subject = f"site {case.inventory.label}"
    roles = stand.access.roles
    if roles is not None and "admin" not in roles:
        held = ", ".join([*roles, *(f"tenant admin of {t}" for t in stand.access.tenants)])
        yield Finding(
            "token-rights",
            "critical",
            subject,
            "The token may not write there: images, groups and templates need the role admin.",
            evidence=f"it has {held or 'no role of the client shasta'}",
            remedy="Use an account with the role admin of the client shasta in Keycloak.",
        )
    expires_s = stand.access.expires_in_s
    if expires_s is not None and expires_s < _SHORT_TOKEN_S:
        yield Finding(
            "token-expires",
            "warning",
            subject,
            "The token is about to expire, or has expired.",
            evidence=f"less than {_SHORT_TOKEN_S // 60} minutes are left",
            remedy="Log in anew if it is not one that poya renews by itself.",
        )
    ahead_s = stand.clock_ahead_s
    if ahead_s is not None and abs(ahead_s) > _NOTABLE_SKEW_S:
        is_fatal = abs(ahead_s) > _S3_TOLERANCE_S
        direction = "ahead of" if ahead_s > 0 else "behind"
        yield Finding(
            "clock-skew",
            "critical" if is_fatal else "warning",
            subject,
            f"Its clock is {direction} this machine's."
            + (" S3 refuses requests that are 15 minutes off." if is_fatal else ""),
            evidence=f"about {round(abs(ahead_s) / 60)} minutes",
            remedy="Set the clock of this machine (chronyc tracking), or tell the site.",
        )
