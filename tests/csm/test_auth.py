# SPDX-License-Identifier: Apache-2.0
"""Tokens: fetched late, renewed early, renewed once when refused, shown never."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from pathlib import Path
from urllib.parse import parse_qs

import httpx2
import pytest

from csm.fakes import FakeSite, ok, problem
from poya.csm import BasicLogin, ClientCredentials, Password, Secret, Site, StaticToken
from poya.csm.accounts import AccountTokens
from poya.csm.keycloak import lifetime_of
from poya.errors import AuthenticationError, BadAnswer, ConfigError, ServiceFailure

IMAGES = "/apis/ims/v3/images"
TOKEN_PATH = "/keycloak/realms/shasta/protocol/openid-connect/token"
ACCOUNT = ClientCredentials("admin-client", Secret.of("s3cret-of-the-client"))


def grants(fake: FakeSite, *, expires_in: int | None = 300) -> list[str]:
    """Hand out token-1, token-2, …; IMS takes the newest only."""
    given: list[str] = []

    def grant(_: httpx2.Request) -> httpx2.Response:
        given.append(f"token-{len(given) + 1}")
        life = {} if expires_in is None else {"expires_in": expires_in}
        return ok({"access_token": given[-1], "token_type": "bearer", **life})

    def images(request: httpx2.Request) -> httpx2.Response:
        if given and request.headers.get("Authorization") == f"Bearer {given[-1]}":
            return ok([])
        return httpx2.Response(401, text="Jwt is expired")

    fake.on("POST", TOKEN_PATH, grant)
    fake.on("GET", IMAGES, images)
    return given


def keycloak_of(site: Site) -> AccountTokens:
    assert isinstance(site._credentials, AccountTokens)
    return site._credentials


async def test_a_service_account_sends_its_form_once(fake: FakeSite) -> None:
    given = grants(fake)
    async with fake.open(auth=ACCOUNT) as site:
        assert fake.requests == []
        await site.ims.images.list()
        await site.ims.images.list()
    assert given == ["token-1"]
    assert fake.requests[0].headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert parse_qs(fake.requests[0].content.decode()) == {
        "grant_type": ["client_credentials"],
        "client_id": ["admin-client"],
        "client_secret": ["s3cret-of-the-client"],
    }


async def test_a_user_sends_name_and_password(fake: FakeSite) -> None:
    grants(fake)
    async with fake.open(auth=Password("vera", Secret.of("p&ss=word"))) as site:
        await site.ims.images.list()
    assert parse_qs(fake.requests[0].content.decode()) == {
        "grant_type": ["password"],
        "client_id": ["shasta"],
        "username": ["vera"],
        "password": ["p&ss=word"],
    }


async def test_many_requests_at_once_share_one_token(fake: FakeSite) -> None:
    given = grants(fake)
    async with fake.open(auth=ACCOUNT) as site:
        await asyncio.gather(*(site.ims.images.list() for _ in range(10)))
    assert given == ["token-1"]


async def test_a_token_is_renewed_before_it_expires(fake: FakeSite) -> None:
    given = grants(fake, expires_in=300)
    now_s = 1000.0
    async with fake.open(auth=ACCOUNT) as site:
        keycloak_of(site).clock = lambda: now_s
        await site.ims.images.list()
        now_s += 269
        await site.ims.images.list()
        assert given == ["token-1"]
        now_s += 2
        await site.ims.images.list()
    assert given == ["token-1", "token-2"]


async def test_a_refused_token_is_renewed_once_and_shared(fake: FakeSite) -> None:
    given = grants(fake)
    async with fake.open(auth=ACCOUNT) as site:
        await site.ims.images.list()
        given.append("revoked by the site")
        await asyncio.gather(*(site.ims.images.list() for _ in range(5)))
    assert given == ["token-1", "revoked by the site", "token-3"]


async def test_a_token_that_stays_refused_ends_after_one_renewal(fake: FakeSite) -> None:
    given = grants(fake)
    fake.on("GET", IMAGES, httpx2.Response(401, text="Jwt issuer is not configured"))
    async with fake.open(auth=ACCOUNT) as site:
        with pytest.raises(AuthenticationError, match="401"):
            await site.ims.images.list()
    assert given == ["token-1", "token-2"]


async def test_a_post_refused_with_401_is_sent_again_with_the_new_token(fake: FakeSite) -> None:
    given = grants(fake)
    record = {"id": "1", "name": "blue", "arch": "x86_64"}
    fake.on("POST", IMAGES, httpx2.Response(401), ok(record, 201))
    async with fake.open(auth=ACCOUNT) as site:
        assert (await site.ims.images.create("blue")).id == "1"
    assert given == ["token-1", "token-2"]


@pytest.mark.parametrize("status", [400, 401])
async def test_a_refused_account_says_keycloaks_words_and_no_secret(
    fake: FakeSite, status: int
) -> None:
    said = {"error": "invalid_grant", "error_description": "not s3cret-of-the-client"}
    fake.on("POST", TOKEN_PATH, ok(said, status))
    async with fake.open(auth=ACCOUNT) as site:
        with pytest.raises(AuthenticationError, match="admin-client") as caught:
            await site.ims.images.list()
    assert caught.value.why == "invalid_grant: not ***"


async def test_a_keycloak_that_is_down_is_asked_again(fake: FakeSite) -> None:
    fake.on("POST", TOKEN_PATH, httpx2.Response(503))
    async with fake.open(auth=ACCOUNT) as site:
        with pytest.raises(ServiceFailure):
            await site.ims.images.list()
    assert len(fake.requests) == 4


@pytest.mark.parametrize("body", [b"{}", b'{"access_token":"', b'{"access_token":"a\\nb"}'])
async def test_an_answer_without_a_token_is_bad_and_not_quoted(
    fake: FakeSite, body: bytes
) -> None:
    fake.on("POST", TOKEN_PATH, httpx2.Response(200, content=body))
    async with fake.open(auth=ACCOUNT) as site:
        with pytest.raises(BadAnswer) as caught:
            await site.ims.images.list()
    assert "looks like" not in caught.value.why


async def test_the_token_can_be_had(fake: FakeSite) -> None:
    grants(fake)
    async with fake.open(auth=ACCOUNT) as site:
        token = await site.token()
    assert token is not None
    assert token.reveal() == "token-1"
    async with fake.open() as site:
        assert await site.token() is None


async def test_a_configured_token_url_is_used(fake: FakeSite) -> None:
    grants(fake)
    url = f"https://auth.cmn.gele.example{TOKEN_PATH}"
    account = ClientCredentials("admin-client", Secret.of("secret"), token_url=url)
    async with fake.open(auth=account, read_only=True) as site:
        await site.ims.images.list()
    assert str(fake.requests[0].url) == url


async def test_a_token_file_renewed_by_another_process_is_read_again(
    fake: FakeSite, tmp_path: Path
) -> None:
    given = grants(fake)
    given.append("new-token")
    path = tmp_path / "token"
    path.write_text("old-token\n")

    def renew(request: httpx2.Request) -> httpx2.Response:
        path.write_text("new-token\n")
        return httpx2.Response(401)

    fake.on("GET", IMAGES, renew, lambda _: ok([]))
    async with fake.open(auth=StaticToken(Secret.from_file(str(path)))) as site:
        await site.ims.images.list()
    tokens = [request.headers["Authorization"] for request in fake.requests]
    assert tokens == ["Bearer old-token", "Bearer new-token"]


async def test_a_static_token_that_is_refused_is_not_sent_twice(fake: FakeSite) -> None:
    fake.on("GET", IMAGES, httpx2.Response(401))
    async with fake.open(auth=StaticToken(Secret.of("token"))) as site:
        with pytest.raises(AuthenticationError):
            await site.ims.images.list()
    assert len(fake.requests) == 1


async def test_gitea_gets_its_own_login_and_never_the_token(fake: FakeSite) -> None:
    fake.on("GET", "/vcs/api/v1/version", ok({"version": "1.21.0"}))
    login = BasicLogin("crayvcs", Secret.of("vcs-password"))
    async with fake.open(auth=StaticToken(Secret.of("the-token")), vcs_login=login) as site:
        await site.vcs.version()
    pair = base64.b64encode(b"crayvcs:vcs-password").decode()
    assert fake.requests[0].headers["Authorization"] == f"Basic {pair}"
    async with fake.open(auth=StaticToken(Secret.of("the-token"))) as site:
        await site.vcs.version()
    assert "Authorization" not in fake.requests[1].headers


async def test_a_refused_vcs_password_is_not_quoted(fake: FakeSite) -> None:
    fake.on("GET", "/vcs/api/v1/version", problem(403, "vcs-password is wrong"))
    login = BasicLogin("crayvcs", Secret.of("vcs-password"))
    async with fake.open(vcs_login=login) as site:
        with pytest.raises(AuthenticationError) as caught:
            await site.vcs.version()
    assert caught.value.why == "*** is wrong"


async def test_nothing_secret_is_logged(fake: FakeSite, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    grants(fake)
    async with fake.open(auth=ACCOUNT) as site:
        await site.ims.images.list()
    assert "s3cret" not in caplog.text
    assert "token-1" not in caplog.text


def test_a_jwt_tells_its_lifetime_without_the_sites_clock() -> None:
    claims = base64.urlsafe_b64encode(json.dumps({"iat": 100, "exp": 400}).encode())
    assert lifetime_of(f"e30.{claims.decode().rstrip('=')}.sig") == 300


@pytest.mark.parametrize("token", ["", "opaque", "a.b.c", "a.!!!.c", "a.e30.c"])
def test_what_is_no_jwt_has_no_lifetime(token: str) -> None:
    assert lifetime_of(token) is None


def test_a_secret_never_shows_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POYA_TEST_SECRET", " hush \n")
    for secret in (Secret.of("hush"), Secret.from_env("POYA_TEST_SECRET")):
        assert secret.reveal() == "hush"
        assert f"{secret!r} {secret}" == "*** ***"
    assert "hush" not in repr(ClientCredentials("a", Secret.of("hush")))


@pytest.mark.parametrize("text", ["", " \n", "a\nb", "a\x00b"])
def test_a_secret_that_no_header_can_carry_is_refused_unseen(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Secret.of(text).reveal()
    assert "a\n" not in str(caught.value)


def test_a_missing_secret_names_where_it_should_be(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="POYA_NO_SUCH"):
        Secret.from_env("POYA_NO_SUCH").reveal()
    with pytest.raises(ConfigError, match="absent"):
        Secret.from_file(str(tmp_path / "absent")).reveal()
