# SPDX-License-Identifier: Apache-2.0
"""The rest of the client against the emulated sites, release by release."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from poya.csm import (
    BasicLogin,
    ClientCredentials,
    KubernetesAccess,
    MemberChange,
    NeedsRelease,
    Secret,
    Site,
    SiteConfig,
    Transition,
    hardware_body,
    tenant_body,
)
from poya.documents import Document
from poya.errors import RequestRefused
from poya.lab.pytest_plugin import TestSite, start_pair, stop_pair

pytestmark = pytest.mark.slow
PAIRS = [("1.3", "1.4"), ("1.5", "1.7")]


@pytest.fixture(scope="module", params=PAIRS, ids=["1.3-1.4", "1.5-1.7"])
def sites(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[TestSite, TestSite]]:
    pair = start_pair(tmp_path_factory.mktemp("lab"), request.param)
    yield pair.alps, pair.prealps
    stop_pair(pair)


@asynccontextmanager
async def opened(lab: TestSite, *, read_only: bool = False) -> AsyncIterator[Site]:
    files = lab.files
    config = SiteConfig(
        lab.name,
        lab.url,
        ClientCredentials("admin-client", Secret.from_file(str(files.client_secret))),
        ca_path=str(lab.ca_path),
        vcs_login=BasicLogin("crayvcs", Secret.from_file(str(files.vcs_password))),
        nexus_login=BasicLogin("admin", Secret.from_file(str(files.nexus_password))),
        kubernetes=KubernetesAccess(f"{lab.url}/k8s", Secret.from_file(str(files.cluster_token))),
        s3_endpoint=lab.s3_endpoint,
    )
    async with Site.connect(replace(config), read_only=read_only) as site:
        yield site


def number(lab: TestSite) -> int:
    return int(lab.running.spec.release.partition(".")[2])


async def test_layout_power_packages_and_git_are_read(sites: tuple[TestSite, TestSite]) -> None:
    for lab in sites:
        async with opened(lab, read_only=True) as site:
            nodes = [node.id for node in await site.hsm.components.list()]
            streamed = [node.id async for node in site.hsm.components.stream()]
            assert streamed == nodes
            assert (await site.hsm.components.get(nodes[0])).id == nodes[0]
            assert len(await site.hsm.components.query(nodes[:3])) == 3
            assert len(await site.pcs.status(nodes)) == len(nodes)
            assert await site.pcs.is_there() is (number(lab) > 3)
            assert {network.name for network in await site.sls.networks.list()} >= {"HSN", "NMN"}
            assert await site.sls.hardware.search(type="comptype_node")
            assert set((await site.sls.dump()).value) == {"Hardware", "Networks"}
            assert await site.nexus.repositories.list()
            assert await site.vcs.repositories("cray")
            assert (await site.peer()).certificate_ends
            parts = [part.id async for part in site.hsm.hardware.stream()]
            assert parts == [part.id for part in await site.hsm.hardware.inventory()]


async def test_locks_and_reservations_are_taken_and_given_back(
    sites: tuple[TestSite, TestSite],
) -> None:
    for lab in sites:
        async with opened(lab) as site:
            (one, *_) = [node.id for node in await site.hsm.components.list()]
            locks = site.hsm.locks
            await locks.lock([one])
            (state,) = await locks.status([one])
            assert state.locked
            held = await locks.reservations.create([one])
            assert [reservation.id for reservation in held] == [one]
            await locks.reservations.release(held)
            await locks.unlock([one])


async def test_partitions_live_a_whole_life(
    sites: tuple[TestSite, TestSite],
) -> None:
    for lab in sites:
        async with opened(lab) as site:
            (one, other, *_) = [node.id for node in await site.hsm.components.list()]
            made = await site.hsm.partitions.create("p9", members=[one], description="d")
            assert made.xnames == (one,)
            assert await site.hsm.partitions.add_member("p9", other) is MemberChange.DONE
            assert await site.hsm.partitions.add_member("p9", other) is MemberChange.ALREADY_SO
            assert await site.hsm.partitions.remove_member("p9", other) is MemberChange.DONE
            await site.hsm.partitions.update("p9", description="another")
            assert (await site.hsm.partitions.get("p9")).description == "another"
            await site.hsm.partitions.delete("p9")
            await site.hsm.ethernet_interfaces.list(component=one)


async def test_layout_is_written_as_it_was_read(sites: tuple[TestSite, TestSite]) -> None:
    for lab in sites:
        async with opened(lab) as site:
            network = await site.sls.networks.get("HSN")
            await site.sls.networks.put("HSN", network.document.editable())
            assert (await site.sls.networks.get("HSN")).subnets == network.subnets
            (node, *_) = await site.sls.hardware.search(type="comptype_node")
            body = hardware_body(node.document)
            await site.sls.hardware.put(node.xname, body)
            assert hardware_body((await site.sls.hardware.get(node.xname)).document) == body


async def test_tenants_are_made_in_kubernetes_and_read_from_tapms(
    sites: tuple[TestSite, TestSite],
) -> None:
    for lab in sites:
        async with opened(lab) as site:
            if number(lab) < 4:
                with pytest.raises(NeedsRelease):
                    await site.tapms.list()
                continue
            async with site.kubernetes() as kubernetes:
                tenants = kubernetes.tenants
                nodes = await site.hsm.components.list(role="Compute")
                resource = {
                    "type": "compute",
                    "hsmgrouplabel": "poya-t",
                    "enforceexclusivehsmgroups": False,
                    "xnames": [nodes[0].id],
                }
                spec = {"tenantname": "vcluster-poya", "tenantresources": [resource]}
                body = tenant_body(
                    Document.of({"spec": {**spec, "childnamespaces": []}}),  # type: ignore[dict-item]
                    version=await tenants.version(),
                )
                await tenants.create(body)
                with pytest.raises(RequestRefused):
                    await tenants.create(body)
                await deployed(site, "vcluster-poya")
                assert (await site.hsm.groups.get("poya-t")).xnames == (nodes[0].id,)
                owners = await site.tapms.owning([nodes[0].id])
                assert [tenant.name for tenant in owners] == ["vcluster-poya"]
                await tenants.delete("vcluster-poya")


async def deployed(site: Site, name: str) -> None:
    for _ in range(200):
        if (await site.tapms.get(name)).spec.state == "Deployed":
            return
        await asyncio.sleep(0.1)
    raise AssertionError(await site.tapms.get(name))


async def test_power_is_switched_and_told(sites: tuple[TestSite, TestSite]) -> None:
    for lab in sites:
        async with opened(lab) as site:
            node = (await site.hsm.components.list(role="Compute"))[0].id
            if number(lab) < 4:
                await site.capmc.off([node])
                continue
            started = await site.pcs.transitions.start("force-off", [node])
            transition = await finished(site, started.id)
            assert transition.status == "completed"
            assert transition.counts.succeeded == 1
            (status,) = await site.pcs.status([node])
            assert status.power_state == "off"


async def finished(site: Site, transition_id: str) -> Transition:
    for _ in range(300):
        transition = await site.pcs.transitions.get(transition_id)
        if transition.is_over:
            return transition
        await asyncio.sleep(0.1)
    raise AssertionError(transition_id)
