# SPDX-License-Identifier: Apache-2.0
"""BSS, STS and the site's Gitea."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from csm.fakes import FakeSite, ok, problem
from poya.csm import Site, repository_of
from poya.documents import JsonObject
from poya.errors import BadAnswer, NotFound, ServiceFailure, UsageError

BSS = "/apis/bss/boot/v1/bootparameters"
REPOS = "/vcs/api/v1/repos"
COMMIT = "a" * 40


async def test_no_boot_parameters_at_all_is_null(fake: FakeSite, site: Site) -> None:
    fake.on("GET", BSS, httpx2.Response(200, text="null\n"))
    assert await site.bss.boot_parameters.list() == ()


async def test_boot_parameters_of_a_host_are_found_by_name(fake: FakeSite, site: Site) -> None:
    row = {"hosts": ["x1"], "params": "root=x", "cloud-init": {"meta-data": None}}
    fake.on("GET", BSS, ok([row]))
    found = await site.bss.boot_parameters.get("x1")
    assert fake.asked() == [f"GET {BSS}?name=x1"]
    assert (found.hosts, found.cloud_init) == (("x1",), {"meta-data": None})


@pytest.mark.parametrize("answer", [problem(404, "not found"), httpx2.Response(200, text="null")])
async def test_a_host_without_boot_parameters_is_not_found(
    fake: FakeSite, site: Site, answer: httpx2.Response
) -> None:
    fake.on("GET", BSS, answer)
    with pytest.raises(NotFound):
        await site.bss.boot_parameters.get("x1")


@pytest.mark.parametrize(
    "body", [{}, {"kernel": "s3://k"}, {"hosts": []}, {"hosts": [""]}, {"hosts": None}]
)
async def test_boot_parameters_for_nobody_are_never_sent(
    fake: FakeSite, site: Site, body: JsonObject
) -> None:
    for write in (site.bss.boot_parameters.put, site.bss.boot_parameters.create):
        with pytest.raises(UsageError):
            await write(body)
    with pytest.raises(UsageError):
        await site.bss.boot_parameters.delete([])
    with pytest.raises(UsageError):
        await site.bss.boot_parameters.get("")
    assert fake.requests == []


async def test_boot_parameters_are_deleted_by_a_body(fake: FakeSite, site: Site) -> None:
    fake.on("DELETE", BSS, httpx2.Response(200))
    await site.bss.boot_parameters.delete(["x1"])
    assert fake.body() == {"hosts": ["x1"]}


async def test_bss_tells_its_version(fake: FakeSite, site: Site) -> None:
    fake.on("GET", "/apis/bss/boot/v1/service/version", ok({"bss-version": "1.37.0"}))
    assert str(await site.bss.version()) == "1.37.0"


def token(**changes: str) -> dict[str, Any]:
    given = {
        "AccessKeyId": "key-id",
        "SecretAccessKey": "very-secret",
        "SessionToken": "session-token",
        "Expiration": "2019-10-14T15:15:43.480741+00:00",
        "EndpointURL": "http://rgw.local:8080",
    }
    return {"Credentials": {**given, **changes}}


async def test_sts_gives_credentials_that_do_not_show(fake: FakeSite) -> None:
    fake.on("PUT", "/apis/sts/token", ok(token(), 201))
    async with fake.open(read_only=True) as site:
        given = await site.sts.credentials()
    assert given.secret_access_key.reveal() == "very-secret"
    assert given.session_token.reveal() == "session-token"
    assert given.expires_at == datetime(2019, 10, 14, 15, 15, 43, 480741, UTC)
    assert given.endpoint_url == "http://rgw.local:8080"
    assert "very-secret" not in repr(given)
    assert "session-token" not in repr(given)


async def test_a_configured_s3_endpoint_wins(fake: FakeSite) -> None:
    fake.on("PUT", "/apis/sts/token", ok(token(EndpointURL="nonsense"), 201))
    async with fake.open(s3_endpoint="https://s3.cmn.gele.example:8080") as site:
        given = await site.sts.credentials()
    assert given.endpoint_url == "https://s3.cmn.gele.example:8080"


@pytest.mark.parametrize(
    "told", ["http://169.254.169.254/", "file:///etc/passwd", "http://a@rgw.local", "", "http://["]
)
async def test_an_s3_endpoint_that_is_not_allowed_is_refused(fake: FakeSite, told: str) -> None:
    fake.on("PUT", "/apis/sts/token", ok(token(EndpointURL=told), 201))
    async with fake.open(allowed_s3_hosts=("rgw.local",)) as site:
        with pytest.raises(BadAnswer, match="S3 endpoint"):
            await site.sts.credentials()


@pytest.mark.parametrize(
    "body", [{}, {"Credentials": {"SecretAccessKey": "very-secret"}}, token(Expiration="soon")]
)
async def test_incomplete_credentials_are_a_bad_answer_that_is_not_quoted(
    fake: FakeSite, site: Site, body: dict[str, Any]
) -> None:
    fake.on("PUT", "/apis/sts/token", ok(body, 201))
    with pytest.raises(BadAnswer) as caught:
        await site.sts.credentials()
    assert "very-secret" not in " ".join(caught.value.lines())


async def test_an_sts_that_fails_is_a_service_failure(fake: FakeSite, site: Site) -> None:
    fake.on("PUT", "/apis/sts/token", httpx2.Response(500, text="Error"))
    with pytest.raises(ServiceFailure):
        await site.sts.credentials()


async def test_a_commit_is_there_or_not(fake: FakeSite, site: Site) -> None:
    fake.on("GET", f"{REPOS}/cray/x", ok({"full_name": "cray/x"}))
    path = f"{REPOS}/cray/x/git/commits/{COMMIT}"
    fake.on("GET", path, ok({"sha": COMMIT}), problem(404, "no"))
    assert await site.vcs.commit_exists("cray", "x", COMMIT)
    assert not await site.vcs.commit_exists("cray", "x", COMMIT)


async def test_a_repository_that_is_missing_is_no_missing_commit(
    fake: FakeSite, site: Site
) -> None:
    fake.on("GET", f"{REPOS}/.*", ok({"message": "Not Found"}, 404))
    with pytest.raises(NotFound):
        await site.vcs.commit_exists("cray", "x", COMMIT)
    with pytest.raises(NotFound):
        await site.vcs.branch_head("cray", "x", "main")


@pytest.mark.parametrize("commit", ["", "main", COMMIT[:39], COMMIT.upper(), f"{COMMIT}/.."])
async def test_what_is_no_commit_id_is_not_asked_for(
    fake: FakeSite, site: Site, commit: str
) -> None:
    with pytest.raises(UsageError):
        await site.vcs.commit_exists("cray", "x", commit)
    assert fake.requests == []


async def test_a_branch_with_slashes_has_a_head(fake: FakeSite, site: Site) -> None:
    fake.on("GET", f"{REPOS}/cray/x", ok({"full_name": "cray/x"}))
    fake.on("GET", f"{REPOS}/cray/x/branches/none", problem(404, "no"))
    branch = ok({"name": "cray/x/1.0", "commit": {"id": COMMIT}})
    fake.on("GET", f"{REPOS}/cray/x/branches/cray/x/1\\.0", branch)
    assert await site.vcs.branch_head("cray", "x", "cray/x/1.0") == COMMIT
    assert await site.vcs.branch_head("cray", "x", "none") is None


async def test_a_repository_is_created_private(fake: FakeSite, site: Site) -> None:
    fake.on("POST", "/vcs/api/v1/orgs/cray/repos", ok({"full_name": "cray/x"}, 201))
    assert (await site.vcs.create_repository("cray", "x")).full_name == "cray/x"
    assert fake.body() == {"name": "x", "private": True, "auto_init": False}


@pytest.mark.parametrize(
    "url", ["https://vcs.cmn.gele.example/vcs/cray/x.git", "https://api-gw/vcs/cray/x"]
)
def test_a_clone_url_names_owner_and_repository(url: str) -> None:
    assert repository_of(url) == ("cray", "x")


def test_a_clone_url_without_an_owner_is_refused() -> None:
    with pytest.raises(UsageError):
        repository_of("https://host/x.git")
