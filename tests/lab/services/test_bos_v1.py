# SPDX-License-Identifier: Apache-2.0
"""BOS v1 as the lab emulates it: there up to CSM 1.5."""

from __future__ import annotations

from typing import Any

import pytest

from lab.services.fakes import Lab, add_nodes, detail, place_image
from poya.lab.life.boot_sessions import new_component

V1 = "/apis/bos/v1"
ID = "3e0d418f-7757-4df0-b0f7-0b945495f7bf"
NODE = "x1000c0s0b0n0"


def template(**more: Any) -> dict[str, Any]:
    path = f"s3://boot-images/{ID}/manifest.json"
    compute = {"type": "s3", "path": path, "node_list": [NODE], "boot_ordinal": 1}
    sets = {"compute": compute | {"network": "nmn"}}
    return {"name": "t", "partition": "p1", "boot_sets": sets, **more}


async def put(lab: Lab) -> None:
    answer = await lab.call("POST", f"{V1}/sessiontemplate", template())
    assert (answer.status_code, answer.json()) == (201, "t")


async def test_keeps_its_own_fields_until_bos_2_10_drops_them(csm14: Lab, csm15: Lab) -> None:
    """BOS 2.0.47 stores boot_ordinal, network and partition; BOS 2.10 leaves them out."""
    for lab, kept in ((csm14, True), (csm15, False)):
        await put(lab)
        stored = await lab.json("GET", f"{V1}/sessiontemplate/t")
        assert ("partition" in stored) is kept
        assert ("boot_ordinal" in stored["boot_sets"]["compute"]) is kept
        assert await lab.json("GET", "/apis/bos/v2/sessiontemplates/t") == stored
        assert await lab.json("GET", f"{V1}/sessiontemplate") == [stored]


@pytest.mark.parametrize(
    "body",
    [
        {"boot_sets": {}},
        template(unheard_of=1),
        template(name=""),
        {"name": "t", "boot_sets": {"c": {"type": "s3"}}},
    ],
)
async def test_refuses_what_its_specification_does(csm14: Lab, body: dict[str, Any]) -> None:
    """BOS 2.0.47: no name, an unknown field, an empty name, a boot set without a path: 400."""
    answer = await csm14.call("POST", f"{V1}/sessiontemplate", body)
    assert answer.status_code == 400
    assert detail(answer)


async def test_deletes_a_template_once(csm14: Lab) -> None:
    """BOS 2.0.47: 204, then 404."""
    await put(csm14)
    path = f"{V1}/sessiontemplate/t"
    assert [(await csm14.call("DELETE", path)).status_code for _ in range(2)] == [204, 404]


async def test_a_session_is_told_by_boot_set_phase_and_category(csm15: Lab) -> None:
    """BOS 2.10: 201 with a job boa-<id>; its nodes are in categories of phases."""
    add_nodes(csm15, NODE)
    csm15.site.state.bos_components.put(NODE, new_component(NODE))
    place_image(csm15, ID)
    await put(csm15)
    body = {"operation": "Boot", "templateName": "t"}
    made = await csm15.json("POST", f"{V1}/session", body)
    number = made["job"].removeprefix("boa-")
    assert [link["rel"] for link in made["links"]] == ["session", "status"]
    assert await csm15.json("GET", f"{V1}/session") == [number]
    csm15.wait(60)
    told = await csm15.json("GET", f"{V1}/session/{number}")
    assert (told["templateName"], told["operation"], told["complete"]) == ("t", "boot", False)
    here = f"{V1}/session/{number}/status"
    assert (await csm15.json("GET", here))["boot_sets"] == ["compute"]
    phases = (await csm15.json("GET", f"{here}/compute"))["phases"]
    assert [phase["name"] for phase in phases] == ["boot", "configure"]
    busy = await csm15.json("GET", f"{here}/compute/boot/in_progress")
    assert busy == {"name": "in_progress", "node_list": [NODE]}
    for missing in ("none", "compute/none", "compute/boot/none"):
        assert (await csm15.call("GET", f"{here}/{missing}")).status_code == 404
    assert (await csm15.call("DELETE", f"{V1}/session/{number}")).status_code == 204
    assert (await csm15.call("GET", f"{V1}/session/{number}")).status_code == 404


async def test_a_session_needs_a_template(csm14: Lab) -> None:
    """BOS 2.0.47: 404 for an unknown one, 400 for an unknown operation."""
    missing = {"operation": "boot", "templateName": "none"}
    wrong = {"operation": "dance", "templateName": "none"}
    assert (await csm14.call("POST", f"{V1}/session", missing)).status_code == 404
    assert (await csm14.call("POST", f"{V1}/session", wrong)).status_code == 400


async def test_tells_its_version_and_is_gone_in_csm_1_6(csm15: Lab, csm16: Lab) -> None:
    """BOS 2.30 removed v1: 404."""
    assert (await csm15.json("GET", f"{V1}/version"))["major"] == "1"
    for path in ("", "/version", "/sessiontemplate", "/session"):
        assert (await csm16.call("GET", f"{V1}{path}")).status_code == 404
