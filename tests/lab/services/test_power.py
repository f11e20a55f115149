# SPDX-License-Identifier: Apache-2.0
"""PCS (hms-power-control) from CSM 1.4, CAPMC up to 1.6."""

from __future__ import annotations

from typing import Any

from lab.services.fakes import Lab, add_nodes, detail

PCS = "/apis/power-control/v1"
CAPMC = "/apis/capmc/capmc/v1"
A, B = "x1000c0s0b0n0", "x1000c0s0b0n1"


async def begin(lab: Lab, operation: str, *xnames: str) -> str:
    body = {"operation": operation, "location": [{"xname": x} for x in xnames]}
    return str((await lab.json("POST", f"{PCS}/transitions", body))["transitionID"])


async def transition(lab: Lab, transition_id: str) -> dict[str, Any]:
    found: dict[str, Any] = await lab.json("GET", f"{PCS}/transitions/{transition_id}")
    return found


async def state(lab: Lab, xname: str) -> str:
    answer = await lab.json("GET", f"{PCS}/power-status", xname=xname)
    return str(answer["status"][0]["powerState"])


async def test_a_transition_is_accepted_then_worked_on(csm17: Lab) -> None:
    """PCS 2.13: POST /transitions 200 with the operation capitalised; new, then completed."""
    add_nodes(csm17, A)
    body = {"operation": "oFF", "location": [{"xname": A}]}
    answer = await csm17.call("POST", f"{PCS}/transitions", body)
    assert (answer.status_code, answer.json()["operation"]) == (200, "Off")
    transition_id = answer.json()["transitionID"]
    assert answer.headers["location"] == f"../transitions/{transition_id}"
    running = await transition(csm17, transition_id)
    assert running["transitionStatus"] == "in-progress"
    assert running["taskCounts"]["in-progress"] == 1
    assert await state(csm17, A) == "on"
    csm17.wait(60)
    ended = await transition(csm17, transition_id)
    assert ended["transitionStatus"] == "completed"
    assert ended["tasks"][0]["taskStatus"] == "succeeded"
    assert await state(csm17, A) == "off"


async def test_what_became_of_nodes_is_told_by_tasks(csm17: Lab) -> None:
    """PCS 2.13: `completed` says nothing: locked, unknown and unfit components fail one by one."""
    add_nodes(csm17, A, B)
    locked = csm17.site.state.components.get(B) or {}
    csm17.site.state.components.put(B, locked | {"Locked": True})
    transition_id = await begin(csm17, "off", A, B, "x9c0s0b0n0", "x1000m0", "blade")
    csm17.wait(60)
    ended = await transition(csm17, transition_id)
    assert ended["transitionStatus"] == "completed"
    statuses = {task["xname"]: task["taskStatus"] for task in ended["tasks"]}
    assert statuses == {
        A: "succeeded",
        B: "failed",
        "x9c0s0b0n0": "failed",
        "x1000m0": "unsupported",
        "blade": "failed",
    }
    assert ended["taskCounts"] == {
        "total": 5,
        "new": 0,
        "in-progress": 0,
        "failed": 3,
        "succeeded": 1,
        "un-supported": 1,
    }


async def test_a_deputy_key_opens_a_reserved_node(csm17: Lab) -> None:
    """PCS 2.13: location.deputyKey of an HSM reservation; another's reservation fails the task."""
    add_nodes(csm17, A)
    csm17.site.state.reservations.put(A, {"DeputyKey": "dk", "ReservationKey": "rk"})
    refused = await begin(csm17, "off", A)
    csm17.wait(60)
    assert (await transition(csm17, refused))["taskCounts"]["failed"] == 1
    body = {"operation": "off", "location": [{"xname": A, "deputyKey": "dk"}]}
    allowed = (await csm17.json("POST", f"{PCS}/transitions", body))["transitionID"]
    csm17.wait(60)
    assert (await transition(csm17, allowed))["taskCounts"]["succeeded"] == 1


async def test_abort_gives_up_what_is_under_way(csm17: Lab) -> None:
    """PCS 2.13: DELETE 202; of one that ended 400, of an unknown one 404, of no UUID 400."""
    add_nodes(csm17, A)
    transition_id = await begin(csm17, "off", A)
    path = f"{PCS}/transitions/{transition_id}"
    assert (await csm17.call("DELETE", path)).status_code == 202
    csm17.wait(60)
    assert (await transition(csm17, transition_id))["transitionStatus"] == "aborted"
    assert (await csm17.call("DELETE", path)).status_code == 400
    unknown = f"{PCS}/transitions/00000000-0000-0000-0000-000000000000"
    assert (await csm17.call("DELETE", unknown)).status_code == 404
    assert (await csm17.call("GET", f"{PCS}/transitions/x")).status_code == 400


async def test_restart_needs_power_and_init_does_not(csm17: Lab) -> None:
    """PCS 2.13: soft-restart and hard-restart of a node that is off fail, init starts it."""
    add_nodes(csm17, A)
    csm17.site.state.components.put(
        A, (csm17.site.state.components.get(A) or {}) | {"State": "Off"}
    )
    failed = await begin(csm17, "hard-restart", A)
    started = await begin(csm17, "init", A)
    csm17.wait(90)
    assert (await transition(csm17, failed))["taskCounts"]["failed"] == 1
    assert (await transition(csm17, started))["taskCounts"]["succeeded"] == 1
    assert await state(csm17, A) == "on"


async def test_refusals_are_problems(csm17: Lab) -> None:
    """PCS 2.13: application/problem+json for bad operations, JSON, filters and xnames."""
    wrong = await csm17.call("POST", f"{PCS}/transitions", {"operation": "explode"})
    assert (wrong.status_code, detail(wrong)) == (400, "invalid Operation type explode")
    assert (await csm17.call("POST", f"{PCS}/transitions", b"{")).status_code == 400
    xname = await csm17.call("GET", f"{PCS}/power-status", xname="blade")
    assert (xname.status_code, detail(xname)) == (400, "invalid xnames detected: blade")
    lamp = await csm17.call("GET", f"{PCS}/power-status", powerStateFilter="dim")
    assert lamp.status_code == 400


async def test_power_status_is_asked_by_post_from_csm_15(csm14: Lab, csm15: Lab) -> None:
    """PCS 1.4.3 has no POST /power-status; 2.3.1 takes long lists in a body."""
    for lab in (csm14, csm15):
        add_nodes(lab, A, B)
    body = {"xname": [A], "powerStateFilter": "on"}
    assert (await csm14.call("POST", f"{PCS}/power-status", body)).status_code == 404
    found = await csm15.json("POST", f"{PCS}/power-status", body)
    assert [one["xname"] for one in found["status"]] == [A]
    everything = await csm14.json("GET", f"{PCS}/power-status")
    assert [one["xname"] for one in everything["status"]] == [A, B]


async def test_csm_13_has_capmc_and_no_pcs(csm13: Lab, csm17: Lab) -> None:
    """CSM 1.3: /apis/power-control has no route; CAPMC switches and answers `e`."""
    add_nodes(csm13, A)
    assert (await csm13.call("GET", f"{PCS}/transitions")).status_code == 404
    assert (await csm17.call("POST", f"{CAPMC}/get_xname_status", {})).status_code == 404
    off = await csm13.json("POST", f"{CAPMC}/xname_off", {"xnames": [A], "reason": "test"})
    assert off == {"e": 0, "err_msg": ""}
    csm13.wait(60)
    found = await csm13.json("POST", f"{CAPMC}/get_xname_status", {"xnames": [A]})
    assert found == {"e": 0, "err_msg": "", "off": [A]}
    unknown = await csm13.call("POST", f"{CAPMC}/xname_on", {"xnames": ["x1c0s0b0n0"]})
    assert (unknown.status_code, unknown.json()["e"]) == (400, 400)


async def test_capmc_names_the_nodes_that_refused(csm13: Lab) -> None:
    """CAPMC: 200 with e=-1 and the components that are locked."""
    add_nodes(csm13, A, B)
    csm13.site.state.components.put(
        B, (csm13.site.state.components.get(B) or {}) | {"Locked": True}
    )
    answer = await csm13.json("POST", f"{CAPMC}/xname_off", {"xnames": [A, B]})
    assert answer["e"] == -1
    assert [one["xname"] for one in answer["xnames"]] == [B]
