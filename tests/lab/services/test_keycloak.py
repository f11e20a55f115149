# SPDX-License-Identifier: Apache-2.0
"""Keycloak as the lab emulates it: logins that are renewed, and devices that wait."""

from __future__ import annotations

from typing import Any

from lab.services.fakes import Lab

REALM = "/keycloak/realms/shasta"
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"


async def post(lab: Lab, path: str, **form: str) -> Any:
    return await lab.client.post(f"{REALM}{path}", data=form)


async def poll(lab: Lab, device: dict[str, Any]) -> Any:
    return await lab.login(
        grant_type=DEVICE, client_id="shasta", device_code=device["device_code"]
    )


async def begin(lab: Lab) -> dict[str, Any]:
    answer = await post(lab, "/protocol/openid-connect/auth/device", client_id="shasta")
    device: dict[str, Any] = answer.json()
    return device


async def test_renews_a_login_by_a_token_that_is_good_once(csm17: Lab) -> None:
    """Keycloak: refresh_token answers another; the old one, and one logged out, are no more."""
    first = await csm17.login(
        grant_type="password", client_id="shasta", username="heidi", password="pass"
    )
    assert (first.status_code, first.json()["refresh_expires_in"]) == (200, 1800)
    renew = {"grant_type": "refresh_token", "client_id": "shasta"}
    second = await csm17.login(**renew, refresh_token=first.json()["refresh_token"])
    assert second.status_code == 200
    used = await csm17.login(**renew, refresh_token=first.json()["refresh_token"])
    assert (used.status_code, used.json()["error"]) == (400, "invalid_grant")
    token = second.json()["refresh_token"]
    ended = await post(
        csm17, "/protocol/openid-connect/logout", client_id="shasta", refresh_token=token
    )
    assert ended.status_code == 204
    assert (await csm17.login(**renew, refresh_token=token)).status_code == 400


async def test_a_login_that_is_not_renewed_ends(csm17: Lab) -> None:
    """Keycloak: 400 "Token is not active" after refresh_expires_in."""
    first = await csm17.login(
        grant_type="password", client_id="shasta", username="heidi", password="pass"
    )
    csm17.clock.now_s += 1801
    late = await csm17.login(
        grant_type="refresh_token",
        client_id="shasta",
        refresh_token=first.json()["refresh_token"],
    )
    assert (late.status_code, late.json()["error_description"]) == (400, "Token is not active")


async def test_lets_a_device_in_when_somebody_typed_its_code(csm17: Lab) -> None:
    """RFC 8628: authorization_pending, slow_down, then a token, once."""
    device = await begin(csm17)
    assert device["interval"] == 5
    assert (await poll(csm17, device)).json()["error"] == "authorization_pending"
    assert (await poll(csm17, device)).json()["error"] == "slow_down"
    person = {"username": "heidi", "password": "pass"}
    wrong = await post(csm17, "/device", user_code="AAAA-AAAA", **person)
    assert wrong.status_code == 400
    nobody = {"username": "heidi", "password": "no"}
    assert (
        await post(csm17, "/device", user_code=device["user_code"], **nobody)
    ).status_code == 401
    assert (
        await post(csm17, "/device", user_code=device["user_code"], **person)
    ).status_code == 200
    granted = await poll(csm17, device)
    assert granted.json()["refresh_token"]
    assert (await poll(csm17, device)).json()["error"] == "invalid_grant"


async def test_sends_a_device_away(csm17: Lab) -> None:
    """RFC 8628: access_denied, and expired_token after expires_in."""
    denied, late = await begin(csm17), await begin(csm17)
    await post(csm17, "/device", user_code=denied["user_code"], deny="1")
    assert (await poll(csm17, denied)).json()["error"] == "access_denied"
    csm17.clock.now_s += late["expires_in"]
    assert (await poll(csm17, late)).json()["error"] == "expired_token"
    other = await post(csm17, "/protocol/openid-connect/auth/device", client_id="other")
    assert (other.status_code, other.json()["error"]) == (401, "unauthorized_client")


async def test_tells_where_its_endpoints_are(csm17: Lab) -> None:
    """OpenID Connect Discovery."""
    answer = await csm17.client.get(f"{REALM}/.well-known/openid-configuration")
    assert answer.json()["token_endpoint"].endswith(f"{REALM}/protocol/openid-connect/token")
