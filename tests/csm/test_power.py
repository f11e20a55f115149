# SPDX-License-Identifier: Apache-2.0
"""Power: PCS where it is, CAPMC where it is not, and the same answers from both."""

from __future__ import annotations

import json

import httpx2
import pytest

from csm.fakes import FakeSite, ok, problem
from poya.csm import NeedsRelease, Site
from poya.errors import RequestRefused, UsageError

PCS = "/apis/power-control/v1"
CAPMC = "/apis/capmc/capmc/v1"
ON = {"xname": "x1", "powerState": "on", "managementState": "available", "error": None}


@pytest.fixture
def with_pcs(fake: FakeSite) -> FakeSite:
    fake.on("GET", f"{PCS}/readiness", httpx2.Response(204))
    return fake


async def test_status_comes_from_pcs(with_pcs: FakeSite, site: Site) -> None:
    with_pcs.on("GET", f"{PCS}/power-status", ok({"status": [ON]}))
    (status,) = await site.pcs.status(["X01"], state="on")
    assert (status.xname, status.power_state) == ("x1", "on")
    assert with_pcs.asked()[-1] == f"GET {PCS}/power-status?xname=x1&powerStateFilter=on"


async def test_status_comes_from_capmc_where_there_is_no_pcs(fake: FakeSite, site: Site) -> None:
    answer = {"e": 0, "err_msg": "", "on": ["x1"], "off": ["x2"], "undefined": None}
    fake.on("POST", f"{CAPMC}/get_xname_status", ok(answer))
    found = await site.pcs.status(["x1", "x2"])
    assert [(one.xname, one.power_state) for one in found] == [("x1", "on"), ("x2", "off")]
    assert fake.body() == {"filter": "show_all", "xnames": ["x1", "x2"]}
    assert json.loads(found[0].raw) == {"xname": "x1", "powerState": "on"}
    assert [one.xname for one in await site.pcs.status(["x1", "x2"], state="off")] == ["x2"]


async def test_states_of_hsm_that_capmc_names_are_power_too(fake: FakeSite, site: Site) -> None:
    answer = {"e": 0, "err_msg": "", "ready": ["x1"], "halt": ["x2"], "empty": ["x3"]}
    fake.on("POST", f"{CAPMC}/get_xname_status", ok(answer))
    found = {one.xname: one.power_state for one in await site.pcs.status()}
    assert found == {"x1": "on", "x2": "on", "x3": "undefined"}


async def test_many_names_go_in_a_body_or_in_several_urls(with_pcs: FakeSite, site: Site) -> None:
    names = [f"x{number}" for number in range(450)]
    with_pcs.on("POST", f"{PCS}/power-status", ok({"status": [ON]}))
    await site.pcs.status(names)
    assert len(with_pcs.body()["xname"]) == 450
    # PCS of CSM 1.4 does not know the POST.
    with_pcs.on("POST", f"{PCS}/power-status", problem(405, "method not allowed"))
    with_pcs.on("GET", f"{PCS}/power-status", ok({"status": [ON]}))
    assert len(await site.pcs.status(names)) == 3


async def test_a_transition_is_started_watched_and_never_repeated(
    with_pcs: FakeSite, site: Site
) -> None:
    with_pcs.on("POST", f"{PCS}/transitions", ok({"transitionID": "7", "operation": "Off"}))
    started = await site.pcs.transitions.start("off", ["x1"], deadline_minutes=3)
    assert with_pcs.body() == {
        "operation": "off",
        "location": [{"xname": "x1"}],
        "taskDeadlineMinutes": 3,
    }
    done = {
        "transitionID": "7",
        "transitionStatus": "completed",
        "taskCounts": {"total": 1, "in-progress": 0, "un-supported": 1},
        "tasks": [{"xname": "x1", "taskStatus": "failed", "error": "no BMC"}],
    }
    with_pcs.on("GET", f"{PCS}/transitions/7", ok(done))
    found = await site.pcs.transitions.get(started.id)
    assert found.is_over
    assert found.counts.un_supported == 1
    assert found.tasks is not None
    assert found.tasks[0].error == "no BMC"
    with_pcs.on("POST", f"{PCS}/transitions", httpx2.Response(503))
    before = len(with_pcs.requests)
    with pytest.raises(Exception, match="503"):
        await site.pcs.transitions.start("on", ["x1"])
    assert len(with_pcs.requests) == before + 1


async def test_impossible_transitions_are_not_sent(with_pcs: FakeSite, site: Site) -> None:
    for operation, names in (("explode", ["x1"]), ("on", [])):
        with pytest.raises(UsageError):
            await site.pcs.transitions.start(operation, names)
    assert with_pcs.writes() == []


async def test_a_transition_needs_pcs(fake: FakeSite, site: Site) -> None:
    with pytest.raises(NeedsRelease) as caught:
        await site.pcs.transitions.start("on", ["x1"])
    assert caught.value.release == "1.4"
    assert fake.writes() == []


@pytest.mark.parametrize(
    "answer",
    [
        {"e": 400, "err_msg": "invalid xname x9"},
        {
            "e": -1,
            "err_msg": "Errors encountered",
            "xnames": [{"xname": "x9", "e": 1, "err_msg": "no"}],
        },
        {"e": 0, "err_msg": "", "xnames": [{"xname": "x9", "e": 1, "err_msg": "no"}]},
    ],
)
async def test_capmc_says_in_its_body_that_it_failed(
    fake: FakeSite, site: Site, answer: dict[str, object]
) -> None:
    fake.on("POST", f"{CAPMC}/.*", ok(answer))
    for call in (
        site.capmc.on(["x9"]),
        site.capmc.off(["x9"]),
        site.capmc.reinit(["x9"]),
        site.capmc.status(["x9"]),
    ):
        with pytest.raises(RequestRefused) as caught:
            await call
        assert "x9" in caught.value.detail
