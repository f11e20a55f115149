# SPDX-License-Identifier: Apache-2.0
"""The wire: retries, limits, headers, log lines, and what never leaves it."""

from __future__ import annotations

import asyncio
import logging

import httpx2
import pytest

from csm.fakes import URL, FakeSite, ok, problem
from poya.csm import RetryPolicy, Secret, Site, SiteConfig, StaticToken
from poya.csm.http.calls import Call
from poya.csm.http.retry import seconds_asked
from poya.errors import (
    AuthenticationError,
    BadAnswer,
    NotFound,
    RequestRefused,
    ServiceFailure,
    Unreachable,
    UsageError,
)

IMAGES = "/apis/ims/v3/images"
TOKEN = "eyJ-the-token-of-the-tests"


async def test_a_read_is_repeated_until_the_service_is_back(fake: FakeSite, site: Site) -> None:
    fake.on("GET", IMAGES, problem(503, "starting"), httpx2.Response(502), ok([]))
    assert await site.ims.images.list() == ()
    assert len(fake.requests) == 3


async def test_a_read_gives_up_after_four_attempts(fake: FakeSite, site: Site) -> None:
    fake.on("GET", IMAGES, problem(503, "starting"))
    with pytest.raises(ServiceFailure, match=r"GET /apis/ims/v3/images at gele.*503") as caught:
        await site.ims.images.list()
    assert caught.value.status == 503
    assert "starting" in caught.value.why
    assert len(fake.requests) == 4


async def test_a_post_is_never_repeated(fake: FakeSite, site: Site) -> None:
    fake.on("POST", IMAGES, problem(503, "starting"))
    with pytest.raises(ServiceFailure):
        await site.ims.images.create("blue")
    assert fake.writes() == [f"POST {IMAGES}"]


async def test_a_post_whose_connection_breaks_is_not_repeated(fake: FakeSite, site: Site) -> None:
    def broken(_: httpx2.Request) -> httpx2.Response:
        raise httpx2.ReadError("reset")

    fake.on("POST", IMAGES, broken)
    with pytest.raises(Unreachable):
        await site.ims.images.create("blue")
    assert fake.writes() == [f"POST {IMAGES}"]


async def test_a_plain_failure_is_not_repeated(fake: FakeSite, site: Site) -> None:
    fake.on("GET", IMAGES, problem(500, "KeyError: 'state'"))
    with pytest.raises(ServiceFailure):
        await site.ims.images.list()
    assert len(fake.requests) == 1


async def test_retry_after_is_honoured_and_a_long_one_is_not_waited_for(fake: FakeSite) -> None:
    waits: list[float] = []

    async def note(seconds: float) -> None:
        waits.append(seconds)

    policy = RetryPolicy(sleep=note, chance=lambda: 0.5)
    fake.on("GET", IMAGES, httpx2.Response(429, headers={"Retry-After": "7"}), ok([]))
    async with fake.open(retry=policy) as site:
        await site.ims.images.list()
        fake.on("GET", IMAGES, httpx2.Response(503, headers={"Retry-After": "3600"}))
        with pytest.raises(ServiceFailure):
            await site.ims.images.list()
    assert waits == [7.25]


def test_the_wait_is_anything_below_a_bound_that_doubles() -> None:
    call = Call("gele", "GET", URL, is_repeatable=True)
    least = RetryPolicy(attempts=9, chance=lambda: 0.0)
    most = RetryPolicy(attempts=9, chance=lambda: 1.0)
    error = Unreachable("gone")
    bounds = [most.wait_after_fault(call, error, attempt) for attempt in range(1, 10)]
    assert bounds == [0.5, 1, 2, 4, 8, 8, 8, 8, None]
    assert least.wait_after_fault(call, error, 1) == 0


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("", None), ("soon", None), ("12", 12), ("Thu, 01 Jan 1970 00:00:00 GMT", 0), ("-3", None)],
)
def test_retry_after_is_a_number_or_a_date(header: str, seconds: float | None) -> None:
    assert seconds_asked(header) == seconds


async def test_at_most_max_connections_requests_run_at_once() -> None:
    running = most = 0

    async def slow(_: httpx2.Request) -> httpx2.Response:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1
        return ok([])

    config = SiteConfig("gele", URL, StaticToken(Secret.of(TOKEN)), max_connections=3)
    async with Site.connect(config, transport=httpx2.MockTransport(slow)) as site:
        await asyncio.gather(*(site.ims.images.list() for _ in range(12)))
    assert most == 3


async def test_each_request_carries_a_correlation_id_and_the_tenant(fake: FakeSite) -> None:
    fake.on("GET", IMAGES, ok([]))
    async with fake.open(tenant="vcluster-blue") as site:
        await site.ims.images.list()
        await site.ims.images.list()
    ids = {request.headers["X-Request-Id"] for request in fake.requests}
    assert len(ids) == 2
    assert {request.headers["Cray-Tenant-Name"] for request in fake.requests} == {"vcluster-blue"}


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_token_is_an_authentication_error(
    fake: FakeSite, site: Site, status: int
) -> None:
    fake.on("GET", IMAGES, httpx2.Response(status, text="Jwt is expired"))
    with pytest.raises(AuthenticationError) as caught:
        await site.ims.images.list()
    assert caught.value.why == "Jwt is expired"
    assert "gele" in caught.value.todo


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (problem(400, "Property is read-only - 'name'"), "Property is read-only - 'name'"),
        (
            problem(422, "Validation failed", errors={"id": ["Unknown field."]}),
            'Validation failed {"id":["Unknown field."]}',
        ),
        (ok({"message": "no such thing"}, 409), "no such thing"),
        (ok("Tenant 'x' not found.", 409), "Tenant 'x' not found."),
        (httpx2.Response(409, text="plain words"), "plain words"),
        (
            httpx2.Response(409, text="<html><head><title> Oops </title>"),
            "an HTML page titled 'Oops'",
        ),
        (ok(["a"], 409), '["a"]'),
        (httpx2.Response(409, content=b"\xff\xfe"), "\ufffd\ufffd"),
        (httpx2.Response(409), ""),
    ],
)
async def test_a_refusal_gives_the_services_own_words(
    fake: FakeSite, site: Site, answer: httpx2.Response, detail: str
) -> None:
    fake.on("GET", IMAGES, answer)
    with pytest.raises(RequestRefused) as caught:
        await site.ims.images.list()
    assert caught.value.detail == detail
    assert caught.value.status == answer.status_code


async def test_a_404_of_the_service_is_absence(fake: FakeSite, site: Site) -> None:
    fake.on("GET", f"{IMAGES}/.*", problem(404, "Requested resource does not exist."))
    with pytest.raises(NotFound) as caught:
        await site.ims.images.get("a")
    assert caught.value.why == "Requested resource does not exist."


@pytest.mark.parametrize(
    "answer",
    [
        httpx2.Response(404),
        httpx2.Response(404, text="404 page not found"),
        httpx2.Response(404, text="<!DOCTYPE html><title>nginx</title>"),
    ],
)
async def test_a_404_of_the_gateway_is_no_absence(
    fake: FakeSite, site: Site, answer: httpx2.Response
) -> None:
    fake.on("GET", f"{IMAGES}/.*", answer)
    with pytest.raises(BadAnswer, match="GET /apis/ims/v3/images/a at gele"):
        await site.ims.images.get("a")


@pytest.mark.parametrize(
    ("body", "looks"),
    [
        (b"<html><title>Sign in</title></html>", "an HTML page titled 'Sign in'"),
        (b"", "an empty body"),
        (b"{}", "'{}'"),
        (b"null", "'null'"),
        (b'[{"id":"1","name":"a"}', "a"),
        (b'[{"id":1,"name":"a"}]', "Element 0"),
        (b"[" * 100_000, "["),
    ],
)
async def test_a_200_that_is_no_list_is_a_bad_answer(
    fake: FakeSite, site: Site, body: bytes, looks: str
) -> None:
    fake.on("GET", IMAGES, httpx2.Response(200, content=body))
    with pytest.raises(BadAnswer, match="GET /apis/ims/v3/images at gele") as caught:
        await site.ims.images.list()
    assert looks in caught.value.why


async def test_a_redirect_is_not_followed_and_says_where_it_points(
    fake: FakeSite, site: Site
) -> None:
    elsewhere = "https://evil.example/login?token=abc"
    fake.on("GET", IMAGES, httpx2.Response(302, headers={"Location": elsewhere}))
    with pytest.raises(BadAnswer) as caught:
        await site.ims.images.list()
    assert caught.value.why == "It points to https://evil.example/login."
    assert len(fake.requests) == 1


async def test_a_body_beyond_the_limit_is_refused(fake: FakeSite, site: Site) -> None:
    fake.on("GET", "/x", httpx2.Response(200, content=b"x" * 2000))
    channel = site.ims._channel
    call = Call("gele", "GET", f"{URL}/x", limit_bytes=1000)
    with pytest.raises(BadAnswer, match="longer than"):
        await channel.send(call)


async def test_no_secret_shows_in_an_error_that_quotes_the_request(fake: FakeSite) -> None:
    fake.on("GET", IMAGES, problem(400, f"bad header 'Bearer {TOKEN}'"))
    async with fake.open(auth=StaticToken(Secret.of(TOKEN))) as site:
        with pytest.raises(RequestRefused) as caught:
            await site.ims.images.list()
    assert caught.value.lines()[1] == "bad header 'Bearer ***'"


async def test_one_log_line_a_request_without_query_or_headers(
    fake: FakeSite, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    fake.on("GET", "/apis/smd/hsm/v2/groups", ok([]))
    async with fake.open(auth=StaticToken(Secret.of(TOKEN))) as site:
        await site.hsm.groups.list(tag="query-secret")
    (line,) = [one.getMessage() for one in caplog.records if one.name != "asyncio"]
    assert line.startswith("GET /apis/smd/hsm/v2/groups at gele: 200 in ")
    assert fake.requests[0].headers["X-Request-Id"] in line
    assert TOKEN not in caplog.text
    assert "query-secret" not in caplog.text


async def test_a_cancelled_request_is_logged_and_frees_its_place(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "poya.csm")
    entered = asyncio.Event()

    async def stuck(request: httpx2.Request) -> httpx2.Response:
        if entered.is_set():
            return ok([])
        entered.set()
        await asyncio.sleep(60)
        raise AssertionError

    config = SiteConfig("gele", URL, StaticToken(Secret.of(TOKEN)), max_connections=1)
    async with Site.connect(config, transport=httpx2.MockTransport(stuck)) as site:
        task = asyncio.create_task(site.ims.images.list())
        await entered.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await site.ims.images.list() == ()
    assert "abandoned" in caplog.text


@pytest.mark.parametrize("name", ["", ".", ".."])
async def test_a_name_that_would_mean_another_path_is_refused(site: Site, name: str) -> None:
    with pytest.raises(UsageError):
        await site.ims.images.get(name)


async def test_a_name_with_slashes_is_quoted_whole(fake: FakeSite, site: Site) -> None:
    fake.on("GET", "/apis/cfs/v3/sources/.*", problem(404, "no"))
    with pytest.raises(NotFound):
        await site.cfs.sources.get("https://git.example/a b.git?x#y")
    wanted = "https%3A%2F%2Fgit.example%2Fa%20b.git%3Fx%23y"
    assert fake.asked()[-1] == f"GET /apis/cfs/v3/sources/{wanted}"
