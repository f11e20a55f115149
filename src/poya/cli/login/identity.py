# SPDX-License-Identifier: Apache-2.0
"""What a token says of its bearer, in words. Nothing is verified: the site does that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from poya.csm.keycloak import claims_of

_TENANT_ADMIN = "tenant-admin"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who bears a token.

    Attributes:
        rights: In words: what the gateway's policy lets them do.
        until: In words.
    """

    name: str
    rights: str
    until: str

    def rows(self) -> dict[str, str]:
        """As names and values."""
        return {"account": self.name, "rights": self.rights, "until": self.until}


def identity_of(token: str, now: datetime) -> Identity:
    """Who bears a token, as it says itself."""
    if not token:
        return Identity("nobody (no token is sent)", "what the site lets anybody do", "always")
    claims = claims_of(token)
    if not claims:
        return Identity("unknown (the token is no JWT)", "unknown", "unknown")
    names = (claims.get(key) for key in ("preferred_username", "clientId", "azp", "sub"))
    name = next((f"{one}" for one in names if one), "unknown")
    return Identity(name, _rights(claims), _until(claims, now))


def _rights(claims: Mapping[str, object]) -> str:
    """What cray-opa makes of the roles: `admin` may all, a tenant's admin little."""
    shasta = _roles(_map(_map(claims.get("resource_access")).get("shasta")))
    realm = _roles(_map(claims.get("realm_access")))
    if "admin" in shasta:
        return "administrator: everything"
    tenants = [
        group.removeprefix("/").removesuffix("-tenant-admin")
        for group in _texts(claims.get("groups"))
        if group.endswith("-tenant-admin")
    ]
    if _TENANT_ADMIN in realm and tenants:
        return f"tenant administrator of {', '.join(sorted(tenants))}: read BOS, start sessions"
    every = sorted({*shasta, *realm})
    return f"no administrator; roles: {', '.join(every) or 'none'}"


def _until(claims: Mapping[str, object], now: datetime) -> str:
    ends = claims.get("exp")
    if not isinstance(ends, int | float):
        return "no end"
    try:
        moment = datetime.fromtimestamp(ends, UTC)
    except (OverflowError, ValueError, OSError):
        return "no end"
    return f"{moment:%Y-%m-%d %H:%M} UTC ({in_words(moment, now)})"


def in_words(moment: datetime, now: datetime) -> str:
    """How far off a moment is: `in 364 days`, `expired`."""
    left_s = (moment - now).total_seconds()
    if left_s <= 0:
        return "expired"
    hours, days = int(left_s // 3600), int(left_s // 86400)
    if days > 1:
        return f"in {days} days"
    return f"in {hours} hours" if hours > 1 else f"in {int(left_s // 60)} minutes"


def _roles(value: Mapping[str, object]) -> set[str]:
    return set(_texts(value.get("roles")))


def _map(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _texts(value: object) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
