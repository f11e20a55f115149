# SPDX-License-Identifier: Apache-2.0
"""PowerDNS 4.x and cray-powerdns-manager: names that SLS owns, and names that it does not."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from lab.services.fakes import Lab

ZONES = "/pdns/api/v1/servers/localhost/zones"
ZONE = "cmn.alps.example.org."


async def call(lab: Lab, method: str, path: str, body: Any = None) -> httpx2.Response:
    headers = {"x-api-key": "dns"}
    return await lab.client.request(method, f"{ZONES}{path}", headers=headers, json=body)


def reserve(lab: Lab, **reservation: Any) -> None:
    subnet = {"Name": "s", "IPReservations": [reservation]}
    network = {"Name": "CMN", "IPRanges": [], "ExtraProperties": {"Subnets": [subnet]}}
    lab.site.state.sls_networks.put("CMN", network)


async def rrsets(lab: Lab) -> dict[str, str]:
    zone = (await call(lab, "GET", f"/{ZONE}")).json()
    return {r["name"]: r["records"][0]["content"] for r in zone["rrsets"] if r["type"] != "SOA"}


async def replace(lab: Lab, name: str, content: str, **more: Any) -> httpx2.Response:
    rrset = {"name": name, "type": "A", "ttl": 60, "changetype": "REPLACE", **more}
    rrset.setdefault("records", [{"content": content, "disabled": False}])
    return await call(lab, "PATCH", f"/{ZONE}", {"rrsets": [rrset]})


async def test_sls_names_are_records(csm17: Lab) -> None:
    """cray-powerdns-manager: A for a reservation, CNAME for aliases without dots."""
    reserve(csm17, Name="blue", IPAddress="10.1.1.1", Aliases=["login-blue", "blue.local"])
    assert await rrsets(csm17) == {
        f"blue.{ZONE}": "10.1.1.1",
        f"login-blue.{ZONE}": f"blue.{ZONE}",
    }


async def test_foreign_names_survive(csm17: Lab) -> None:
    """cray-powerdns-manager compares by name: what SLS does not know it leaves alone."""
    reserve(csm17, Name="blue", IPAddress="10.1.1.1")
    assert (await replace(csm17, f"green.{ZONE}", "10.2.2.2")).status_code == 204
    csm17.wait(3600)
    assert (await rrsets(csm17))[f"green.{ZONE}"] == "10.2.2.2"


async def test_sls_takes_its_names_back(csm17: Lab) -> None:
    """cray-powerdns-manager: a changed name of SLS's is put back within 30 seconds."""
    reserve(csm17, Name="blue", IPAddress="10.1.1.1")
    await replace(csm17, f"blue.{ZONE}", "10.9.9.9")
    assert (await rrsets(csm17))[f"blue.{ZONE}"] == "10.9.9.9"
    csm17.wait(31)
    assert (await rrsets(csm17))[f"blue.{ZONE}"] == "10.1.1.1"


async def test_an_alias_of_sls_overrides_a_foreign_record(csm17: Lab) -> None:
    """cray-powerdns-manager: a name that SLS comes to know is SLS's from then on."""
    reserve(csm17, Name="blue", IPAddress="10.1.1.1")
    await replace(csm17, f"login.{ZONE}", "10.9.9.9")
    csm17.wait(60)
    reserve(csm17, Name="blue", IPAddress="10.1.1.1", Aliases=["login"])
    assert (await rrsets(csm17))[f"login.{ZONE}"] == f"blue.{ZONE}"


@pytest.mark.parametrize(
    ("name", "more", "words"),
    [
        ("blue.cmn.alps.example.org", {}, "is not canonical"),
        ("blue.example.com.", {}, "Name is out of zone"),
        (f"blue.{ZONE}", {"type": "NOPE"}, "unknown type given"),
        (f"blue.{ZONE}", {"changetype": "CHANGE"}, "Changetype not understood"),
    ],
)
async def test_wrong_changes_are_refused(
    csm17: Lab, name: str, more: dict[str, Any], words: str
) -> None:
    """PowerDNS: 422 with an error, and nothing is changed."""
    reserve(csm17, Name="x", IPAddress="10.1.1.1")
    refused = await replace(csm17, name, "10.2.2.2", **more)
    assert (refused.status_code, words in refused.json()["error"]) == (422, True)
    assert list(await rrsets(csm17)) == [f"x.{ZONE}"]


async def test_a_key_is_needed(csm17: Lab) -> None:
    """PowerDNS: 401 without the API key; unknown zones are a 404."""
    assert (await csm17.client.get(ZONES)).status_code == 401
    assert (await call(csm17, "GET", "/elsewhere.org.")).status_code == 404
