# SPDX-License-Identifier: Apache-2.0
"""SLS, TAPMS in its generations, Kubernetes, Nexus, Gitea's pages, reservations."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from csm.fakes import FakeSite, ok, problem
from poya.csm import (
    BasicLogin,
    IpAddress,
    KubernetesAccess,
    NeedsRelease,
    Secret,
    Site,
    hardware_body,
    tenant_body,
)
from poya.documents import Document
from poya.errors import AuthenticationError, BadAnswer, ConfigError, NotFound, RequestRefused

HSM = "/apis/smd/hsm/v2"
TENANT: dict[str, Any] = {
    "apiVersion": "tapms.hpe.com/v1alpha3",
    "kind": "Tenant",
    "metadata": {"name": "blue", "uid": "u", "resourceVersion": "7", "labels": {"a": "b"}},
    "spec": {
        "tenantname": "blue",
        "state": "Deployed",
        "tenantresources": [{"type": "compute", "hsmgrouplabel": "blue", "xnames": ["x1"]}],
    },
    "status": {"uuid": "550e", "tenantresources": [{"type": "compute", "xnames": ["x1", "x2"]}]},
}


# SLS


async def test_networks_are_read_down_to_their_reservations(fake: FakeSite, site: Site) -> None:
    reservation = {"Name": "uan01", "IPAddress": "10.252.0.9", "Aliases": ["uan01-nmn"]}
    subnet = {"Name": "bootstrap", "CIDR": "10.252.0.0/17", "IPReservations": [reservation]}
    network = {"Name": "NMN", "ExtraProperties": {"CIDR": "10.252.0.0/17", "Subnets": [subnet]}}
    fake.on("GET", "/apis/sls/v1/networks", ok([network, {"Name": "HSN"}]))
    nmn, hsn = await site.sls.networks.list()
    assert nmn.subnets[0].reservations is not None
    assert nmn.subnets[0].reservations[0].ip_address == "10.252.0.9"
    assert hsn.subnets == ()


async def test_hardware_has_aliases_and_can_be_put_back(fake: FakeSite, site: Site) -> None:
    node = {
        "Parent": "x1000c0s0b0", "Xname": "x1000c0s0b0n0", "Type": "comptype_node",
        "Class": "River", "TypeString": "Node", "LastUpdated": 1, "LastUpdatedTime": "t",
        "ExtraProperties": {"NID": 1, "Aliases": ["nid000001"]},
    }  # fmt: skip
    fake.on("GET", "/apis/sls/v1/hardware/x1000c0s0b0n0", ok(node))
    found = await site.sls.hardware.get("x1000c0s0b0n0")
    assert found.aliases == ("nid000001",)
    kept = ("Xname", "Class", "ExtraProperties")
    assert hardware_body(found.document) == {key: node[key] for key in kept}


@pytest.mark.parametrize(("answer", "counter"), [({"Counter": 7}, 7), ({"counter": 7}, 7)])
async def test_the_change_counter_is_read_in_either_spelling(
    fake: FakeSite, site: Site, answer: dict[str, int], counter: int
) -> None:
    fake.on("GET", "/apis/sls/v1/version", ok(answer))
    assert await site.sls.change_counter() == counter


# TAPMS


@pytest.mark.parametrize("api", ["v1alpha3", "v1alpha2", "v1"])
@pytest.mark.parametrize("as_list", [True, False], ids=["plain", "Kubernetes"])
async def test_each_generation_of_tapms_gives_the_same_tenants(
    fake: FakeSite, site: Site, api: str, as_list: bool
) -> None:
    body = [TENANT] if as_list else {"kind": "TenantList", "items": [TENANT]}
    fake.on("GET", f"/apis/tapms/{api}/tenants", ok(body))
    fake.on("POST", f"/apis/tapms/{api}/tenants", ok(body))
    one = "tenant" if api == "v1" else "tenants"
    fake.on("GET", f"/apis/tapms/{api}/{one}/blue", ok(TENANT))
    assert await site.tapms.api() == api
    (tenant,) = await site.tapms.list()
    assert (tenant.name, tenant.xnames) == ("blue", ("x1", "x2"))
    assert (await site.tapms.get("blue")).spec.state == "Deployed"
    assert [t.name for t in await site.tapms.owning(["X2"])] == ["blue"]


async def test_a_tenant_that_is_not_there_is_told_by_a_bare_text(
    fake: FakeSite, site: Site
) -> None:
    fake.on("GET", "/apis/tapms/v1alpha3/tenants", ok({"items": None}))
    fake.on("GET", "/apis/tapms/v1alpha3/tenants/nope", ok("Tenant 'nope' not found.", 404))
    assert await site.tapms.list() == ()
    with pytest.raises(NotFound) as caught:
        await site.tapms.get("nope")
    assert caught.value.why == "Tenant 'nope' not found."


async def test_a_site_without_tapms_says_so(fake: FakeSite, site: Site) -> None:
    assert await site.tapms.api() is None
    with pytest.raises(NeedsRelease):
        await site.tapms.list()


async def test_a_tapms_that_fails_is_not_taken_for_none(fake: FakeSite, site: Site) -> None:
    fake.on("GET", "/apis/tapms/v1alpha3/tenants", problem(500, "no cluster"))
    with pytest.raises(Exception, match="500"):
        await site.tapms.api()


# Kubernetes


async def test_tenants_are_made_where_kubernetes_is(fake: FakeSite) -> None:
    group = {"preferredVersion": {"version": "v1alpha3"}}
    path = "/apis/tapms.hpe.com/v1alpha3/namespaces/tenants/tenants"
    fake.on("GET", "/apis/tapms.hpe.com", ok(group))
    fake.on("POST", path, ok(TENANT, 201))
    fake.on("PATCH", f"{path}/blue", ok(TENANT))
    access = KubernetesAccess("https://k8s.example:6443", Secret.of("a-token-of-k8s"))
    async with fake.open(kubernetes=access) as site, site.kubernetes() as kubernetes:
        body = tenant_body(Document.of(TENANT), version=await kubernetes.tenants.version())
        assert (await kubernetes.tenants.create(body)).name == "blue"
        await kubernetes.tenants.patch("blue", {"spec": {"childnamespaces": ["slurm"]}})
    posted = next(request for request in fake.requests if request.method == "POST")
    assert posted.headers["Authorization"] == "Bearer a-token-of-k8s"
    assert posted.url.host == "k8s.example"
    patched = fake.requests[-1]
    assert patched.headers["Content-Type"] == "application/merge-patch+json"


async def test_a_site_open_for_reading_makes_no_tenants(fake: FakeSite) -> None:
    fake.on("GET", "/apis/tapms.hpe.com", ok({"preferredVersion": {"version": "v1alpha3"}}))
    access = KubernetesAccess("https://k8s.example:6443", Secret.of("a-token-of-k8s"))
    async with (
        fake.open(kubernetes=access, read_only=True) as site,
        site.kubernetes() as kubernetes,
    ):
        with pytest.raises(Exception, match="open for reading only"):
            await kubernetes.tenants.delete("blue")
    assert fake.writes() == []


async def test_kubernetes_must_be_configured(site: Site) -> None:
    with pytest.raises(ConfigError):
        async with site.kubernetes():
            pass


def test_a_tenant_is_carried_without_what_its_cluster_wrote() -> None:
    old = {
        **TENANT,
        "spec": {
            **TENANT["spec"],
            "tenantresources": [{"type": "compute", "xnames": [], "forcepoweroff": True}],
        },
    }
    body = tenant_body(
        Document.of(old), version="v1alpha3", drop_resource_fields=["forcepoweroff"]
    )
    assert body["metadata"] == {"name": "blue", "namespace": "tenants", "labels": {"a": "b"}}
    assert body["spec"] == {
        "tenantname": "blue",
        "tenantresources": [{"type": "compute", "xnames": []}],
    }
    assert "status" not in body


# Nexus and Gitea


async def test_packages_are_read_page_by_page(fake: FakeSite) -> None:
    pages = [
        ok({"items": [{"id": "1", "name": "a"}], "continuationToken": "t"}),
        ok({"items": [{"id": "2", "name": "b"}], "continuationToken": None}),
    ]
    fake.on("GET", "/service/rest/v1/components", *pages)
    login = BasicLogin("admin", Secret.of("a-password-of-nexus"))
    async with fake.open(nexus_login=login) as site:
        found = await site.nexus.components.list("cos")
    assert [one.name for one in found] == ["a", "b"]
    assert fake.asked()[-1].endswith("?repository=cos&continuationToken=t")
    assert fake.requests[0].headers["Authorization"].startswith("Basic ")


async def test_nexus_is_asked_as_anybody_without_a_login(fake: FakeSite, site: Site) -> None:
    fake.on("GET", "/service/rest/v1/repositories", ok([]))
    assert await site.nexus.repositories.list() == ()
    assert "Authorization" not in fake.requests[0].headers


async def test_repositories_and_branches_are_read_to_the_last_page(
    fake: FakeSite, site: Site
) -> None:
    rows = [{"full_name": f"cray/r{number}"} for number in range(60)]
    fake.on("GET", "/vcs/api/v1/orgs/cray/repos", ok(rows[:50]), ok(rows[50:]), ok([]))
    assert len(await site.vcs.repositories("cray")) == 60
    branch = {"name": "main", "commit": {"id": "a" * 40}, "protected": True}
    fake.on(
        "GET", "/vcs/api/v1/repos/cray/x/branches", ok([branch], 200, **{"X-Total-Count": "1"})
    )
    before = len(fake.requests)
    (found,) = await site.vcs.branches("cray", "x")
    assert (found.name, found.commit.id, found.protected) == ("main", "a" * 40, True)
    assert len(fake.requests) == before + 1


# HSM


async def test_reservations_hide_their_keys_and_give_them_back(fake: FakeSite, site: Site) -> None:
    made = {"Success": [{"ID": "x1", "DeputyKey": "dk-secret", "ReservationKey": "rk-secret"}]}
    fake.on("POST", f"{HSM}/locks/service/reservations", ok(made))
    fake.on("POST", f"{HSM}/locks/service/reservations/release", ok({}))
    held = await site.hsm.locks.reservations.hold(["X01"], minutes=2)
    assert "secret" not in repr(held)
    await site.hsm.locks.reservations.let_go(held)
    assert fake.body()["ReservationKeys"] == [{"ID": "x1", "Key": "rk-secret"}]


async def test_a_reservation_that_fails_in_part_is_an_error(fake: FakeSite, site: Site) -> None:
    failed = {"Success": [], "Failure": [{"ID": "x1", "Reason": "Locked"}]}
    fake.on("POST", f"{HSM}/locks/reservations", ok(failed))
    with pytest.raises(RequestRefused) as caught:
        await site.hsm.locks.reservations.create(["x1"])
    assert caught.value.detail == "x1: Locked"


async def test_interfaces_are_found_by_their_address_in_either_spelling(
    fake: FakeSite, site: Site
) -> None:
    row = {
        "ID": "a4bf012b7310",
        "MACAddress": "a4:bf:01:2b:73:10",
        "IPAddresses": [{"IPAddress": "10.252.0.1", "Network": "NMN"}],
    }
    fake.on("GET", f"{HSM}/Inventory/EthernetInterfaces/a4bf012b7310", ok(row))
    found = await site.hsm.ethernet_interfaces.get("A4:BF:01:2B:73:10")
    assert found.ip_addresses == (IpAddress("10.252.0.1", "NMN"),)


async def test_a_stream_tries_again_until_it_began_and_renews_its_token_never_after(
    fake: FakeSite, site: Site
) -> None:
    rows = {"Components": [{"ID": "x1"}, {"ID": "x2"}]}
    fake.on("GET", f"{HSM}/State/Components", httpx2.Response(503), ok(rows))
    assert [one.id async for one in site.hsm.components.stream()] == ["x1", "x2"]
    fake.on("GET", f"{HSM}/State/Components", httpx2.Response(401, text="Jwt is expired"))
    with pytest.raises(AuthenticationError):
        [one async for one in site.hsm.components.stream()]
    fake.on("GET", f"{HSM}/State/Components", ok({"Components": None}))
    assert [one async for one in site.hsm.components.stream()] == []
    fake.on("GET", f"{HSM}/State/Components", ok([{"ID": "x1"}]))
    with pytest.raises(BadAnswer):
        [one async for one in site.hsm.components.stream()]


async def test_streams_and_requests_share_the_connections_without_a_deadlock(
    fake: FakeSite,
) -> None:
    fake.on("GET", f"{HSM}/State/Components", ok({"Components": [{"ID": "x1"}] * 3}))
    async with fake.open(max_connections=1) as site:
        for _ in range(3):
            assert len([one async for one in site.hsm.components.stream()]) == 3
        assert len(await site.hsm.components.list()) == 3
