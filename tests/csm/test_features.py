# SPDX-License-Identifier: Apache-2.0
"""Features follow the services' versions, release by release."""

from __future__ import annotations

import asyncio

import httpx2
import pytest

from csm.fakes import FakeSite, ok
from poya.csm import Site, Version
from poya.errors import BadAnswer, ServiceFailure

# Service versions of each release: Cray-HPE/csm manifests (1.3 to 1.6), as seen (1.7).
RELEASES = {
    "1.3": ("3.7.2", "1.11.2", "2.0.27"),
    "1.4": ("3.8.6", "1.12.10", "2.0.47"),
    "1.5": ("3.15.0", "1.18.7", "2.10.28"),
    "1.6": ("3.20.0", "1.20.2", "2.30.5"),
    "1.7": ("3.33.0", "1.31.1", "2.50.0"),
}
# What each release adds (docs-csm's release notes and the services' changelogs).
SINCE = {
    "cfs_description": "1.4",
    "cfs_v3": "1.5",
    "cfs_sources": "1.5",
    "ims_arch": "1.5",
    "bos_arch": "1.5",
    "bos_tenants": "1.5",
    "ims_metadata": "1.6",
    "bos_arch_check": "1.6",
    "cfs_tenants": "1.7",
}


@pytest.mark.parametrize("release", RELEASES)
async def test_a_site_has_what_its_release_has(fake: FakeSite, site: Site, release: str) -> None:
    ims, cfs, bos = RELEASES[release]
    fake.release(ims=ims, cfs=cfs, bos=bos)
    features = await site.features()
    assert {name: getattr(features, name) for name in SINCE} == {
        name: release >= since for name, since in SINCE.items()
    }
    told = {"ims": ims, "bos": bos} | ({} if release == "1.3" else {"cfs": cfs})
    assert dict(features.versions) == told
    assert features.release_guess == release


@pytest.mark.parametrize(
    ("bos", "providers"),
    [
        ("2.0.27", {"cpss3"}),
        ("2.10.28", {"cpss3"}),
        ("2.30.5", {"cpss3", "sbps"}),
        ("2.44.9", {"cpss3", "sbps"}),
        ("2.45.0", {"sbps"}),
    ],
)
async def test_rootfs_providers_come_and_go(
    fake: FakeSite, site: Site, bos: str, providers: set[str]
) -> None:
    fake.release(bos=bos)
    assert (await site.features()).rootfs_providers == providers


async def test_features_are_asked_once_however_many_ask(fake: FakeSite, site: Site) -> None:
    first, *others = await asyncio.gather(*(site.features() for _ in range(5)))
    assert all(other is first for other in others)
    assert len(fake.requests) == 3


async def test_a_service_that_is_down_is_no_missing_feature(fake: FakeSite, site: Site) -> None:
    fake.on("GET", "/apis/ims/version", httpx2.Response(500), ok({"version": "3.33.0"}))
    with pytest.raises(ServiceFailure):
        await site.features()
    assert (await site.features()).ims_metadata


@pytest.mark.parametrize("body", [{"version": "unknown"}, {"version": None}, {}, "3.33.0"])
async def test_a_version_that_is_none_is_a_bad_answer(
    fake: FakeSite, site: Site, body: object
) -> None:
    fake.on("GET", "/apis/ims/version", ok(body))
    with pytest.raises(BadAnswer):
        await site.features()


def test_versions_compare_by_number() -> None:
    assert Version.parse("3.9.10") < Version(3, 10)  # type: ignore[operator]
    assert Version.parse("v1.2") == Version(1, 2, 0)
    assert Version.parse("2.50.0-20260101+g1") == Version(2, 50, 0)
    assert Version.parse("x1.2") is None
