# SPDX-License-Identifier: Apache-2.0
"""What was seen on the real services and no other test holds: CSM 1.7's, unless said otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from lab.services.fakes import Lab, add_nodes, detail, node, place_image

IMAGES = "/apis/ims/v3/images"
CONFIGURATIONS = "/apis/cfs/v3/configurations"
TEMPLATES = "/apis/bos/v2/sessiontemplates"
HSM = "/apis/smd/hsm/v2"
ID = "3e0d418f-7757-4df0-b0f7-0b945495f7bf"
URL = "https://api-gw-service-nmn.local/vcs/cray/cos.git"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def layer(**change: Any) -> dict[str, Any]:
    base = {"clone_url": URL, "playbook": "site.yml", "commit": COMMIT}
    return {k: v for k, v in {**base, **change}.items() if v is not None}


def template(**change: Any) -> dict[str, Any]:
    compute = {
        **{"type": "s3", "path": f"s3://boot-images/{ID}/manifest.json", "arch": "X86"},
        **{"node_groups": ["no-such-group"], "node_list": ["x9c0s0b0n0"], **change},
    }
    cfs = {"configuration": "no-such-configuration"}
    return {"enable_cfs": True, "cfs": cfs, "boot_sets": {"compute": compute}}


async def test_bos_calls_valid_what_it_does_not_look_at(csm17: Lab) -> None:
    """BOS 2.50: etag, configuration, group, nodes, and an IMS record without a link."""
    place_image(csm17, ID)
    record = {"id": ID, "name": "i", "created": "", "link": None, "arch": "x86_64"}
    csm17.site.state.images.put(ID, record | {"metadata": {}})
    for etag in ({"etag": "stale"}, {}):
        await csm17.json("PUT", f"{TEMPLATES}/t", template(**etag))
        assert await csm17.json("GET", "/apis/bos/v2/sessiontemplatesvalid/t") == "Valid"


@pytest.mark.parametrize(
    "body",
    [
        template() | {"cfs": None},
        template(name="another"),
        {**template(), "boot_sets": {"compute": {"type": "s3", "node_list": ["x1"]}}},
        template(unheard_of=1),
    ],
)
async def test_bos_refuses_what_its_specification_does(csm17: Lab, body: dict[str, Any]) -> None:
    """BOS 2.50: cfs null, a boot set's name that is not its key, no path, unknown fields: 400."""
    assert (await csm17.call("PUT", f"{TEMPLATES}/t", body)).status_code == 400


async def test_bos_has_no_v1_any_more(csm17: Lab) -> None:
    """BOS 2.50: /v1 is a 404."""
    for path in ("/apis/bos/v1/sessiontemplate", "/apis/bos/v1/session"):
        assert (await csm17.call("GET", path)).status_code == 404


async def test_cfs_takes_many_layers(csm17: Lab) -> None:
    """CFS 1.31: 60 layers are fine."""
    layers = [layer(playbook=f"{number}.yml") for number in range(60)]
    answer = await csm17.call("PUT", f"{CONFIGURATIONS}/many", {"layers": layers})
    assert (answer.status_code, len(answer.json()["layers"])) == (200, 60)


@pytest.mark.parametrize(
    "change",
    [
        {"commit": COMMIT.upper()},
        {"commit": COMMIT[:7]},
        {"playbook": None},
        {"clone_url": None},
    ],
)
async def test_cfs_checks_the_form_of_a_layer(csm17: Lab, change: dict[str, Any]) -> None:
    """CFS 1.31: 40 lower-case hex digits, a playbook, one of source and URL: else 400."""
    body = {"layers": [layer(**change)]}
    assert (await csm17.call("PUT", f"{CONFIGURATIONS}/c", body)).status_code == 400


async def test_cfs_loses_the_tenant_in_a_copy_through_v2(csm17: Lab) -> None:
    """CFS 1.31: v2 neither shows tenant_name nor keeps it."""
    csm17.site.state.tenants.put("blue", {})
    await csm17.json("PUT", f"{CONFIGURATIONS}/c", {"layers": [layer()]}, tenant="blue")
    seen = await csm17.json("GET", "/apis/cfs/v2/configurations/c")
    assert "tenant_name" not in seen
    copy = {"layers": seen["layers"]}
    await csm17.json("PUT", "/apis/cfs/v2/configurations/copy", copy)
    copied = await csm17.json("GET", f"{CONFIGURATIONS}/copy")
    assert not copied.get("tenant_name")


async def test_cfs_asks_nobody_whether_a_repository_exists(csm17: Lab) -> None:
    """CFS 1.31: with a commit, any URL is stored with 200."""
    body = {"layers": [layer(clone_url="https://no.such.host/x.git")]}
    assert (await csm17.call("PUT", f"{CONFIGURATIONS}/c", body)).status_code == 200


@pytest.mark.parametrize(
    ("distribution", "status"),
    [("sles12", 201), ("sles15", 201), ("centos7", 201), ("debian", 422)],
)
async def test_ims_knows_three_distributions(csm17: Lab, distribution: str, status: int) -> None:
    """IMS 3.33: recipes of sles12, sles15 and centos7."""
    body = {"name": "r", "recipe_type": "kiwi-ng", "linux_distribution": distribution}
    assert (await csm17.call("POST", "/apis/ims/v3/recipes", body)).status_code == status


async def test_ims_lists_everything_at_once(csm17: Lab) -> None:
    """IMS 3.33: no paging, no filter; unknown parameters are ignored."""
    for number in range(120):
        await csm17.json("POST", IMAGES, {"name": f"i{number}"})
    assert len(await csm17.json("GET", f"{IMAGES}?limit=5&name=i1")) == 120


async def test_ims_takes_a_link_at_once_under_any_prefix(csm17: Lab) -> None:
    """IMS 3.33: 201; BOS then finds no image of the key's id."""
    link = place_image(csm17, ID)
    created = await csm17.json("POST", IMAGES, {"name": "i", "link": link})
    assert created["id"] != ID
    await csm17.json("PUT", f"{TEMPLATES}/t", template())
    verdict = await csm17.json("GET", "/apis/bos/v2/sessiontemplatesvalid/t")
    assert f"IMS image id '{ID}' does not exist in IMS" in verdict


async def test_hsm_tells_the_uri_of_a_new_group(csm17: Lab) -> None:
    """SMD 2.45: 201 with URI and Location below /hsm/v2."""
    answer = await csm17.call("POST", f"{HSM}/groups", {"label": "blue"})
    assert answer.json() == [{"URI": "/hsm/v2/groups/blue"}]
    assert answer.headers["location"] == "/hsm/v2/groups"


async def test_hsm_queries_by_many_kinds_of_names(csm17: Lab) -> None:
    """SMD 2.45: POST /State/Components/Query takes xnames, s0, all and partitions."""
    add_nodes(csm17, "x1000c0s0b0n0", "x1000c0s0b0n1")
    partition = {"name": "p1", "members": {"ids": ["x1000c0s0b0n1"]}}
    await csm17.json("POST", f"{HSM}/partitions", partition)
    for name, count in (("s0", 2), ("all", 2), ("x1000c0", 2), ("p1", 1)):
        body = {"ComponentIDs": [name]}
        found = await csm17.json("POST", f"{HSM}/State/Components/Query", body)
        assert len(found["Components"]) == count, name


async def test_bss_falls_back_from_name_to_role_to_default(csm17: Lab) -> None:
    """BSS 1.37: records may be named Default, Global or after a role."""
    for host in ("Default", "Global", "Compute"):
        body = {"hosts": [host], "params": host, "kernel": "s3://b/k"}
        answer = await csm17.call("PUT", "/apis/bss/boot/v1/bootparameters", body)
        assert answer.status_code == 200


async def test_nothing_pages_but_cfs_and_bos_components(csm17: Lab) -> None:
    """CSM 1.7: HSM, IMS and BOS templates answer everything, whatever is asked."""
    for number in range(30):
        csm17.site.state.components.put(f"x1000c0s{number}b0n0", node(f"x1000c0s{number}b0n0"))
    listed = await csm17.json("GET", f"{HSM}/State/Components?limit=3")
    assert len(listed["Components"]) == 30


async def test_problems_have_one_form(csm17: Lab) -> None:
    """IMS, BOS, CFS, HSM, BSS, SLS and PCS: RFC 7807."""
    missing = (
        f"{IMAGES}/{ID}",
        f"{TEMPLATES}/none",
        f"{CONFIGURATIONS}/none",
        f"{HSM}/groups/none",
        "/apis/bss/boot/v1/bootparameters?name=none",
        "/apis/sls/v1/networks/none",
        f"/apis/power-control/v1/transitions/{ID}",
    )
    for path in missing:
        answer = await csm17.call("GET", path)
        assert answer.status_code == 404, path
        assert detail(answer)
