# SPDX-License-Identifier: Apache-2.0
"""BSS as the lab emulates it."""

from __future__ import annotations

from typing import Any

import pytest

from lab.services.fakes import Lab, add_nodes, detail

BSS = "/apis/bss/boot/v1"
PATH = f"{BSS}/bootparameters"
X = "x1000c0s0b0n0"
BODY = {"hosts": [X], "params": "quiet", "kernel": "s3://k", "initrd": "s3://i"}
CLOUD = {
    "meta-data": None,
    "user-data": None,
    "phone-home": dict.fromkeys(
        ("pub_key_dsa", "pub_key_rsa", "pub_key_ecdsa", "instance_id", "hostname", "fqdn"), ""
    ),
}


async def test_answers_null_for_an_empty_list(csm17: Lab) -> None:
    """BSS 1.37: not []."""
    assert (await csm17.call("GET", PATH)).text == "null"


async def test_refuses_to_create_twice_with_400(csm17: Lab) -> None:
    """BSS 1.37: 201 with a referral token, then 400 "Already exists" (not 409)."""
    first = await csm17.call("POST", PATH, BODY)
    assert (first.status_code, bool(first.headers["bss-referral-token"])) == (201, True)
    second = await csm17.call("POST", PATH, BODY)
    assert (second.status_code, detail(second)) == (400, f"Bad Request: Already exists: {X}")


async def test_lists_kernels_and_initrds_before_hosts(csm17: Lab) -> None:
    """BSS 1.37: the whole list starts with entries that have no hosts."""
    await csm17.call("POST", PATH, BODY)
    assert await csm17.json("GET", PATH) == [
        {"kernel": "s3://k", "cloud-init": CLOUD},
        {"initrd": "s3://i", "cloud-init": CLOUD},
        {**BODY, "cloud-init": CLOUD},
    ]


async def test_finds_hosts_by_name(csm17: Lab) -> None:
    """BSS 1.37: those that exist; 404 if none does."""
    await csm17.call("POST", PATH, BODY)
    found = await csm17.json("GET", PATH, name=f"{X},other")
    assert [record["hosts"] for record in found] == [[X]]
    answer = await csm17.call("GET", PATH, name="other")
    assert answer.status_code == 404
    assert detail(answer) == "Cannot find boot parameters for requested Hosts"


async def test_finds_hosts_by_mac_and_nid(csm17: Lab) -> None:
    """BSS 1.37: through HSM; a nid that is no number is a 400."""
    add_nodes(csm17, X)
    interface = {"ID": "a4", "MACAddress": "a4:bf", "ComponentID": X}
    csm17.site.state.ethernet_interfaces.put("a4", interface)
    await csm17.call("PUT", PATH, {"macs": ["A4:BF"], "params": "p"})
    for query in ({"mac": "a4:bf"}, {"nid": "1000"}):
        assert (await csm17.json("GET", PATH, **query))[0]["hosts"] == [X]
    assert (await csm17.call("GET", PATH, nid="ten")).status_code == 400


async def test_replaces_whole_records_on_put(csm17: Lab) -> None:
    """BSS 1.37: PUT creates or replaces, 200."""
    assert (await csm17.call("PUT", PATH, BODY)).status_code == 200
    await csm17.call("PUT", PATH, {"hosts": [X], "params": "other"})
    (record,) = await csm17.json("GET", PATH, name=X)
    assert (record["params"], "kernel" in record) == ("other", False)


async def test_merges_on_patch(csm17: Lab) -> None:
    """BSS 1.37: only given fields change; a missing host is a 404."""
    await csm17.call("PUT", PATH, BODY)
    cloud = {"meta-data": {"a": 1}}
    await csm17.call("PATCH", PATH, {"hosts": [X], "params": "new", "cloud-init": cloud})
    (record,) = await csm17.json("GET", PATH, name=X)
    assert (record["params"], record["kernel"]) == ("new", "s3://k")
    assert record["cloud-init"]["meta-data"] == {"a": 1}
    answer = await csm17.call("PATCH", PATH, {"hosts": ["other"], "params": "p"})
    assert answer.status_code == 404


async def test_deletes_once(csm17: Lab) -> None:
    """BSS 1.37: 200, then 400."""
    await csm17.call("PUT", PATH, BODY)
    statuses = [(await csm17.call("DELETE", PATH, {"hosts": [X]})).status_code for _ in range(2)]
    assert statuses == [200, 400]


@pytest.mark.parametrize(
    "body", [{"kernel": "s3://k"}, {"hosts": ["no such thing"], "params": ""}]
)
async def test_believes_anything(csm17: Lab, body: dict[str, Any]) -> None:
    """BSS 1.37: no host, or nonsense for one, is accepted."""
    assert (await csm17.call("PUT", PATH, body)).status_code == 200
    assert len(await csm17.json("GET", PATH)) == 1


@pytest.mark.parametrize("body", [b"{", b'{"hosts": "x"}'])
async def test_refuses_what_is_no_record(csm17: Lab, body: bytes) -> None:
    """BSS 1.37: 400."""
    assert (await csm17.call("PUT", PATH, body)).status_code == 400


async def test_takes_nothing_for_something(csm17: Lab) -> None:
    """BSS 1.37, boot_data.go: "Nothing to Store" is made and forgotten: 200, without a token."""
    for method in ("PUT", "PATCH", "DELETE"):
        answer = await csm17.call(method, PATH, {})
        assert (answer.status_code, "bss-referral-token" in answer.headers) == (200, False)
    assert (await csm17.call("GET", PATH)).text == "null"


async def test_creates_a_kernel_once(csm17: Lab) -> None:
    """BSS 1.37: without hosts, parameters are the kernel's; POST of one that is there: 400."""
    await csm17.call("PUT", PATH, BODY)
    kernel = {"kernel": "s3://k", "params": "of all"}
    answer = await csm17.call("POST", PATH, kernel)
    assert (answer.status_code, detail(answer)) == (400, "Bad Request: Already exists: s3://k")
    assert (await csm17.call("PATCH", PATH, kernel)).status_code == 200
    (found,) = await csm17.json("GET", PATH, {"kernel": "s3://k"})
    assert (found["params"], "hosts" in found) == ("of all", False)


async def test_of_hosts_and_addresses_stores_the_first_kind(csm17: Lab) -> None:
    """BSS 1.37: `hosts`, else `macs`, else `nids`; what HSM does not know is a name of its own."""
    await csm17.call("PUT", PATH, {"hosts": [X], "nids": [7], "params": "p"})
    await csm17.call("PUT", PATH, {"nids": [7], "params": "p"})
    listed = await csm17.json("GET", PATH)
    assert [record["hosts"] for record in listed] == [["nid7"], [X]]


async def test_deletes_what_it_can_and_complains_of_the_rest(csm17: Lab) -> None:
    """BSS 1.37: a refused DELETE has deleted the hosts that were there."""
    await csm17.call("PUT", PATH, BODY)
    answer = await csm17.call("DELETE", PATH, {"hosts": ["other", X]})
    assert (answer.status_code, "Key /params/other does not exist" in detail(answer)) == (
        400,
        True,
    )
    assert (await csm17.call("GET", PATH, name=X)).status_code == 404


async def test_a_deleted_kernel_is_gone_from_its_hosts(csm17: Lab) -> None:
    """BSS 1.37: references to it are removed; deleting it again is fine."""
    await csm17.call("PUT", PATH, BODY)
    for _ in range(2):
        assert (await csm17.call("DELETE", PATH, {"kernel": "s3://k"})).status_code == 200
    (record,) = await csm17.json("GET", PATH, name=X)
    assert ("kernel" in record, record["initrd"]) == (False, "s3://i")


async def test_lists_kernels_by_a_hash_of_their_paths(csm17: Lab) -> None:
    """BSS 1.37: etcd is read by key: hosts come by name, kernels by FNV-1a."""
    for host, kernel in (("x2", "s3://a"), ("x1", "s3://b"), ("x3", "s3://c")):
        await csm17.call("PUT", PATH, {"hosts": [host], "kernel": kernel})
    listed = await csm17.json("GET", PATH)
    assert [record["kernel"] for record in listed[:3]] == ["s3://a", "s3://c", "s3://b"]
    assert [record["hosts"] for record in listed[3:]] == [["x1"], ["x2"], ["x3"]]


async def test_refuses_a_question_without_a_subject(csm17: Lab) -> None:
    """BSS 1.37: 400 for an empty object; a 404 names all that was asked for."""
    assert (await csm17.call("GET", PATH, {})).status_code == 400
    answer = await csm17.call("GET", PATH, {"kernel": "k", "hosts": ["h"], "nids": [1]})
    assert detail(answer).endswith("for requested Hosts, NIDs or kernel")


async def test_tells_its_status(csm17: Lab) -> None:
    """BSS 1.37: one part, or all."""
    assert await csm17.json("GET", f"{BSS}/service/version") == {"bss-version": "1.37.0"}
    everything = await csm17.json("GET", f"{BSS}/service/status/all")
    assert everything["bss-status"] == "running"
    assert len(everything) == 4
    assert (await csm17.call("GET", f"{BSS}/service/other")).status_code == 404


async def test_lists_hosts_of_hsm(csm17: Lab) -> None:
    """BSS 1.37: nodes with their MAC addresses; POST refreshes: 204."""
    add_nodes(csm17, X)
    assert [host["ID"] for host in await csm17.json("GET", f"{BSS}/hosts")] == [X]
    assert (await csm17.call("POST", f"{BSS}/hosts")).status_code == 204
    dump = await csm17.json("GET", f"{BSS}/dumpstate")
    assert dump.keys() == {"Components", "Params"}
