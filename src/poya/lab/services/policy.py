# SPDX-License-Identifier: Apache-2.0
"""Who may pass the API gateway: Envoy's check of the token, then the policy of cray-opa."""

from __future__ import annotations

import re
from typing import Any

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response

from poya.lab.profiles import ReleaseProfile
from poya.lab.services.identity import USER_CLIENT, TokenMint, TokenRefused

TENANT_HEADER = "Cray-Tenant-Name"

_TENANT_NAME = re.compile(r"^[a-z0-9][a-z0-9\-\.]{1,251}[a-z0-9]$")
_TENANT_READS = re.compile(
    r"/apis/bos/v2(/(components|sessions|sessiontemplates|version|healthz)(/.*)?)?"
)
_TENANT_POSTS = re.compile(r"/apis/bos/v2/(sessions|applystaged)")
_TENANT_CONFIGURES = re.compile(r"/apis/cfs/v3/configurations(/.*)?")


class Policy:
    """What the gateway lets through to /apis."""

    def __init__(self, mint: TokenMint, profile: ReleaseProfile) -> None:
        self._mint = mint
        self._profile = profile

    def refusal(self, method: str, path: str, headers: Headers, now_s: float) -> Response | None:
        """None if the request may pass: else 401 for the token or 403 for what it may do."""
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            return unauthorised("Jwt is missing")
        try:
            claims = self._mint.read(token.strip(), now_s=now_s)
        except TokenRefused as refusal:
            return unauthorised(str(refusal))
        if self._allows(method, path, headers.get(TENANT_HEADER), claims):
            return None
        return Response(status_code=403)

    def _allows(self, method: str, path: str, tenant: str | None, claims: dict[str, Any]) -> bool:
        if tenant is not None and not _TENANT_NAME.match(tenant):
            return False
        if "admin" in _roles(claims):
            return True
        if "tenant-admin" not in claims.get("realm_access", {}).get("roles", ()):
            return False
        if tenant is None or f"{tenant}-tenant-admin" not in _groups(claims):
            return False
        return self._tenant_admin_may(method, path)

    def _tenant_admin_may(self, method: str, path: str) -> bool:
        if method in ("GET", "HEAD") and _TENANT_READS.fullmatch(path):
            return True
        if method == "POST" and _TENANT_POSTS.fullmatch(path):
            return True
        configures = self._profile.tenant_admins_configure and method in ("GET", "PUT", "PATCH")
        return bool(configures and _TENANT_CONFIGURES.fullmatch(path))


def _roles(claims: dict[str, Any]) -> list[str]:
    roles: list[str] = claims.get("resource_access", {}).get(USER_CLIENT, {}).get("roles", [])
    return roles


def _groups(claims: dict[str, Any]) -> list[str]:
    return [group.lstrip("/") for group in claims.get("groups", [])]


def unauthorised(words: str) -> Response:
    """What Envoy answers to a token that it does not take."""
    challenge = 'Bearer realm="shasta"' + (
        "" if words == "Jwt is missing" else ', error="invalid_token"'
    )
    return PlainTextResponse(words, 401, headers={"www-authenticate": challenge})
