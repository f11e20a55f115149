# SPDX-License-Identifier: Apache-2.0
"""What the specifications have and migrations seldom use: bulk changes, ages, leases, scripts."""

from __future__ import annotations

from typing import Any

import pytest

from lab.services.fakes import Lab, add_nodes, detail, place_image

A, B = "x1000c0s0b0n0", "x1000c0s0b0n1"
BOS, CFS, HSM = "/apis/bos/v2", "/apis/cfs", "/apis/smd/hsm/v2"
BSS = "/apis/bss/boot/v1"
ID = "3e0d418f-7757-4df0-b0f7-0b945495f7bf"


async def bos_session(lab: Lab, name: str) -> None:
    lab.site.pace.times = 0.001  # nothing happens to it meanwhile
    place_image(lab, ID)
    boot_set = {"type": "s3", "path": f"s3://boot-images/{ID}/manifest.json", "node_list": [A]}
    await lab.json("PUT", f"{BOS}/sessiontemplates/t", {"boot_sets": {"c": boot_set}})
    body = {"template_name": "t", "operation": "boot", "name": name}
    await lab.json("POST", f"{BOS}/sessions", body)


async def test_bos_sessions_are_deleted_by_age_and_status(csm17: Lab) -> None:
    """BOS 2.50, DELETE /v2/sessions: 204; an age that is none is a 400."""
    await bos_session(csm17, "old")
    csm17.clock.now_s += 7200
    await bos_session(csm17, "new")
    assert (await csm17.call("DELETE", f"{BOS}/sessions?status=complete")).status_code == 204
    assert len(await csm17.json("GET", f"{BOS}/sessions")) == 2
    assert (await csm17.call("DELETE", f"{BOS}/sessions?min_age=1h")).status_code == 204
    assert [s["name"] for s in await csm17.json("GET", f"{BOS}/sessions")] == ["new"]
    assert (await csm17.call("DELETE", f"{BOS}/sessions?min_age=soon")).status_code == 400


async def test_bos_sessions_are_patched_by_operators(csm17: Lab) -> None:
    """BOS 2.50, PATCH /v2/sessions/{id}: the status is merged."""
    await bos_session(csm17, "s")
    changed = await csm17.json("PATCH", f"{BOS}/sessions/s", {"status": {"status": "running"}})
    assert (changed["status"]["status"], changed["status"]["error"]) == ("running", None)
    assert (await csm17.call("POST", f"{BOS}/sessions/s/status")).status_code == 200
    assert (await csm17.call("PATCH", f"{BOS}/sessions/s", {"x": 1})).status_code == 400


async def test_bos_components_are_put_in_bulk(csm17: Lab) -> None:
    """BOS 2.50, PUT /v2/components: a list; one that lacks everything breaks nobody."""
    add_nodes(csm17, A)
    put = await csm17.json("PUT", f"{BOS}/components", [{"id": A, "enabled": True}, {"id": B}])
    assert [c["id"] for c in put] == [A, B]
    csm17.wait(3600)
    assert (await csm17.json("GET", f"{BOS}/components/{A}"))["enabled"] is False
    assert (await csm17.call("PUT", f"{BOS}/components", [{"enabled": True}])).status_code == 400


async def test_bos_titles_of_missing_things_changed(csm16: Lab, csm17: Lab) -> None:
    """BOS 2.48 on has one title for all of them."""
    titles = [
        (await lab.call("GET", f"{BOS}/sessiontemplates/none")).json()["title"]
        for lab in (csm16, csm17)
    ]
    assert titles == ["Sessiontemplate could not found.", "The resource was not found"]


@pytest.mark.parametrize("version", ["v2", "v3"])
async def test_cfs_sessions_are_deleted_and_patched(csm17: Lab, version: str) -> None:
    """CFS 1.31: bulk DELETE is a 204 in v2 and tells names in v3; PATCH is for jobs."""
    csm17.site.pace.times = 0.001
    await csm17.json("PUT", f"{CFS}/v3/configurations/c", {"layers": []})
    for name in ("one", "two"):
        body = {"name": name, "configuration_name": "c"}
        await csm17.json("POST", f"{CFS}/v3/sessions", body)
    patch = {"status": {"session": {"status": "running"}}}
    patched = await csm17.json("PATCH", f"{CFS}/{version}/sessions/one", patch)
    assert patched["status"]["session"]["status"] == "running"
    gone = await csm17.call("DELETE", f"{CFS}/{version}/sessions?status=running")
    assert gone.status_code == (204 if version == "v2" else 200)
    assert version == "v2" or gone.json() == {"session_ids": ["one"]}
    left = (await csm17.json("GET", f"{CFS}/v3/sessions"))["sessions"]
    assert [session["name"] for session in left] == ["two"]


async def test_cfs_sessions_are_found_by_what_they_are(csm14: Lab, csm17: Lab) -> None:
    """CFS 1.12, 1.31, GET /sessions: by status, success, part of the name, tags and age."""
    body = {"name": "one", "configurationName": "c", "tags": {"k": "v"}}
    for lab in (csm14, csm17):
        lab.site.pace.times = 0.001
        await lab.json("PUT", f"{CFS}/v2/configurations/c", {"layers": []})
        await lab.json("POST", f"{CFS}/v2/sessions", body)
        await lab.json("POST", f"{CFS}/v2/sessions", body | {"name": "two", "tags": {}})
        for query, names in (
            ("tags=k=v", ["one"]),
            ("name_contains=w", ["two"]),
            ("status=running", []),
            ("succeeded=none&max_age=1h", ["one", "two"]),
            ("min_age=1d", []),
        ):
            listed = await lab.json("GET", f"{CFS}/v2/sessions?{query}")
            assert sorted(session["name"] for session in listed) == names
        assert (await lab.call("GET", f"{CFS}/v2/sessions?tags=k")).status_code == 400
        assert (await lab.call("GET", f"{CFS}/v2/sessions?max_age=old")).status_code == 400
    paged = await csm17.json("GET", f"{CFS}/v3/sessions?name_contains=o&limit=1")
    assert (paged["next"]["name_contains"], paged["next"]["after_id"]) == ("o", "one")


async def test_cfs_sessions_go_forward_only(csm17: Lab) -> None:
    """CFS 1.31, PATCH /v3/sessions/{name}: what is complete stays so; artifacts are added."""
    csm17.site.pace.times = 0.001
    path = f"{CFS}/v3/sessions/s"
    await csm17.json("PUT", f"{CFS}/v3/configurations/c", {"layers": []})
    await csm17.json("POST", f"{CFS}/v3/sessions", {"name": "s", "configuration_name": "c"})
    artifact = {"image_id": "a", "result_id": "b", "type": "ims_customized_image"}
    for status in ("complete", "running"):
        body = {"status": {"session": {"status": status}, "artifacts": [artifact]}}
        patched = await csm17.json("PATCH", path, body)
        assert patched["status"]["session"]["status"] == "complete"
        assert patched["status"]["artifacts"] == [artifact]
    assert (await csm17.call("PATCH", path, {"tags": {}})).status_code == 400


async def test_cfs_components_keep_tags_that_a_patch_does_not_name(csm17: Lab) -> None:
    """CFS 1.31: tags are merged, an empty one is dropped."""
    path = f"{CFS}/v3/components/{A}"
    await csm17.json("PUT", path, {"state": [], "tags": {"a": "1", "b": "2"}})
    patched = await csm17.json("PATCH", path, {"tags": {"b": "", "c": "3"}})
    assert patched["tags"] == {"a": "1", "c": "3"}


async def test_cfs_components_are_put_in_bulk(csm17: Lab) -> None:
    """CFS 1.31: PUT of a list; v3 answers ids, v2 the components."""
    body = [{"id": A, "state": [], "desired_config": ""}]
    put = await csm17.json("PUT", f"{CFS}/v3/components", body)
    assert put == {"component_ids": [A]}
    old = await csm17.json("PUT", f"{CFS}/v2/components", [{"id": B, "state": []}])
    assert [c["id"] for c in old] == [B]
    assert (await csm17.call("PUT", f"{CFS}/v3/components", [{}])).status_code == 400


async def test_hsm_finds_a_node_by_number(csm17: Lab) -> None:
    """SMD 2.45, GET /State/Components/ByNID/{nid}."""
    add_nodes(csm17, A, B)
    assert (await csm17.json("GET", f"{HSM}/State/Components/ByNID/1001"))["ID"] == B
    assert (await csm17.call("GET", f"{HSM}/State/Components/ByNID/7")).status_code == 404
    assert (await csm17.call("GET", f"{HSM}/State/Components/ByNID/x")).status_code == 400


async def test_hsm_tells_the_values_of_a_field(csm17: Lab) -> None:
    """SMD 2.45, GET /service/values/{kind}."""
    assert list(await csm17.json("GET", f"{HSM}/service/values/arch")) == ["Arch"]
    assert (await csm17.call("GET", f"{HSM}/service/values/colour")).status_code == 404


async def test_hsm_takes_interfaces_by_hand(csm17: Lab) -> None:
    """SMD 2.45, EthernetInterfaces: POST 201, again 409; PATCH 200; DELETE 200, again 404."""
    base = f"{HSM}/Inventory/EthernetInterfaces"
    body = {"MACAddress": "A4:BF:01:2B:73:10", "ComponentID": "X1000c0s0b0n0"}
    made = await csm17.call("POST", base, body)
    assert (made.status_code, made.json()[0]["URI"].endswith("/a4bf012b7310")) == (201, True)
    assert (await csm17.call("POST", base, body)).status_code == 409
    assert (await csm17.call("POST", base, {"MACAddress": "nothing"})).status_code == 400
    found = (await csm17.json("GET", base, ComponentID=A))[0]
    assert (found["ID"], found["Type"]) == ("a4bf012b7310", "Node")
    addresses = {"IPAddresses": [{"IPAddress": "10.1.1.1", "Network": "NMN"}]}
    assert (await csm17.call("PATCH", f"{base}/a4bf012b7310", addresses)).status_code == 200
    assert len(await csm17.json("GET", base, IPAddress="10.1.1.1")) == 1
    assert (await csm17.call("PATCH", f"{base}/a4bf012b7310", {})).status_code == 400
    assert (await csm17.call("DELETE", f"{base}/a4bf012b7310")).status_code == 200
    assert (await csm17.call("DELETE", f"{base}/a4bf012b7310")).status_code == 404


async def keys(lab: Lab, minutes: int = 5) -> dict[str, Any]:
    body = {"ComponentIDs": [A], "ReservationDuration": minutes}
    answer = await lab.json("POST", f"{HSM}/locks/service/reservations", body)
    given: dict[str, Any] = answer["Success"][0]
    return given


async def test_hsm_leases_end_by_themselves(csm17: Lab) -> None:
    """SMD 2.45, service reservations: of unlocked components, for 1 to 15 minutes."""
    add_nodes(csm17, A)
    await keys(csm17)
    body = {"ComponentIDs": [A], "ReservationDuration": 5}
    path = f"{HSM}/locks/service/reservations"
    taken = await csm17.call("POST", path, body)
    assert (taken.status_code, detail(taken)) == (400, "Component is Reserved")
    csm17.clock.now_s += 301
    assert (await csm17.call("POST", path, body)).status_code == 200
    too_long = await csm17.call("POST", path, body | {"ReservationDuration": 16})
    assert too_long.status_code == 400


async def test_hsm_leases_are_renewed_and_released_by_key(csm17: Lab) -> None:
    """SMD 2.45: the reservation key renews and releases, the deputy key is checked."""
    add_nodes(csm17, A)
    given = await keys(csm17, 1)
    base = f"{HSM}/locks/service/reservations"
    body = {"ReservationKeys": [{"ID": A, "Key": given["ReservationKey"]}]}
    renewed = await csm17.json("POST", f"{base}/renew", body | {"ReservationDuration": 10})
    assert renewed["Counts"] == {"Total": 1, "Success": 1, "Failure": 0}
    csm17.clock.now_s += 120
    deputies = {"DeputyKeys": [{"ID": A, "Key": given["DeputyKey"]}]}
    assert len((await csm17.json("POST", f"{base}/check", deputies))["Success"]) == 1
    assert (await csm17.call("POST", f"{base}/release", body)).status_code == 200
    assert (await csm17.call("POST", f"{base}/release", body)).status_code == 400


async def test_hsm_leases_are_not_given_on_locked_nodes(csm17: Lab) -> None:
    """SMD 2.45: a locked component cannot be reserved by a service."""
    add_nodes(csm17, A)
    await csm17.json("POST", f"{HSM}/locks/lock", {"ComponentIDs": [A]})
    body = {"ComponentIDs": [A], "ReservationDuration": 5}
    refused = await csm17.call("POST", f"{HSM}/locks/service/reservations", body)
    assert detail(refused) == "Component is Locked"
    flexible = body | {"ProcessingModel": "flexible"}
    some = await csm17.json("POST", f"{HSM}/locks/service/reservations", flexible)
    assert some["Failure"] == [{"ID": A, "Reason": "Locked"}]


async def test_bss_hands_out_scripts(csm17: Lab) -> None:
    """BSS 1.37, GET /bootscript: text; own record, then role, then Default; unknown is a 404."""
    add_nodes(csm17, A)
    none = await csm17.call("GET", f"{BSS}/bootscript?name={A}")
    assert none.status_code == 404
    record = {"hosts": ["Compute"], "params": "quiet", "kernel": "s3://b/k", "initrd": "s3://b/i"}
    await csm17.call("PUT", f"{BSS}/bootparameters", record)
    script = await csm17.call("GET", f"{BSS}/bootscript?nid=1000")
    assert script.headers["content-type"].startswith("text/plain")
    assert script.text.startswith("#!ipxe")
    assert f"quiet xname={A} nid=1000 bss_referral_token=" in script.text
    assert " ds=nocloud-net;s=" in script.text
    assert (await csm17.call("GET", f"{BSS}/bootscript")).status_code == 400


async def test_bss_fills_in_scripts(csm17: Lab) -> None:
    """BSS 1.37: addresses in S3 are presigned, the join token is filled in, nothing comes twice."""
    add_nodes(csm17, A)
    params = f"xname={A} t=${{SPIRE_JOIN_TOKEN}} metal.server=s3://b/m ds=mine"
    record = {"hosts": [A], "params": params, "kernel": "s3://b/k", "initrd": "http://x/i"}
    await csm17.call("PUT", f"{BSS}/bootparameters", record)
    script = (await csm17.call("GET", f"{BSS}/bootscript?name={A}")).text
    assert (script.count("X-Amz-Signature="), script.count("xname=")) == (2, 1)
    assert ("s3://" in script, "SPIRE" in script, "nocloud" in script) == (False, False, False)
    assert "initrd --name initrd http://x/i ||" in script


async def test_bss_knows_no_script_for_strangers(csm17: Lab) -> None:
    """BSS 1.37: a node that HSM does not know gets none, not even the default one."""
    record = {"hosts": ["Default"], "kernel": "s3://b/k"}
    await csm17.call("PUT", f"{BSS}/bootparameters", record)
    assert (await csm17.call("GET", f"{BSS}/bootscript?name={A}")).status_code == 404


async def test_ims_takes_jobs_of_things_that_are_there(csm17: Lab) -> None:
    """IMS 3.33, POST /v3/jobs: 201, or 400 for an image or a key that is not there."""
    image = await csm17.json("POST", "/apis/ims/v3/images", {"name": "i"})
    body = {"job_type": "customize", "image_root_archive_name": "n", "artifact_id": image["id"]}
    job = await csm17.json("POST", "/apis/ims/v3/jobs", body)
    assert (job["status"], job["resultant_image_id"]) == ("creating", None)
    assert (await csm17.call("GET", f"/apis/ims/v2/jobs/{job['id']}")).status_code == 200
    wrong = body | {"artifact_id": ID}
    assert (await csm17.call("POST", "/apis/ims/v3/jobs", wrong)).status_code == 400
    assert (await csm17.call("DELETE", "/apis/ims/v3/jobs")).status_code == 204


async def test_ims_has_remote_build_nodes_from_csm_15(csm14: Lab, csm15: Lab, csm17: Lab) -> None:
    """IMS 3.15 on; their status from 3.20 on."""
    path = "/apis/ims/v3/remote-build-nodes"
    assert (await csm14.call("GET", path)).status_code == 404
    assert (await csm15.call("POST", path, {"xname": A})).status_code == 201
    assert (await csm15.call("POST", path, {"xname": "blade"})).status_code == 400
    assert (await csm15.call("GET", f"{path}/{A}")).status_code == 200
    assert (await csm17.call("GET", f"{path}/status")).json() == []
    await csm17.json("POST", path, {"xname": A})
    assert (await csm17.json("GET", f"{path}/status/{A}"))["ableToRunJobs"] is False


async def test_cfs_bounds_its_options_in_v3(csm17: Lab) -> None:
    """CFS 1.31: a page of nothing is a 400."""
    for change in ({"default_page_size": 0}, {"batch_window": -1}):
        assert (await csm17.call("PATCH", f"{CFS}/v3/options", change)).status_code == 400
