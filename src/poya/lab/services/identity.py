# SPDX-License-Identifier: Apache-2.0
"""Who may get a token, and what a token says: the part of Keycloak that the gateway trusts."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import uuid
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

ADMIN_CLIENT = "admin-client"
USER_CLIENT = "shasta"
DEFAULT_LIFETIME_S = 31_536_000

_PARTS = 3


@dataclass(frozen=True, slots=True)
class UserAccount:
    """A person.

    Attributes:
        password: What they type.
        roles: Of the client `shasta`: `admin` may do everything.
        realm_roles: `tenant-admin` may do what `groups` allow.
        groups: `<tenant>-tenant-admin`.
    """

    password: str = field(repr=False)
    roles: tuple[str, ...] = ("admin",)
    realm_roles: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


@dataclass(slots=True)
class Accounts:
    """The site's accounts.

    Attributes:
        clients: Secrets of service accounts, by client id; they may do everything.
        users: People, by name.
        lifetime_s: How long tokens last: `expires_in`.
        cluster_token: What the site's Kubernetes API takes; empty: nothing.
        dns_key: Of the site's PowerDNS; empty: nobody may ask it.
        vcs_password: Of the user `crayvcs` of its git server.
        nexus_password: Of the user `admin` of its Nexus; empty: nobody may write.
    """

    clients: dict[str, str] = field(default_factory=dict, repr=False)
    users: dict[str, UserAccount] = field(default_factory=dict)
    lifetime_s: int = DEFAULT_LIFETIME_S
    cluster_token: str = field(default="", repr=False)
    vcs_password: str = field(default="", repr=False)
    nexus_password: str = field(default="", repr=False)
    dns_key: str = field(default="", repr=False)


class TokenRefused(Exception):
    """A token that the gateway does not take; the text is Envoy's."""


class _KeyStore(Protocol):
    """Where the signing key lives: the site's `keys` records."""

    def get(self, key: str) -> dict[str, Any] | None: ...

    def put(self, key: str, record: dict[str, Any]) -> None: ...


class TokenMint:
    """Makes and reads the tokens of one site.

    Tokens are JSON Web Tokens signed with HS256 (Keycloak uses RS256): clients must not care.
    The key is kept with the site, so tokens outlive a restart as they do at a real one.
    """

    def __init__(self, keys: _KeyStore, issuer: str) -> None:
        record = keys.get("token-signing")
        if record is None:
            record = {"key": secrets.token_hex(32)}
            keys.put("token-signing", record)
        self._key = bytes.fromhex(record["key"])
        self._issuer = issuer

    def service_token(self, client_id: str, *, now_s: float, lifetime_s: int) -> str:
        """A token of a service account."""
        return self._sign(
            self._claims(now_s, lifetime_s, client_id)
            | {
                "clientId": client_id,
                "preferred_username": f"service-account-{client_id}",
                "resource_access": {USER_CLIENT: {"roles": ["admin"]}},
                "realm_access": {"roles": ["offline_access", "uma_authorization"]},
            }
        )

    def user_token(self, name: str, account: UserAccount, *, now_s: float, lifetime_s: int) -> str:
        """A token of a person."""
        return self._sign(
            self._claims(now_s, lifetime_s, USER_CLIENT)
            | {
                "name": name,
                "preferred_username": name,
                "resource_access": {USER_CLIENT: {"roles": list(account.roles)}},
                "realm_access": {"roles": ["offline_access", *account.realm_roles]},
                "groups": list(account.groups),
            }
        )

    def read(self, token: str, *, now_s: float) -> dict[str, Any]:
        """A token's claims.

        Raises:
            TokenRefused: It is no token, not of this site, or expired.
        """
        parts = token.split(".")
        if len(parts) != _PARTS:
            raise TokenRefused(
                "Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections"
            )
        head, payload, signature = parts
        if not hmac.compare_digest(self._signature(f"{head}.{payload}"), signature):
            raise TokenRefused("Jwt verification fails")
        claims = _parse(payload)
        if claims.get("exp", 0) <= now_s:
            raise TokenRefused("Jwt is expired")
        return claims

    def _claims(self, now_s: float, lifetime_s: int, client_id: str) -> dict[str, Any]:
        return {
            "exp": int(now_s) + lifetime_s,
            "iat": int(now_s),
            "jti": str(uuid.uuid4()),
            "iss": self._issuer,
            "aud": ["gatekeeper", USER_CLIENT, "account"],
            "sub": str(uuid.uuid4()),
            "typ": "Bearer",
            "azp": client_id,
            "session_state": str(uuid.uuid4()),
            "acr": "1",
            "scope": "profile email",
            "email_verified": False,
        }

    def _sign(self, claims: dict[str, Any]) -> str:
        head = _text(msgspec.json.encode({"alg": "HS256", "typ": "JWT", "kid": "lab"}))
        payload = _text(msgspec.json.encode(claims))
        return f"{head}.{payload}.{self._signature(f'{head}.{payload}')}"

    def _signature(self, signed: str) -> str:
        return _text(hmac.new(self._key, signed.encode(), hashlib.sha256).digest())


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _parse(payload: str) -> dict[str, Any]:
    try:
        raw = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
        return msgspec.json.decode(raw, type=dict[str, Any])
    except (binascii.Error, msgspec.DecodeError) as error:
        raise TokenRefused("Jwt payload is not valid") from error
