# SPDX-License-Identifier: Apache-2.0
"""The gateway: tokens, who may do what, the log of requests, and cray-sts behind it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from lab.services.fakes import Lab, make_lab
from poya.lab.gateway import build_gateway
from poya.lab.services.identity import Accounts

IMAGES = "/apis/ims/v3/images"


async def user(lab: Lab, name: str) -> Lab:
    answer = await lab.login(
        grant_type="password", client_id="shasta", username=name, password="pass"
    )
    lab.token = answer.json()["access_token"]
    return lab


async def test_grants_a_token_for_a_client_secret(csm16: Lab) -> None:
    """Keycloak: client_credentials of admin-client, a year long."""
    answer = await csm16.login(
        grant_type="client_credentials", client_id="admin-client", client_secret="s3cret"
    )
    grant = answer.json()
    assert (answer.status_code, grant["expires_in"], grant["token_type"]) == (
        200,
        31_536_000,
        "bearer",
    )
    assert grant["access_token"].count(".") == 2


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({"grant_type": "client_credentials", "client_id": "x"}, 401, "unauthorized_client"),
        (
            {
                "grant_type": "client_credentials",
                "client_id": "admin-client",
                "client_secret": "ü",
            },
            401,
            "unauthorized_client",
        ),
        (
            {"grant_type": "password", "client_id": "shasta", "username": "heidi", "password": ""},
            401,
            "invalid_grant",
        ),
        ({"grant_type": "password", "client_id": "other"}, 401, "unauthorized_client"),
        ({"grant_type": "magic"}, 400, "unsupported_grant_type"),
        ({}, 400, "invalid_request"),
    ],
)
async def test_refuses_wrong_credentials(
    csm16: Lab, form: dict[str, str], status: int, error: str
) -> None:
    """Keycloak: its own error bodies."""
    answer = await csm16.login(**form)
    assert (answer.status_code, answer.json()["error"]) == (status, error)


async def test_asks_for_a_token_at_apis(csm16: Lab) -> None:
    """Envoy: 401 in plain text, with a challenge."""
    answer = await csm16.client.get(IMAGES)
    assert (answer.status_code, answer.text) == (401, "Jwt is missing")
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_refuses_tokens_that_are_not_its_own(csm16: Lab, csm17: Lab) -> None:
    """Envoy: forged, foreign or mangled tokens are a 401."""
    good = csm16.token
    head, payload, signature = good.split(".")
    for token in ("nonsense", f"{head}.{payload}.AAAA", f"{head}.AAAA.{signature}", csm17.token):
        csm16.token = token
        assert (await csm16.call("GET", IMAGES)).status_code == 401


async def test_refuses_an_expired_token(csm16: Lab) -> None:
    """Envoy: 401 "Jwt is expired" from the second on that expires_in told."""
    csm16.site.accounts.lifetime_s = 300
    await user(csm16, "heidi")
    csm16.clock.now_s += 299
    assert (await csm16.call("GET", IMAGES)).status_code == 200
    csm16.clock.now_s += 1
    answer = await csm16.call("GET", IMAGES)
    assert (answer.status_code, answer.text) == (401, "Jwt is expired")


async def test_takes_tokens_from_before_a_restart(csm16: Lab) -> None:
    """The signing key belongs to the site's records."""
    before = await user(csm16, "heidi")
    after = make_lab("1.6", csm16.site.state)
    after.token = before.token
    assert (await after.call("GET", IMAGES)).status_code == 200


async def test_refuses_people_without_the_role(csm16: Lab) -> None:
    """cray-opa: neither admin nor tenant-admin: 403."""
    await user(csm16, "guest")
    assert (await csm16.call("GET", IMAGES)).status_code == 403


@pytest.mark.parametrize("tenant", ["ab", "Blue", "-blue", "blue-", "b lue"])
async def test_refuses_odd_tenant_names(csm16: Lab, tenant: str) -> None:
    """cray-opa: the header must be a name of three characters or more, even for admins."""
    assert (await csm16.call("GET", IMAGES, tenant=tenant)).status_code == 403


async def test_lets_tenant_admins_do_little(csm16: Lab) -> None:
    """cray-opa: they read BOS and start sessions for their own tenant, nothing else."""
    csm16.site.state.tenants.put("blue", {})
    await user(csm16, "peter")
    templates = "/apis/bos/v2/sessiontemplates"

    async def status(method: str, path: str, **more: Any) -> int:
        return (await csm16.call(method, path, **more)).status_code

    assert await status("GET", templates, tenant="blue") == 200
    assert await status("GET", templates, tenant="red") == 403
    assert await status("GET", templates) == 403
    assert await status("PUT", f"{templates}/t", body={}, tenant="blue") == 403
    assert await status("POST", "/apis/bos/v2/sessions", body={}, tenant="blue") == 400
    assert await status("GET", IMAGES, tenant="blue") == 403
    assert await status("GET", "/apis/cfs/v3/configurations", tenant="blue") == 403


async def test_lets_tenant_admins_configure_from_1_7(csm17: Lab) -> None:
    """cray-opa of CSM 1.7: CFS v3 configurations too, but not deleting them."""
    csm17.site.state.tenants.put("blue", {})
    await user(csm17, "peter")
    path = "/apis/cfs/v3/configurations/c"
    assert (await csm17.call("PUT", path, {"layers": []}, tenant="blue")).status_code == 200
    assert (await csm17.call("DELETE", path, tenant="blue")).status_code == 403


async def test_has_no_route_for_what_it_does_not_emulate(csm16: Lab) -> None:
    """Envoy: 404 without a body."""
    for path in ("/apis/nothing/v1", "/", "/apis"):
        answer = await csm16.call("GET", path)
        assert (answer.status_code, answer.text) == (404, "")


async def test_serves_vcs_without_a_token(csm16: Lab) -> None:
    """Gitea asks for credentials itself; the gateway hands it the path and the root path."""
    assert (await csm16.client.get("/vcs/api/v1/version")).status_code == 404

    async def gitea(scope: Scope, receive: Receive, send: Send) -> None:
        text = f"{scope['root_path']} {scope['path']}"
        await PlainTextResponse(text)(scope, receive, send)

    csm16.site.vcs_app = gitea
    assert (await csm16.client.get("/vcs/x")).text == "/vcs /vcs/x"


async def test_issues_storage_credentials(csm16: Lab) -> None:
    """cray-sts: PUT answers 201 with credentials for an hour."""
    answer = await csm16.call("PUT", "/apis/sts/token")
    assert answer.status_code == 201
    assert answer.json() == {
        "Credentials": {
            "AccessKeyId": "AK",
            "SecretAccessKey": "SK",
            "SessionToken": "ST",
            "Expiration": "in 3600 s",
            "EndpointURL": "http://s3.example",
        }
    }
    assert await csm16.json("GET", "/apis/sts/healthz") == {"Status": "ok"}


async def test_logs_requests_and_knows_which_could_change_the_site(csm16: Lab) -> None:
    """Tokens, temporary credentials and queries by POST do not count as changes."""
    await csm16.call("GET", IMAGES)
    await csm16.call("PUT", "/apis/sts/token")
    await csm16.call("POST", "/apis/smd/hsm/v2/State/Components/Query", {"ComponentIDs": ["all"]})
    await csm16.call("POST", IMAGES, {"name": "n"})
    await csm16.call("DELETE", f"{IMAGES}/none")
    log = (await csm16.client.get("/_lab/requests")).json()
    assert [(r["service"], r["status"], r["mutating"]) for r in log] == [
        ("keycloak", 200, False),
        ("ims", 200, False),
        ("sts", 201, False),
        ("smd", 200, False),
        ("ims", 201, True),
        ("ims", 404, True),
    ]
    changes = (await csm16.client.get("/_lab/requests?mutating=true")).json()
    assert [r["method"] for r in changes] == ["POST", "DELETE"]
    assert [r.number for r in csm16.site.requests.entries(mutating=True)] == [5, 6]


async def test_forgets_logged_requests_on_demand(csm16: Lab) -> None:
    assert (await csm16.client.delete("/_lab/requests")).status_code == 204
    assert csm16.site.requests.entries() == []


async def test_describes_the_site(csm16: Lab) -> None:
    described = (await csm16.client.get("/_lab/site")).json()
    assert described["release"] == "1.6"
    assert described["domain"] == "alps.example.org"


async def test_never_shows_secrets(csm16: Lab) -> None:
    """Neither in reprs nor in the site's own."""
    assert "s3cret" not in repr(csm16.site)
    assert "pass" not in repr(csm16.site.accounts.users["heidi"])
    assert "hush" not in repr(Accounts(clients={"c": "hush"}))


async def test_answers_the_lifespan_protocol(csm16: Lab) -> None:
    """What a server asks at start and end."""
    app = build_gateway(csm16.site)
    told: list[str] = []
    asked = iter(["lifespan.startup", "lifespan.shutdown"])

    async def receive() -> dict[str, Any]:
        return {"type": next(asked)}

    async def send(message: Mapping[str, Any]) -> None:
        told.append(message["type"])

    await app({"type": "lifespan", "state": {}}, receive, send)
    assert told == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
