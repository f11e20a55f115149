# SPDX-License-Identifier: Apache-2.0
"""Keycloak: the realm `shasta`: tokens, logins by device, and what clients discover."""

from __future__ import annotations

import hmac
import uuid
from collections.abc import Mapping
from html import escape
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from poya.lab.services.answers import go_app, json_answer, no_content
from poya.lab.services.identity import USER_CLIENT, TokenMint
from poya.lab.services.logins import DEVICE_S, INTERVAL_S, REFRESH_S, Device, Logins
from poya.lab.site import LabSite

REALM_PATH = "/keycloak/realms/shasta"
_OIDC = "/protocol/openid-connect"
_DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_GRANTS = ("client_credentials", "password", "refresh_token", _DEVICE_GRANT)
_PAGE = """<!DOCTYPE html><title>Device login</title><p>{words}</p>
<form method="post"><input name="user_code" value="{code}" placeholder="code">
<input name="username" placeholder="user"><input name="password" type="password">
<button>Log in</button><button name="deny" value="1">No</button></form>
"""


class Keycloak:
    """The endpoints of the realm `shasta`."""

    def __init__(self, site: LabSite, mint: TokenMint) -> None:
        self._site = site
        self._mint = mint
        self._logins = Logins(site.state.kind("keycloak_sessions"))

    def app(self) -> Starlette:
        """The endpoints, to be mounted at the realm."""
        return go_app(
            [
                Route("/.well-known/openid-configuration", self.discover, methods=["GET"]),
                Route(f"{_OIDC}/token", self.token, methods=["POST"]),
                Route(f"{_OIDC}/auth/device", self.add_device, methods=["POST"]),
                Route(f"{_OIDC}/logout", self.log_out, methods=["POST"]),
                Route("/device", self.show_device, methods=["GET"]),
                Route("/device", self.admit_device, methods=["POST"]),
            ]
        )

    async def discover(self, request: Request) -> Response:
        """Where everything is (OpenID Connect Discovery)."""
        base = _base(request)
        return json_answer(
            {
                "issuer": f"{self._site.api_url}{REALM_PATH}",
                "token_endpoint": f"{base}{_OIDC}/token",
                "device_authorization_endpoint": f"{base}{_OIDC}/auth/device",
                "end_session_endpoint": f"{base}{_OIDC}/logout",
                "grant_types_supported": list(_GRANTS),
            }
        )

    async def token(self, request: Request) -> Response:
        """Grant a token for client credentials, a password, a login or a device."""
        form = _form(await request.body())
        match form.get("grant_type"):
            case "client_credentials":
                return self._for_client(form)
            case "password" | "refresh_token" | "urn:ietf:params:oauth:grant-type:device_code":
                return self._for_person(form)
            case None:
                return _refusal(400, "invalid_request", "Missing form parameter: grant_type")
        return _refusal(400, "unsupported_grant_type", "Unsupported grant_type")

    async def add_device(self, request: Request) -> Response:
        """Begin a login by device: two codes, one for the device and one for its user."""
        if _form(await request.body()).get("client_id") != USER_CLIENT:
            return _bad_client()
        device = self._logins.add_device(self._site.wall_s())
        uri = f"{_base(request)}/device"
        return json_answer(
            {
                "device_code": device.device_code,
                "user_code": device.user_code,
                "verification_uri": uri,
                "verification_uri_complete": f"{uri}?user_code={device.user_code}",
                "expires_in": DEVICE_S,
                "interval": INTERVAL_S,
            }
        )

    async def show_device(self, request: Request) -> Response:
        """The page on which somebody types the code that the device shows."""
        return _page("Log in the device that shows this code.", request.query_params)

    async def admit_device(self, request: Request) -> Response:
        """Let a device in, or send it away."""
        form = dict(request.query_params) | _form(await request.body())
        device = self._logins.device_of_user_code(form.get("user_code", ""), self._site.wall_s())
        if device is None:
            return _page("Invalid code, please try again.", form, 400)
        if form.get("deny"):
            device.denied = True
            return _page("The device was not let in.", form)
        name = form.get("username", "")
        if not self._knows(name, form.get("password", "")):
            return _page("Invalid username or password.", form, 401)
        device.user = name
        return _page("Device login successful.", form)

    async def log_out(self, request: Request) -> Response:
        """End a login: its refresh token is worth nothing from now on."""
        form = _form(await request.body())
        token = form.get("refresh_token", "")
        if self._logins.user_of(token, self._site.wall_s()) is None:
            return _refusal(400, "invalid_grant", "Invalid refresh token")
        self._logins.end(token)
        return no_content()

    def _for_client(self, form: Mapping[str, str]) -> Response:
        client_id = form.get("client_id", "")
        secret = self._site.accounts.clients.get(client_id)
        if secret is None or not _same(secret, form.get("client_secret", "")):
            return _bad_client()
        token = self._mint.service_token(
            client_id, now_s=self._site.wall_s(), lifetime_s=self._site.accounts.lifetime_s
        )
        return self._grant(token)

    def _for_person(self, form: Mapping[str, str]) -> Response:
        if form.get("client_id") != USER_CLIENT:
            return _bad_client()
        match form["grant_type"]:
            case "password":
                return self._for_password(form)
            case "refresh_token":
                return self._for_login(form.get("refresh_token", ""))
        return self._for_device(form.get("device_code", ""))

    def _for_password(self, form: Mapping[str, str]) -> Response:
        name = form.get("username", "")
        if not self._knows(name, form.get("password", "")):
            return _refusal(401, "invalid_grant", "Invalid user credentials")
        return self._log_in(name)

    def _for_login(self, token: str) -> Response:
        user = self._logins.user_of(token, self._site.wall_s())
        if user is None or user not in self._site.accounts.users:
            return _refusal(400, "invalid_grant", "Token is not active")
        self._logins.end(token)
        return self._log_in(user)

    def _for_device(self, device_code: str) -> Response:
        device, now_s = self._logins.device(device_code), self._site.wall_s()
        if device is None:
            return _refusal(400, "invalid_grant", "Device code not valid")
        if device.ends_s <= now_s:
            return _refusal(400, "expired_token", "Device code is expired")
        if device.denied:
            return _refusal(400, "access_denied", "The end user denied the authorization request")
        if device.user:
            self._logins.forget_device(device)
            return self._log_in(device.user)
        return _not_yet(device, now_s)

    def _log_in(self, name: str) -> Response:
        account, now_s = self._site.accounts.users[name], self._site.wall_s()
        lifetime_s = self._site.accounts.lifetime_s
        token = self._mint.user_token(name, account, now_s=now_s, lifetime_s=lifetime_s)
        return self._grant(token, self._logins.begin(name, now_s))

    def _knows(self, name: str, password: str) -> bool:
        account = self._site.accounts.users.get(name)
        return account is not None and _same(account.password, password)

    def _grant(self, token: str, refresh_token: str = "") -> Response:
        return json_answer(
            {
                "access_token": token,
                "expires_in": self._site.accounts.lifetime_s,
                "refresh_expires_in": REFRESH_S if refresh_token else 0,
                "refresh_token": refresh_token,
                "token_type": "bearer",
                "not-before-policy": 0,
                "session_state": str(uuid.uuid4()),
                "scope": "profile email",
            }
        )


def _not_yet(device: Device, now_s: float) -> Response:
    early = now_s - device.asked_s < INTERVAL_S
    device.asked_s = now_s
    if early:
        return _refusal(400, "slow_down", "Slow down")
    return _refusal(400, "authorization_pending", "The authorization request is still pending")


def _base(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}{REALM_PATH}"


def _form(raw: bytes) -> dict[str, str]:
    pairs = parse_qs(raw.decode("utf-8", "replace"), keep_blank_values=True)
    return {name: values[-1] for name, values in pairs.items()}


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def _page(words: str, form: Mapping[str, str], status: int = 200) -> Response:
    code = escape(form.get("user_code", ""), quote=True)
    return HTMLResponse(_PAGE.format(words=words, code=code), status)


def _bad_client() -> Response:
    return _refusal(401, "unauthorized_client", "Invalid client or Invalid client credentials")


def _refusal(status: int, error: str, description: str) -> Response:
    return json_answer({"error": error, "error_description": description}, status)
