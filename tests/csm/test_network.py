# SPDX-License-Identifier: Apache-2.0
"""The client against real sockets: TLS, SOCKS, silence, and answers cut short."""

from __future__ import annotations

import asyncio
import gzip
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from csm.fakes import IMPATIENT
from csm.servers import NAME, Ca, Proxy, Talk, http, make_ca, request_head, scripted, serving
from poya.csm import NoAuth, RetryPolicy, Site, SiteConfig
from poya.errors import BadAnswer, CertificateError, ConfigError, Unreachable

EMPTY_LIST = scripted(http(b"[]"))


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Ca:
    return make_ca(tmp_path_factory.mktemp("ca"))


@asynccontextmanager
async def client(url: str, **settings: Any) -> AsyncIterator[Site]:
    config = SiteConfig("gele", url, NoAuth(), **settings)
    async with Site.connect(config, retry=RetryPolicy(attempts=1)) as site:
        yield site


async def images_over(talk: Talk, **settings: Any) -> tuple[object, ...]:
    async with serving(talk) as port, client(f"http://127.0.0.1:{port}", **settings) as site:
        return await site.ims.images.list()


async def test_a_private_ca_is_enough(ca: Ca) -> None:
    async with (
        serving(EMPTY_LIST, ca.context) as port,
        client(f"https://localhost:{port}", ca_path=str(ca.path)) as site,
    ):
        assert await site.ims.images.list() == ()


async def test_another_ca_is_a_certificate_error(ca: Ca, tmp_path: Path) -> None:
    other = make_ca(tmp_path)
    async with (
        serving(EMPTY_LIST, ca.context) as port,
        client(f"https://localhost:{port}", ca_path=str(other.path)) as site,
    ):
        with pytest.raises(CertificateError) as caught:
            await site.ims.images.list()
    assert str(other.path) in caught.value.why


async def test_a_certificate_for_another_name_is_refused(ca: Ca, tmp_path: Path) -> None:
    async with (
        serving(EMPTY_LIST, ca.context) as port,
        client(f"https://127.0.0.1:{port}", ca_path=str(ca.path)) as site,
    ):
        with pytest.raises(CertificateError, match=rf"127\.0\.0\.1:{port}"):
            await site.ims.images.list()


async def test_ca_variables_of_the_environment_do_not_count(
    ca: Ca, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make_ca(tmp_path)
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, str(other.path))
    async with (
        serving(EMPTY_LIST, ca.context) as port,
        client(f"https://localhost:{port}", ca_path=str(ca.path)) as site,
    ):
        assert await site.ims.images.list() == ()


async def test_without_a_ca_file_only_the_systems_cas_count(
    ca: Ca, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(ca.path))
    async with (
        serving(EMPTY_LIST, ca.context) as port,
        client(f"https://localhost:{port}") as site,
    ):
        with pytest.raises(CertificateError) as caught:
            await site.ims.images.list()
    assert "the system's CAs" in caught.value.why


async def test_proxy_variables_of_the_environment_do_not_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert await images_over(EMPTY_LIST) == ()


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
async def test_a_ca_file_without_a_certificate_is_a_configuration_error(
    tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"ca\.pem"):
        async with client("https://localhost:1", ca_path=str(path)):
            pass


async def test_https_to_a_plain_port_says_so() -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    async with serving(plain) as port, client(f"https://localhost:{port}") as site:
        with pytest.raises(Unreachable, match="No TLS connection") as caught:
            await site.ims.images.list()
    assert type(caught.value) is Unreachable
    assert "https" in caught.value.todo


async def test_socks_resolves_the_name_on_the_far_side(ca: Ca) -> None:
    async with serving(EMPTY_LIST, ca.context) as port:
        proxy = Proxy(port)
        async with (
            serving(proxy.talk) as proxy_port,
            client(
                f"https://{NAME}", ca_path=str(ca.path), proxy=f"socks5h://127.0.0.1:{proxy_port}"
            ) as site,
        ):
            assert await site.ims.images.list() == ()
    assert proxy.asked == [(3, NAME, 443)]


@pytest.mark.parametrize("through", ["tls", "socks"])
async def test_a_connection_given_up_while_it_is_made_is_closed(through: str) -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        began.set()
        while await reader.read(1000):
            pass
        ended.set()

    async with serving(silent) as port:
        url, proxy = f"https://127.0.0.1:{port}", f"socks5h://127.0.0.1:{port}"
        settings = {"proxy": proxy} if through == "socks" else {}
        async with client("https://api.example" if settings else url, **settings) as site:
            asking = asyncio.create_task(site.ims.images.list())
            await began.wait()
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            async with asyncio.timeout(10):
                await ended.wait()


async def test_a_proxy_that_refuses_is_named() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(3)
        writer.write(b"\x05\x00")
        await reader.read(100)
        writer.write(b"\x05\x04\x00\x01\x00\x00\x00\x00\x00\x00")

    async with (
        serving(refuse) as port,
        client("http://api.example", proxy=f"socks5h://127.0.0.1:{port}") as site,
    ):
        with pytest.raises(Unreachable, match=rf"proxy 127\.0\.0\.1:{port}") as caught:
            await site.ims.images.list()
    assert "Host unreachable" in caught.value.why


@pytest.mark.parametrize("reply", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x05\xff"])
async def test_a_proxy_that_talks_nonsense_is_named(reply: bytes) -> None:
    async def nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(3)
        writer.write(reply)

    async with (
        serving(nonsense) as port,
        client("http://api.example", proxy=f"socks5h://127.0.0.1:{port}") as site,
    ):
        with pytest.raises(Unreachable, match=rf"127\.0\.0\.1:{port}"):
            await site.ims.images.list()


async def silence(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read(1)
    await asyncio.sleep(60)


async def test_a_proxy_that_says_nothing_ends_in_time() -> None:
    started_s = time.monotonic()
    async with (
        serving(silence) as port,
        client(
            "http://api.example",
            proxy=f"socks5h://127.0.0.1:{port}",
            connect_timeout_s=0.1,
            progress_timeout_s=0.2,
        ) as site,
    ):
        with pytest.raises(Unreachable):
            await site.ims.images.list()
    assert time.monotonic() - started_s < 2


async def test_nothing_listening_is_unreachable_and_says_why() -> None:
    async with serving(EMPTY_LIST) as port:
        pass
    async with client(f"http://127.0.0.1:{port}") as site:
        with pytest.raises(Unreachable, match=f"No connection to 127.0.0.1:{port}") as caught:
            await site.ims.images.list()
    assert "refused" in caught.value.why or "failed" in caught.value.why


async def test_a_service_that_says_nothing_ends_in_time() -> None:
    started_s = time.monotonic()
    with pytest.raises(Unreachable, match=r"sent nothing for 0\.2 s"):
        await images_over(silence, progress_timeout_s=0.2)
    assert time.monotonic() - started_s < 2


async def test_a_body_that_stops_half_way_ends_in_time() -> None:
    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_head(reader)
        writer.write(http(b"[]" * 500)[:200])
        await asyncio.sleep(60)

    with pytest.raises(Unreachable, match=r"sent nothing for 0\.2 s"):
        await images_over(half, progress_timeout_s=0.2)


async def test_a_slow_body_that_keeps_coming_is_not_a_stall() -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_head(reader)
        for byte in http(b"[ ]" + b" " * 5):
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.012)

    assert await images_over(drip, progress_timeout_s=0.3, connect_timeout_s=1) == ()


@pytest.mark.parametrize(
    "answer",
    [
        http(b"[]" + b" " * 50)[:-20],
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"",
        b"SSH-2.0-OpenSSH_9.6\r\n",
    ],
)
async def test_an_answer_cut_short_is_no_answer(answer: bytes) -> None:
    with pytest.raises(Unreachable, match="broke off"):
        await images_over(scripted(answer))


async def test_a_body_that_is_not_what_its_encoding_says_is_a_bad_answer() -> None:
    with pytest.raises(BadAnswer):
        await images_over(scripted(http(b"no gzip", "Content-Encoding: gzip")))


async def test_a_packed_body_is_measured_unpacked() -> None:
    body = gzip.compress(b" " * 5_000_000 + b"[]")
    assert await images_over(scripted(http(body, "Content-Encoding: gzip"))) == ()


async def test_a_connection_that_breaks_is_tried_again_for_reads() -> None:
    answers = [b"", b"HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n", http(b"[]")]

    async def in_turn(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_head(reader)
        writer.write(answers.pop(0))

    async with serving(in_turn) as port:
        config = SiteConfig("gele", f"http://127.0.0.1:{port}", NoAuth())
        async with Site.connect(config, retry=IMPATIENT) as site:
            assert await site.ims.images.list() == ()
    assert answers == []


async def test_a_connection_is_kept_for_the_next_request() -> None:
    connections = 0

    async def keep(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while True:
            await request_head(reader)
            writer.write(http(b"[]"))

    async with serving(keep) as port, client(f"http://127.0.0.1:{port}") as site:
        for _ in range(5):
            await site.ims.images.list()
    assert connections == 1
