# SPDX-License-Identifier: Apache-2.0
"""Tenants: TAPMS's REST (1.4 to 1.6 and later), its webhooks and its controller."""

from __future__ import annotations

from typing import Any

import pytest

from lab.services.fakes import Lab, add_nodes, node

A, B, C = "x1000c0s0b0n0", "x1000c0s0b0n1", "x1000c0s1b0n0"
LONG = 60.0


def path(version: str = "v1alpha3", name: str = "") -> str:
    base = f"/apis/tapms.hpe.com/{version}/namespaces/tenants/tenants"
    return f"{base}/{name}" if name else base


def tenant(
    name: str = "vcluster-blue", version: str = "v1alpha3", **resource: Any
) -> dict[str, Any]:
    wanted = {
        "type": "compute",
        "hsmgrouplabel": "blue",
        "enforceexclusivehsmgroups": True,
        "xnames": [A],
        **resource,
    }
    return {
        "apiVersion": f"tapms.hpe.com/{version}",
        "kind": "Tenant",
        "metadata": {"name": name, "namespace": "tenants"},
        "spec": {
            "tenantname": name,
            "childnamespaces": ["slurm", "user"],
            "tenantresources": [wanted],
        },
    }


async def made(lab: Lab, **more: Any) -> dict[str, Any]:
    answer = await lab.kubernetes("POST", path(), tenant(**more))
    assert answer.status_code == 201, answer.text
    created: dict[str, Any] = answer.json()
    return created


async def test_a_tenant_is_deployed_after_a_while(csm17: Lab) -> None:
    """TAPMS 1.9: New, Deploying with a uuid, then Deployed with its group and namespaces."""
    add_nodes(csm17, A)
    created = await made(csm17)
    assert created["spec"]["state"] == "New"
    assert "status" not in created
    assert (await csm17.call("GET", "/apis/smd/hsm/v2/groups/blue")).status_code == 404
    csm17.wait(5)
    seen = (await csm17.kubernetes("GET", path(name="vcluster-blue"))).json()
    assert seen["spec"]["state"] == "Deploying"
    assert seen["status"] == {"uuid": created["metadata"]["uid"]}
    csm17.wait(5)
    done = (await csm17.kubernetes("GET", path(name="vcluster-blue"))).json()
    assert done["spec"]["state"] == "Deployed"
    assert done["status"]["childnamespaces"] == ["vcluster-blue-slurm", "vcluster-blue-user"]
    assert await csm17.json("GET", "/apis/smd/hsm/v2/groups/blue") == {
        "label": "blue",
        "description": "",
        "exclusiveGroup": "tapms-exclusive-group-label",
        "tags": ["vcluster-blue"],
        "members": {"ids": [A]},
    }


async def test_a_group_that_was_there_only_gets_members(csm17: Lab) -> None:
    """TAPMS 1.9: exclusiveGroup and tags of an existing group are never mended."""
    add_nodes(csm17, A, B)
    group = {"label": "blue", "members": {"ids": [B]}}
    await csm17.json("POST", "/apis/smd/hsm/v2/groups", group)
    await made(csm17)
    csm17.wait(LONG)
    kept = await csm17.json("GET", "/apis/smd/hsm/v2/groups/blue")
    assert (sorted(kept["members"]["ids"]), kept.keys()) == (
        [A, B],
        {"label", "description", "members"},
    )


async def test_an_update_moves_members_one_by_one(csm17: Lab) -> None:
    """TAPMS 1.9: what left the spec leaves the group, what came to it is added."""
    add_nodes(csm17, A, B)
    await made(csm17)
    csm17.wait(LONG)
    patch = {"spec": {"tenantresources": tenant(xnames=[B])["spec"]["tenantresources"]}}
    changed = await csm17.kubernetes("PATCH", path(name="vcluster-blue"), patch)
    assert changed.json()["spec"]["state"] == "Deploying"
    csm17.wait(LONG)
    group = await csm17.json("GET", "/apis/smd/hsm/v2/groups/blue")
    assert group["members"]["ids"] == [B]


async def test_a_deleted_tenant_takes_its_group_along(csm17: Lab) -> None:
    """TAPMS 1.9: Deleting until the finalizer ran; then neither tenant nor group."""
    add_nodes(csm17, A)
    await made(csm17)
    csm17.wait(LONG)
    gone = await csm17.kubernetes("DELETE", path(name="vcluster-blue"))
    assert gone.json()["spec"]["state"] == "Deleting"
    csm17.wait(LONG)
    assert (await csm17.kubernetes("GET", path(name="vcluster-blue"))).status_code == 404
    assert (await csm17.call("GET", "/apis/smd/hsm/v2/groups/blue")).status_code == 404


async def test_a_tenant_that_hsm_refuses_stays_deploying(csm17: Lab) -> None:
    """TAPMS 1.9: it is tried again until HSM takes the group."""
    add_nodes(csm17, A)
    await made(csm17, hsmgrouplabel="not a label")
    csm17.wait(LONG)
    stuck = (await csm17.kubernetes("GET", path(name="vcluster-blue"))).json()
    assert stuck["spec"]["state"] == "Deploying"


@pytest.mark.parametrize(
    ("resource", "words"),
    [
        (
            {"xnames": [A, "x9c0s0b0n0"]},
            "the following xname(s) do not have type Node and role Compute: [x9c0s0b0n0]",
        ),
        (
            {"type": "application", "xnames": [A]},
            "the following xname(s) do not have type Node and role Application: [x1000c0s0b0n0]",
        ),
        (
            {"xnames": [C]},
            "the following xname(s): '[x1000c0s1b0n0]' already exist in an exclusive hsm group",
        ),
    ],
)
async def test_the_webhook_denies(csm17: Lab, resource: dict[str, Any], words: str) -> None:
    """TAPMS 1.9, validating webhook: 403, kind Status, the reason in the message."""
    add_nodes(csm17, A, C)
    taken = {
        "label": "red",
        "exclusiveGroup": "tapms-exclusive-group-label",
        "members": {"ids": [C]},
    }
    await csm17.json("POST", "/apis/smd/hsm/v2/groups", taken)
    denied = await csm17.kubernetes("POST", path(), tenant(**resource))
    assert denied.status_code == 403
    status = denied.json()
    assert (status["kind"], status["status"]) == ("Status", "Failure")
    assert status["message"] == f'admission webhook "vtenant.kb.io" denied the request: {words}'


async def test_exclusiveness_cannot_be_changed(csm17: Lab) -> None:
    """TAPMS 1.9: "EnforceExclusiveHsmGroups field is immutable"."""
    add_nodes(csm17, A)
    await made(csm17)
    csm17.wait(LONG)
    resources = tenant(enforceexclusivehsmgroups=False)["spec"]["tenantresources"]
    patch = {"spec": {"tenantresources": resources}}
    denied = await csm17.kubernetes("PATCH", path(name="vcluster-blue"), patch)
    assert denied.status_code == 403
    assert "EnforceExclusiveHsmGroups field is immutable" in denied.json()["message"]


async def test_kubernetes_refuses_in_its_own_words(csm17: Lab) -> None:
    """Kubernetes: 401, 404, 409, 422 as objects of kind Status."""
    add_nodes(csm17, A)
    stranger = await csm17.client.get(f"/k8s{path()}")
    assert (stranger.status_code, stranger.json()["reason"]) == (401, "Unauthorized")
    missing = await csm17.kubernetes("GET", path(name="nobody"))
    assert missing.json()["message"] == 'tenants.tapms.hpe.com "nobody" not found'
    await made(csm17)
    again = await csm17.kubernetes("POST", path(), tenant())
    assert (again.status_code, again.json()["reason"]) == (409, "AlreadyExists")
    bare = tenant("other")
    del bare["spec"]["childnamespaces"]
    invalid = await csm17.kubernetes("POST", path(), bare)
    assert (invalid.status_code, invalid.json()["reason"]) == (422, "Invalid")
    assert "spec.childnamespaces: Required value" in invalid.json()["message"]


async def test_a_put_needs_the_version_last_seen(csm17: Lab) -> None:
    """Kubernetes: 409 Conflict for an old resourceVersion, 422 for none."""
    add_nodes(csm17, A, B)
    seen = await made(csm17)
    csm17.wait(LONG)
    seen["spec"]["tenantresources"][0]["xnames"] = [B]
    fresh = (await csm17.kubernetes("GET", path(name="vcluster-blue"))).json()
    seen["metadata"]["resourceVersion"] = str(int(fresh["metadata"]["resourceVersion"]) - 1)
    stale = await csm17.kubernetes("PUT", path(name="vcluster-blue"), seen)
    assert (stale.status_code, stale.json()["reason"]) == (409, "Conflict")
    unsaid = await csm17.kubernetes("PUT", path(name="vcluster-blue"), tenant())
    assert unsaid.status_code == 422


async def test_the_rest_api_moved_with_every_release(
    csm13: Lab, csm14: Lab, csm15: Lab, csm16: Lab
) -> None:
    """TAPMS: v1 paths in CSM 1.4, v1alpha2 in 1.5, v1alpha3 from 1.6; none in 1.3."""
    lists = ("v1/tenants", "v1alpha2/tenants", "v1alpha3/tenants")
    found = [
        [(await lab.call("GET", f"/apis/tapms/{one}")).status_code for one in lists]
        for lab in (csm13, csm14, csm15, csm16)
    ]
    assert found == [[404, 404, 404], [200, 404, 404], [404, 200, 404], [404, 404, 200]]


async def test_a_list_is_an_object_and_a_404_a_string(csm17: Lab) -> None:
    """TAPMS 1.9: TenantList although the specification says array; a bare JSON string."""
    add_nodes(csm17, A)
    created = await made(csm17)
    csm17.wait(LONG)
    listed = await csm17.json("GET", "/apis/tapms/v1alpha3/tenants")
    assert (listed["kind"], len(listed["items"])) == ("TenantList", 1)
    by_uuid = f"/apis/tapms/v1alpha3/tenants/{created['metadata']['uid']}"
    assert (await csm17.json("GET", by_uuid))["metadata"]["name"] == "vcluster-blue"
    missing = await csm17.call("GET", "/apis/tapms/v1alpha3/tenants/nobody")
    assert (missing.status_code, missing.json()) == (
        404,
        "Tenant with name/uuid 'nobody' not found.",
    )
    nowhere = await csm17.call("GET", "/apis/tapms/v1alpha1/tenants")
    assert (nowhere.status_code, nowhere.json()) == (404, {"message": "Page not found"})


async def test_owners_are_found_by_xname(csm15: Lab, csm17: Lab) -> None:
    """TAPMS from CSM 1.6: POST of xnames answers the tenants that own any of them."""
    add_nodes(csm17, A, B)
    await made(csm17)
    csm17.wait(LONG)
    owners = "/apis/tapms/v1alpha3/tenants"
    assert len((await csm17.json("POST", owners, [A, B]))["items"]) == 1
    assert (await csm17.json("POST", owners, [B]))["items"] == []
    bad = await csm17.call("POST", owners, {"xnames": [A]})
    assert (bad.status_code, list(bad.json())) == (400, ["message"])
    assert (await csm15.call("POST", "/apis/tapms/v1alpha2/tenants", [A])).status_code == 404


async def test_each_version_knows_its_own_fields(csm15: Lab, csm17: Lab) -> None:
    """CRD tenants.tapms.hpe.com: v1alpha3 has hooks, v1alpha2 forcepoweroff, v1alpha1 no keys."""
    add_nodes(csm17, A)
    rich = tenant(forcepoweroff=True)
    rich["spec"] |= {"tenantkms": {"enablekms": True}, "tenanthooks": [{"name": "h", "url": "u"}]}
    created = (await csm17.kubernetes("POST", path(), rich)).json()
    assert created["spec"]["tenantkms"]["keyname"] == "key1"
    assert "forcepoweroff" not in created["spec"]["tenantresources"][0]
    old = (await csm17.kubernetes("GET", path("v1alpha1", "vcluster-blue"))).json()
    assert (old["apiVersion"], "tenantkms" in old["spec"]) == ("tapms.hpe.com/v1alpha1", False)
    newer = await csm15.kubernetes("GET", path("v1alpha3"))
    assert newer.status_code == 404


async def test_bos_knows_a_tenant_as_soon_as_it_is_made(csm17: Lab) -> None:
    """BOS 2.50: an unknown tenant is a 400 "Invalid tenant"."""
    csm17.site.state.components.put(A, node(A))
    template = "/apis/bos/v2/sessiontemplates/t"
    body = {"boot_sets": {"c": {"type": "s3", "path": "s3://b/k", "node_list": [A]}}}
    unknown = await csm17.call("PUT", template, body, tenant="vcluster-blue")
    assert (unknown.status_code, unknown.json()["title"]) == (400, "Invalid tenant")
    await made(csm17)
    assert (await csm17.call("PUT", template, body, tenant="vcluster-blue")).status_code == 200


async def test_kubectl_finds_the_resource(csm17: Lab, csm14: Lab) -> None:
    """Kubernetes discovery: the group with its versions, the newest preferred."""
    groups = (await csm17.kubernetes("GET", "/apis")).json()["groups"]
    assert groups[0]["preferredVersion"]["version"] == "v1alpha3"
    resources = (await csm14.kubernetes("GET", "/apis/tapms.hpe.com/v1alpha1")).json()
    assert resources["resources"][0]["kind"] == "Tenant"
