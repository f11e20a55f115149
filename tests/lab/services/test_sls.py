# SPDX-License-Identifier: Apache-2.0
"""SLS 2.12 (hms-sls): /apis/sls/v1, as cmd/sls and its specification have it."""

from __future__ import annotations

from typing import Any

import pytest

from lab.services.fakes import Lab, detail

SLS = "/apis/sls/v1"
NODE = "x1000c0s0b0n0"


def network(**fields: Any) -> dict[str, Any]:
    return {
        "Name": "CAN",
        "FullName": "Customer Access Network",
        "IPRanges": ["10.103.1.0/24"],
        "Type": "ethernet",
        "ExtraProperties": {"CIDR": "10.103.1.0/24", "VlanRange": [6], "Subnets": []},
        **fields,
    }


async def test_hardware_put_creates_with_201_and_replaces_with_200(csm17: Lab) -> None:
    """SLS 2.12, PUT /hardware/{xname}: parent, type and spelling are the service's."""
    body = {"Class": "Mountain", "ExtraProperties": {"NID": 7, "Aliases": ["nid000007"]}}
    first = await csm17.call("PUT", f"{SLS}/hardware/X1000c0s0b0n00", body)
    assert first.status_code == 201
    assert first.json() == {
        "Parent": "x1000c0s0b0",
        "Xname": NODE,
        "Type": "comptype_node",
        "Class": "Mountain",
        "TypeString": "Node",
        "ExtraProperties": {"NID": 7, "Aliases": ["nid000007"]},
    }
    assert (await csm17.call("PUT", f"{SLS}/hardware/{NODE}", body)).status_code == 200
    kept = await csm17.json("GET", f"{SLS}/hardware/{NODE}")
    assert kept["LastUpdated"] == 1_700_000_000


async def test_hardware_post_conflicts_with_what_is_there(csm17: Lab) -> None:
    """SLS 2.12, POST /hardware: 201, then 409 "object already exists"."""
    body = {"Xname": NODE, "Class": "River"}
    first = await csm17.call("POST", f"{SLS}/hardware", body)
    assert (first.status_code, first.json()) == (201, {"code": 0, "message": "inserted new entry"})
    again = await csm17.call("POST", f"{SLS}/hardware", body)
    assert (again.status_code, detail(again)) == (409, "object already exists")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "error decoding JSON"),
        ({}, "missing required Xname field"),
        ({"Xname": "blade1", "Class": "River"}, "invalid Xname field"),
        ({"Xname": NODE}, "missing required Class field"),
        ({"Xname": NODE, "Class": "Valley"}, "invalid Class field"),
    ],
)
async def test_hardware_post_refuses(csm17: Lab, body: Any, words: str) -> None:
    """SLS 2.12, POST /hardware: 400 in this order."""
    refused = await csm17.call("POST", f"{SLS}/hardware", body)
    assert (refused.status_code, detail(refused)) == (400, words)


async def test_hardware_delete_takes_what_lies_below(csm17: Lab) -> None:
    """SLS 2.12, DELETE /hardware/{xname}: the entry and its descendants; then 404."""
    for xname in ("x1000", "x1000c0", NODE, "x1000c0s0b0", "x1000c0s0", "x2000"):
        await csm17.json("PUT", f"{SLS}/hardware/{xname}", {"Class": "Mountain"})
    done = await csm17.json("DELETE", f"{SLS}/hardware/x1000")
    assert done == {"code": 0, "message": "deleted entry and its descendants"}
    assert [h["Xname"] for h in await csm17.json("GET", f"{SLS}/hardware")] == ["x2000"]
    gone = await csm17.call("DELETE", f"{SLS}/hardware/x1000")
    assert (gone.status_code, detail(gone)) == (404, "no such component not in DB")


async def test_hardware_search_compares_extra_properties(csm17: Lab) -> None:
    """SLS 2.12, GET /search/hardware: nothing found is a 404, no condition a 400."""
    for number, role in enumerate(("Compute", "Application")):
        extra = {"Role": role, "NID": number, "Aliases": [f"nid00000{number}"]}
        body = {"Class": "Mountain", "ExtraProperties": extra}
        await csm17.json("PUT", f"{SLS}/hardware/x1000c0s0b0n{number}", body)
    path = f"{SLS}/search/hardware"
    by_role = await csm17.json("GET", path + "?type=comptype_node&extra_properties.Role=Compute")
    assert [h["Xname"] for h in by_role] == [NODE]
    by_nid = await csm17.json("GET", path + "?extra_properties.NID=1")
    assert [h["Xname"] for h in by_nid] == ["x1000c0s0b0n1"]
    assert (await csm17.call("GET", path + "?class=River")).status_code == 404
    assert (await csm17.call("GET", path)).status_code == 400
    assert (await csm17.call("GET", path + "?extra_properties.=x")).status_code == 400


async def test_network_post_conflicts_and_put_upserts(csm17: Lab) -> None:
    """SLS 2.12: POST 201, then 409; PUT 200 also for a new one, under the name in the path."""
    assert (await csm17.call("POST", f"{SLS}/networks", network())).status_code == 201
    again = await csm17.call("POST", f"{SLS}/networks", network())
    assert again.status_code == 409
    assert detail(again) == "A network with that name already exists in the database"
    made = await csm17.call("PUT", f"{SLS}/networks/CHN", network(Name="ignored"))
    assert (made.status_code, made.json()["Name"]) == (200, "CHN")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"Type": "token-ring"}, "invalid network type"),
        ({"Name": "two words"}, "invalid network name"),
        ({"IPRanges": ["10.1.1.1/99"]}, "invalid IP Range: 10.1.1.1/99"),
    ],
)
async def test_network_is_checked(csm17: Lab, change: dict[str, Any], words: str) -> None:
    """SLS 2.12, POST /networks: type, name, ranges; extra properties are not looked at."""
    refused = await csm17.call("POST", f"{SLS}/networks", network(**change))
    assert (refused.status_code, detail(refused)) == (400, words)


async def test_the_last_put_of_a_network_wins_in_silence(csm17: Lab) -> None:
    """SLS 2.12: no ETag, no If-Match: reservations are read, changed and put back whole."""
    await csm17.json("POST", f"{SLS}/networks", network())
    first = await csm17.json("GET", f"{SLS}/networks/CAN")
    first["ExtraProperties"]["Subnets"] = [{"Name": "one"}]
    await csm17.json("PUT", f"{SLS}/networks/CAN", first)
    await csm17.json("PUT", f"{SLS}/networks/CAN", network(FullName="second"))
    kept = await csm17.json("GET", f"{SLS}/networks/CAN")
    assert (kept["FullName"], kept["ExtraProperties"]["Subnets"]) == ("second", [])
    assert (await csm17.call("PATCH", f"{SLS}/networks/CAN", {})).status_code == 501


async def test_networks_are_found_by_address(csm17: Lab) -> None:
    """SLS 2.12, GET /search/networks?ip_address=: the networks that hold it; none is a 404."""
    await csm17.json("POST", f"{SLS}/networks", network())
    found = await csm17.json("GET", f"{SLS}/search/networks", ip_address="10.103.1.77")
    assert [n["Name"] for n in found] == ["CAN"]
    nothing = await csm17.call("GET", f"{SLS}/search/networks", ip_address="10.9.9.9")
    assert (nothing.status_code, detail(nothing)) == (404, "Network not found in DB")


async def test_a_dump_is_loaded_in_place_of_everything(csm17: Lab) -> None:
    """SLS 2.12: dumpstate 200; loadstate (multipart sls_dump) replaces all, 204."""
    await csm17.json("PUT", f"{SLS}/hardware/{NODE}", {"Class": "Mountain"})
    dump = await csm17.call("GET", f"{SLS}/dumpstate")
    assert list(dump.json()) == ["Hardware", "Networks"]
    await csm17.json("DELETE", f"{SLS}/hardware/{NODE}")
    await csm17.json("POST", f"{SLS}/networks", network())
    headers = {"authorization": f"Bearer {csm17.token}"}
    files = {"sls_dump": ("dump.json", dump.content, "application/json")}
    loaded = await csm17.client.post(f"{SLS}/loadstate", headers=headers, files=files)
    assert loaded.status_code == 204
    assert (await csm17.json("GET", f"{SLS}/dumpstate")) == dump.json()
    missing = await csm17.client.post(f"{SLS}/loadstate", headers=headers)
    assert missing.status_code == 400


async def test_every_change_is_counted(csm17: Lab) -> None:
    """SLS 2.12, GET /version: a counter and the time of the last change."""
    before = (await csm17.json("GET", f"{SLS}/version"))["Counter"]
    await csm17.json("PUT", f"{SLS}/hardware/{NODE}", {"Class": "Mountain"})
    assert (await csm17.json("GET", f"{SLS}/version"))["Counter"] == before + 1
