# SPDX-License-Identifier: Apache-2.0
"""The client against the emulated sites, which were written from the facts by other hands."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from poya.csm import (
    BasicLogin,
    ClientCredentials,
    MemberChange,
    Secret,
    Site,
    SiteConfig,
    configuration_body,
    repository_of,
    template_body,
)
from poya.errors import NotFound
from poya.lab.pytest_plugin import TestSite, start_pair, stop_pair

pytestmark = pytest.mark.slow
RELEASES = ("1.3", "1.4", "1.5", "1.6", "1.7", "1.7")
PAIRS = list(zip(RELEASES[::2], RELEASES[1::2], strict=True))


@pytest.fixture(scope="module", params=PAIRS, ids=["1.3-1.4", "1.5-1.6", "1.7"])
def sites(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[TestSite, TestSite]]:
    pair = start_pair(tmp_path_factory.mktemp("lab"), request.param)
    yield pair.alps, pair.prealps
    stop_pair(pair)


@asynccontextmanager
async def opened(lab: TestSite, *, read_only: bool = True) -> AsyncIterator[Site]:
    config = SiteConfig(
        lab.name,
        lab.url,
        ClientCredentials("admin-client", Secret.from_file(str(lab.files.client_secret))),
        ca_path=str(lab.ca_path),
        vcs_login=BasicLogin("crayvcs", Secret.from_file(str(lab.files.vcs_password))),
        s3_endpoint=lab.s3_endpoint,
    )
    async with Site.connect(config, read_only=read_only) as site:
        yield site


async def test_everything_is_read_and_nothing_written(sites: tuple[TestSite, TestSite]) -> None:
    for lab in sites:
        before = len(lab.requests(mutating=True))
        async with opened(lab) as site:
            assert (await site.features()).release_guess == lab.running.spec.release
            for listed in (
                await site.hsm.groups.list(),
                await site.hsm.components.list(),
                await site.hsm.memberships.list(),
                await site.hsm.hardware.inventory(),
                await site.cfs.configurations.list(),
                await site.cfs.components.list(),
                await site.bos.templates.list(),
                await site.bos.components.list(),
                await site.ims.images.list(),
                await site.bss.boot_parameters.list(),
            ):
                assert listed
            for template in await site.bos.templates.list():
                assert (await site.bos.templates.validate(template.name)).is_valid
            assert (await site.sts.credentials()).endpoint_url == lab.s3_endpoint
        assert len(lab.requests(mutating=True)) == before


async def test_what_was_read_is_accepted_back(sites: tuple[TestSite, TestSite]) -> None:
    for lab in sites:
        async with opened(lab, read_only=False) as site:
            for configuration in await site.cfs.configurations.list():
                body = configuration_body(configuration.document)
                await site.cfs.configurations.put("copy", body)
                copy = await site.cfs.configurations.get("copy")
                assert configuration_body(copy.document) == body
            for template in await site.bos.templates.list():
                body = template_body(template.document)
                await site.bos.templates.put("copy", body)
                assert template_body((await site.bos.templates.get("copy")).document) == body


async def test_groups_and_images_live_a_whole_life(sites: tuple[TestSite, TestSite]) -> None:
    for lab in sites:
        async with opened(lab, read_only=False) as site:
            one, other = [node.id for node in await site.hsm.components.list()][:2]
            group = await site.hsm.groups.create("Poya-Test", members=[one], tags=["t"])
            assert (group.label, group.xnames) == ("poya-test", (one,))
            assert await site.hsm.groups.add_member("poya-test", one) is MemberChange.ALREADY_SO
            assert await site.hsm.groups.add_member("poya-test", other) is MemberChange.DONE
            assert await site.hsm.groups.remove_member("poya-test", other) is MemberChange.DONE
            gone = await site.hsm.groups.remove_member("poya-test", other)
            assert gone is MemberChange.ALREADY_SO
            await site.hsm.groups.delete("poya-test")
            tags = {"poya-run": "m-17", "key": "k", "value": "v"}
            image = await site.ims.images.create("blue", metadata=tags)
            knows_tags = (await site.features()).ims_metadata
            assert image.metadata == (tags if knows_tags else None)
            await site.ims.images.delete(image.id)
            assert image.id in {one.id for one in await site.ims.images.list_deleted()}
            await site.ims.images.undelete(image.id)
            await site.ims.images.delete(image.id)
            await site.ims.images.purge(image.id)


async def test_absence_is_told_as_absence(sites: tuple[TestSite, TestSite]) -> None:
    for lab in sites:
        async with opened(lab) as site:
            (layer, *_) = (await site.cfs.configurations.list())[0].layers
            owner, name = repository_of(layer.clone_url or "")
            assert await site.vcs.commit_exists(owner, name, layer.commit or "")
            assert not await site.vcs.commit_exists(owner, name, "0" * 40)
            assert await site.vcs.branch_head(owner, name, "no/such") is None
            for missing in (
                site.hsm.groups.get("nope"),
                site.ims.images.get("nope"),
                site.bos.templates.get("nope"),
                site.cfs.configurations.get("nope"),
                site.bss.boot_parameters.get("x9000c0s0b0n0"),
                site.vcs.repository("cray", "nope"),
            ):
                with pytest.raises(NotFound):
                    await missing
