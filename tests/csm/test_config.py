# SPDX-License-Identifier: Apache-2.0
"""What a site's configuration may say, and what it may not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from csm.fakes import FakeSite, ok
from poya.csm import ClientCredentials, NoAuth, Secret, SiteConfig
from poya.errors import ConfigError, PoyaError

CONFIG = SiteConfig("gele", "https://api.example", NoAuth())


@pytest.mark.parametrize("url", ["https://api.example", "https://api.example/apis/"])
def test_services_lie_behind_the_gateway(url: str) -> None:
    config = replace(CONFIG, url=url)
    assert config.base_url("hsm") == "https://api.example/apis/smd/hsm/v2"
    assert config.base_url("vcs") == "https://api.example/vcs"


def test_a_service_may_be_elsewhere() -> None:
    config = replace(CONFIG, services={"ims": "http://cray-ims:9000/"})
    assert config.base_url("ims") == "http://cray-ims:9000"


@pytest.mark.parametrize(
    "changes",
    [
        {"url": "api.example"},
        {"url": "ftp://api.example"},
        {"url": "https://"},
        {"url": "https://me:pa55w0rd@api.example"},
        {"url": "https://api.example/?pa55w0rd"},
        {"url": "https://api.example\n"},
        {"url": "https://api.example:port"},
        {"services": {"ims": "cray-ims"}},
        {"services": {"imz": "http://cray-ims"}},
        {"s3_endpoint": "rgw"},
        {"proxy": "127.0.0.1:1080"},
        {"proxy": "socks4://127.0.0.1:1080"},
        {"proxy": "socks5h://me:pa55w0rd@"},
        {"tenant": "Blue"},
        {"tenant": "ab"},
        {"tenant": "blue\r\nX-Evil: 1"},
        {"max_connections": 0},
        {"progress_timeout_s": 0},
        {"auth": ClientCredentials("a", Secret.of("b"), token_url="http://me:pa55w0rd@auth")},
    ],
)
def test_what_cannot_be_is_refused_without_quoting_a_password(changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as caught:
        replace(CONFIG, **changes)
    assert "pa55w0rd" not in " ".join(caught.value.lines())


def test_a_proxys_password_is_not_shown() -> None:
    config = replace(CONFIG, proxy="socks5h://me:pa55w0rd@proxy:1080")
    assert "pa55w0rd" not in repr(config)
    assert config.proxy_name() == "proxy:1080"


async def test_a_site_opened_for_reading_refuses_to_write(fake: FakeSite) -> None:
    async with fake.open(read_only=True) as site:
        for write in (
            site.ims.images.set_arch("1", "aarch64"),
            site.hsm.groups.delete("blue"),
            site.bos.templates.put("blue", {}),
            site.bos.sessions.create({}),
            site.bss.boot_parameters.put({"hosts": ["x1"]}),
            site.hsm.locks.lock(["x1"]),
            site.vcs.create_repository("cray", "x"),
        ):
            with pytest.raises(PoyaError, match="open for reading only") as caught:
                await write
            assert caught.value.exit_code == 70
    assert fake.writes() == []


async def test_a_site_opened_for_reading_may_ask_by_post(fake: FakeSite) -> None:
    base = "/apis/smd/hsm/v2"
    fake.on("POST", f"{base}/State/Components/Query", ok({"Components": []}))
    fake.on("POST", f"{base}/locks/status", ok({"Components": []}))
    async with fake.open(read_only=True) as site:
        await site.hsm.components.query(["x1"])
        await site.hsm.locks.status(["x1"])
    assert len(fake.writes()) == 2


async def test_reading_only_is_what_connect_does_unless_told_otherwise() -> None:
    from poya.csm import Site

    async with Site.connect(CONFIG) as site:
        assert site.read_only


async def test_an_allowed_path_at_another_service_is_still_refused(fake: FakeSite) -> None:
    async with fake.open(read_only=True) as site:
        with pytest.raises(PoyaError, match="open for reading only"):
            await site.ims._channel.post("/locks/status", {})
    assert fake.requests == []
