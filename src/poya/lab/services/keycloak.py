# SPDX-License-Identifier: Apache-2.0
"""Keycloak: `POST /keycloak/realms/shasta/protocol/openid-connect/token`."""

from __future__ import annotations

import hmac
import uuid
from collections.abc import Mapping
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from poya.lab.services.answers import go_app, json_answer
from poya.lab.services.identity import USER_CLIENT, TokenMint
from poya.lab.site import LabSite

REALM_PATH = "/keycloak/realms/shasta"


class Keycloak:
    """The token endpoint of the realm `shasta`."""

    def __init__(self, site: LabSite, mint: TokenMint) -> None:
        self._site = site
        self._mint = mint

    def app(self) -> Starlette:
        """The endpoint, to be mounted at the realm."""
        return go_app([Route("/protocol/openid-connect/token", self.token, methods=["POST"])])

    async def token(self, request: Request) -> Response:
        """Grant a token for client credentials or a password."""
        form = _form(await request.body())
        grant = form.get("grant_type")
        if grant == "client_credentials":
            return self._for_client(form)
        if grant == "password":
            return self._for_user(form)
        if grant is None:
            return _refusal(400, "invalid_request", "Missing form parameter: grant_type")
        return _refusal(400, "unsupported_grant_type", "Unsupported grant_type")

    def _for_client(self, form: Mapping[str, str]) -> Response:
        client_id = form.get("client_id", "")
        secret = self._site.accounts.clients.get(client_id)
        if secret is None or not _same(secret, form.get("client_secret", "")):
            return _refusal(
                401, "unauthorized_client", "Invalid client or Invalid client credentials"
            )
        token = self._mint.service_token(
            client_id, now_s=self._site.wall_s(), lifetime_s=self._site.accounts.lifetime_s
        )
        return self._grant(token)

    def _for_user(self, form: Mapping[str, str]) -> Response:
        if form.get("client_id") != USER_CLIENT:
            return _refusal(
                401, "unauthorized_client", "Invalid client or Invalid client credentials"
            )
        name = form.get("username", "")
        account = self._site.accounts.users.get(name)
        if account is None or not _same(account.password, form.get("password", "")):
            return _refusal(401, "invalid_grant", "Invalid user credentials")
        token = self._mint.user_token(
            name, account, now_s=self._site.wall_s(), lifetime_s=self._site.accounts.lifetime_s
        )
        return self._grant(token)

    def _grant(self, token: str) -> Response:
        return json_answer(
            {
                "access_token": token,
                "expires_in": self._site.accounts.lifetime_s,
                "refresh_expires_in": 0,
                "refresh_token": "",
                "token_type": "bearer",
                "not-before-policy": 0,
                "session_state": str(uuid.uuid4()),
                "scope": "profile email",
            }
        )


def _form(raw: bytes) -> dict[str, str]:
    pairs = parse_qs(raw.decode("utf-8", "replace"), keep_blank_values=True)
    return {name: values[-1] for name, values in pairs.items()}


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def _refusal(status: int, error: str, description: str) -> Response:
    return json_answer({"error": error, "error_description": description}, status)
