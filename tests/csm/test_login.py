# SPDX-License-Identifier: Apache-2.0
"""Logins of people: by password or browser, kept in private, refreshed, ended."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs

import httpx2
import keyring
import pytest
from keyring.backend import KeyringBackend

from csm.fakes import FakeSite, ok
from poya.csm import FileTokens, KeyringTokens, Login, MemoryTokens, Tokens, TokenStore
from poya.csm.keycloak import Refused, claims_of
from poya.errors import AuthenticationError, ConfigError, PoyaError

IMAGES = "/apis/ims/v3/images"
REALM = "/keycloak/realms/shasta/protocol/openid-connect"
CODE = {
    "device_code": "the-device-code",
    "user_code": "ABCD-EFGH",
    "verification_uri": "https://auth.example/device",
    "expires_in": 600,
    "interval": 5,
}


def refused(error: str, status: int = 400) -> httpx2.Response:
    return ok({"error": error, "error_description": "why"}, status)


def granted(number: int, **more: object) -> httpx2.Response:
    return ok({"access_token": f"token-{number}", "refresh_token": f"refresh-{number}", **more})


def forms(fake: FakeSite) -> list[dict[str, list[str]]]:
    posts = [request for request in fake.requests if request.method == "POST"]
    return [parse_qs(request.content.decode()) for request in posts]


async def test_a_password_login_keeps_what_keycloak_gave(fake: FakeSite) -> None:
    fake.on("POST", f"{REALM}/token", granted(1, expires_in=300))
    async with fake.open(auth=Login(MemoryTokens()), read_only=True) as site:
        tokens = await site.realm().log_in_with_password("me", "hunter2hunter2")
    assert (tokens.access_token, tokens.refresh_token) == ("token-1", "refresh-1")
    assert tokens.expires_at_s is not None
    assert 200 < tokens.expires_at_s - time.time() <= 300
    assert forms(fake)[0] == {
        "grant_type": ["password"],
        "client_id": ["shasta"],
        "username": ["me"],
        "password": ["hunter2hunter2"],
    }
    assert "token" not in repr(tokens)


async def test_a_wrong_password_is_refused_and_not_shown(fake: FakeSite) -> None:
    fake.on(
        "POST",
        f"{REALM}/token",
        ok({"error": "invalid_grant", "error_description": "hunter2hunter2?"}, 401),
    )
    async with fake.open(auth=Login(MemoryTokens())) as site:
        with pytest.raises(Refused) as caught:
            await site.realm().log_in_with_password("me", "hunter2hunter2")
    assert caught.value.code == "invalid_grant"
    assert "hunter2" not in "".join(caught.value.lines())
    assert caught.value.exit_code == 16


async def test_a_browser_login_waits_and_slows_down_when_told(fake: FakeSite) -> None:
    fake.on("POST", f"{REALM}/auth/device", ok(CODE))
    pending, slower = refused("authorization_pending"), refused("slow_down")
    fake.on("POST", f"{REALM}/token", pending, slower, pending, granted(1))
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    async with fake.open(auth=Login(MemoryTokens()), read_only=True) as site:
        realm = site.realm()
        realm.sleep = sleep
        code = await realm.begin_device_login()
        assert code.user_code == "ABCD-EFGH"
        assert "the-device-code" not in repr(code)
        tokens = await realm.end_device_login(code)
    assert tokens.access_token == "token-1"
    assert waits == [5, 5, 10, 10]
    assert forms(fake)[1]["device_code"] == ["the-device-code"]


@pytest.mark.parametrize("error", ["access_denied", "expired_token"])
async def test_a_declined_browser_login_ends(fake: FakeSite, error: str) -> None:
    fake.on("POST", f"{REALM}/auth/device", ok({**CODE, "interval": 1}))
    fake.on("POST", f"{REALM}/token", refused(error))

    async def sleep(_: float) -> None:
        return None

    async with fake.open(auth=Login(MemoryTokens())) as site:
        realm = site.realm()
        realm.sleep = sleep
        with pytest.raises(AuthenticationError):
            await realm.end_device_login(await realm.begin_device_login())


async def test_tokens_about_to_end_are_refreshed_once_and_kept(fake: FakeSite) -> None:
    store = MemoryTokens(Tokens("token-0", "refresh-0", time.time() + 5))
    fake.on("POST", f"{REALM}/token", granted(1, expires_in=300))
    fake.on("GET", IMAGES, ok([]))
    async with fake.open(auth=Login(store), read_only=True) as site:
        await site.ims.images.list()
        await site.ims.images.list()
    assert [form["refresh_token"] for form in forms(fake)] == [["refresh-0"]]
    assert store.tokens is not None
    assert store.tokens.refresh_token == "refresh-1"
    sent = [r.headers["Authorization"] for r in fake.requests if r.method == "GET"]
    assert sent == ["Bearer token-1"] * 2


async def test_a_token_refused_early_is_refreshed(fake: FakeSite) -> None:
    store = MemoryTokens(Tokens("token-0", "refresh-0", None))
    fake.on("POST", f"{REALM}/token", granted(1))
    fake.on("GET", IMAGES, httpx2.Response(401, text="Jwt is expired"), ok([]))
    async with fake.open(auth=Login(store)) as site:
        await site.ims.images.list()
    assert store.tokens is not None
    assert store.tokens.access_token == "token-1"


async def test_what_another_process_refreshed_is_used(fake: FakeSite) -> None:
    store = MemoryTokens(Tokens("token-0", "refresh-0", time.time() - 1))

    def beaten(_: httpx2.Request) -> httpx2.Response:
        store.tokens = Tokens("token-other", "refresh-other", time.time() + 300)
        return refused("invalid_grant")

    fake.on("POST", f"{REALM}/token", beaten)
    fake.on("GET", IMAGES, ok([]))
    async with fake.open(auth=Login(store)) as site:
        await site.ims.images.list()
    assert fake.requests[-1].headers["Authorization"] == "Bearer token-other"


@pytest.mark.parametrize(
    "tokens", [None, Tokens("token-0", "", 1.0), Tokens("token-0", "refresh-0", 1.0)]
)
async def test_a_login_that_ended_says_what_to_do(fake: FakeSite, tokens: Tokens | None) -> None:
    fake.on("POST", f"{REALM}/token", refused("invalid_grant"))
    login = Login(MemoryTokens(tokens), advice="Type: poya login --site gele")
    async with fake.open(auth=login) as site:
        with pytest.raises(AuthenticationError) as caught:
            await site.ims.images.list()
    assert caught.value.what == "Nobody is logged in to gele."
    assert caught.value.todo == "Type: poya login --site gele"
    assert fake.asked() == ([f"POST {REALM}/token"] if tokens and tokens.refresh_token else [])


async def test_logging_out_ends_the_login_at_keycloak(fake: FakeSite) -> None:
    fake.on("POST", f"{REALM}/logout", httpx2.Response(204), refused("invalid_grant"))
    async with fake.open(auth=Login(MemoryTokens()), read_only=True) as site:
        for _ in range(2):
            await site.realm().log_out(Tokens("token-1", "refresh-1"))
    assert forms(fake)[0]["refresh_token"] == ["refresh-1"]


async def test_a_site_with_a_token_of_its_own_has_no_realm(fake: FakeSite) -> None:
    async with fake.open() as site:
        with pytest.raises(ConfigError):
            site.realm()


def _file(directory: Path) -> TokenStore:
    return FileTokens(directory / "tokens" / "gele.json")


def _keyring(_: Path) -> TokenStore:
    return KeyringTokens("gele")


@pytest.fixture(params=["file", "memory", "keyring"])
def store(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> TokenStore:
    if request.param == "keyring":
        keyring.set_keyring(MemoryKeyring())
    makers: dict[str, Callable[[Path], TokenStore]] = {
        "file": _file,
        "memory": lambda _: MemoryTokens(),
        "keyring": _keyring,
    }
    return makers[request.param](tmp_path)


class MemoryKeyring(KeyringBackend):
    """A keyring that is always unlocked."""

    priority = 1.0

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # the library's own
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.kept[service, username]


class TestEveryStore:
    def test_holds_nothing_at_first(self, store: TokenStore) -> None:
        assert store.load() is None
        store.clear()

    def test_gives_back_what_was_saved_last(self, store: TokenStore) -> None:
        store.save(Tokens("token-1", "refresh-1", 1.5))
        store.save(Tokens("token-2", "", None))
        assert store.load() == Tokens("token-2", "", None)

    def test_forgets(self, store: TokenStore) -> None:
        store.save(Tokens("token-1"))
        store.clear()
        assert store.load() is None

    def test_says_where_it_is(self, store: TokenStore) -> None:
        assert store.origin


def test_a_token_file_is_private_and_one_that_is_not_is_refused(tmp_path: Path) -> None:
    store = FileTokens(tmp_path / "t" / "gele.json")
    store.save(Tokens("token-1"))
    assert store.path.stat().st_mode & 0o777 == 0o600
    assert store.path.parent.stat().st_mode & 0o777 == 0o700
    assert [*store.path.parent.iterdir()] == [store.path]
    store.path.chmod(0o640)
    with pytest.raises(ConfigError, match="Others than you"):
        store.load()


@pytest.mark.parametrize("content", [b"", b"{", b'{"access_token": 1}', b"\xff", b"[]"])
def test_a_damaged_token_file_is_told_without_its_content(tmp_path: Path, content: bytes) -> None:
    store = FileTokens(tmp_path / "gele.json")
    store.save(Tokens("token-1"))
    store.path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        store.load()
    assert caught.value.__cause__ is None


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PoyaError, match="cannot be written"):
        FileTokens(tmp_path / "file" / "gele.json").save(Tokens("t"))


@pytest.mark.parametrize("token", ["", "a", "a.b", "a.!.c", "a.bnVsbA.c", "a.W10.c"])
def test_a_token_that_is_no_jwt_makes_no_claims(token: str) -> None:
    assert claims_of(token) == {}
