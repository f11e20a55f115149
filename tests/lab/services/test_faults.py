# SPDX-License-Identifier: Apache-2.0
"""Faults at a lab site, in process and over a real connection."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import httpx2
import pytest
import uvicorn

from lab.services.fakes import Lab, add_nodes
from poya.lab.faults import Fault, FaultAction, FaultPlan
from poya.lab.gateway import build_gateway
from poya.lab.services.mishaps import PeerReset

IMAGES = "/apis/ims/v3/images"


def test_strikes_the_nth_match_and_those_after() -> None:
    plan = FaultPlan([Fault(FaultAction.STATUS, "POST", "/apis/ims/*", nth=2, times=2)])
    struck = [plan.strike("POST", IMAGES) is not None for _ in range(5)]
    assert struck == [False, True, True, False, False]


def test_strikes_for_ever_when_told_so() -> None:
    plan = FaultPlan([Fault(FaultAction.STATUS, nth=2, times=0)])
    assert [plan.strike("GET", "/x") is not None for _ in range(4)] == [False, True, True, True]


def test_counts_only_requests_that_match() -> None:
    plan = FaultPlan([Fault(FaultAction.STATUS, "POST", IMAGES)])
    assert plan.strike("GET", IMAGES) is None
    assert plan.strike("POST", f"{IMAGES}/x") is None
    assert plan.strike("POST", IMAGES) is not None


def test_counts_for_later_faults_while_an_earlier_one_strikes() -> None:
    first, second = Fault(FaultAction.STATUS), Fault(FaultAction.STALL, nth=2)
    plan = FaultPlan([first, second])
    assert [plan.strike("GET", "/"), plan.strike("GET", "/")] == [first, second]


async def test_answers_a_chosen_status(csm16: Lab) -> None:
    csm16.site.faults.add(Fault(FaultAction.STATUS, "POST", IMAGES, status=503, body='{"a": 1}'))
    answer = await csm16.call("POST", IMAGES, {"name": "n"})
    assert (answer.status_code, answer.json()) == (503, {"a": 1})
    assert len(csm16.site.state.images) == 0
    assert (await csm16.call("POST", IMAGES, {"name": "n"})).status_code == 201


async def test_delays_an_answer(csm16: Lab) -> None:
    csm16.site.faults.add(Fault(FaultAction.LATENCY, delay_s=0.05))
    started = asyncio.get_running_loop().time()
    assert (await csm16.call("GET", IMAGES)).status_code == 200
    assert asyncio.get_running_loop().time() - started >= 0.05


@pytest.mark.parametrize(
    ("action", "done"), [(FaultAction.RESET_BEFORE, 0), (FaultAction.RESET_AFTER, 1)]
)
async def test_breaks_off_before_or_after_the_effect(
    csm16: Lab, action: FaultAction, done: int
) -> None:
    csm16.site.faults.add(Fault(action, "POST"))
    with pytest.raises(PeerReset):
        await csm16.call("POST", IMAGES, {"name": "n"})
    assert len(csm16.site.state.images) == done
    last = csm16.site.requests.entries()[-1]
    assert (last.status, last.mutating, last.fault) == (0, True, action.value)


async def test_answers_garbage_after_the_effect(csm16: Lab) -> None:
    csm16.site.faults.add(Fault(FaultAction.GARBAGE, "POST", status=200))
    answer = await csm16.call("POST", IMAGES, {"name": "n"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html")
    assert "<html>" in answer.text
    assert len(csm16.site.state.images) == 1


async def test_takes_faults_over_http(csm16: Lab) -> None:
    body = [{"action": "status", "path": IMAGES, "status": 429}]
    put = await csm16.client.put("/_lab/faults", json=body)
    assert (put.status_code, put.json()[0]["seen"]) == (200, 0)
    assert (await csm16.call("GET", IMAGES)).status_code == 429
    assert (await csm16.client.get("/_lab/faults")).json()[0]["seen"] == 1
    assert (await csm16.client.delete("/_lab/faults")).status_code == 204
    assert (await csm16.client.get("/_lab/faults")).json() == []


@pytest.mark.parametrize("body", [[{"action": "explode"}], [{"action": "stall", "pth": "/"}], {}])
async def test_refuses_faults_it_does_not_know(csm16: Lab, body: object) -> None:
    assert (await csm16.client.put("/_lab/faults", json=body)).status_code == 400


async def test_spares_its_own_controls(csm16: Lab) -> None:
    csm16.site.faults.add(Fault(FaultAction.STATUS, times=0))
    assert (await csm16.client.get("/_lab/faults")).status_code == 200


@contextlib.asynccontextmanager
async def served(lab: Lab) -> AsyncIterator[httpx2.AsyncClient]:
    """The site behind a real socket."""
    config = uvicorn.Config(
        build_gateway(lab.site), log_level="critical", lifespan="off", ws="none"
    )
    server = uvicorn.Server(config)
    listener = socket.create_server(("127.0.0.1", 0))
    task = asyncio.create_task(server.serve([listener]))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    headers = {"authorization": f"Bearer {lab.token}"}
    async with httpx2.AsyncClient(base_url=url, headers=headers) as client:
        yield client
    server.should_exit = True
    await task


@pytest.fixture
async def live(csm16: Lab) -> AsyncIterator[tuple[Lab, httpx2.AsyncClient]]:
    async with served(csm16) as client:
        yield csm16, client


@pytest.mark.parametrize(
    ("action", "done"),
    [
        (FaultAction.RESET_BEFORE, 0),
        (FaultAction.RESET_AFTER, 1),
        (FaultAction.TRUNCATE, 1),
        (FaultAction.STALL, 0),
    ],
)
async def test_breaks_real_connections(
    live: tuple[Lab, httpx2.AsyncClient], action: FaultAction, done: int
) -> None:
    """The client sees a broken transport, never an answer; the next request is served."""
    lab, client = live
    lab.site.faults.add(Fault(action, "POST", IMAGES, delay_s=0.05))
    with pytest.raises(httpx2.TransportError):
        await client.post(IMAGES, json={"name": "n"})
    assert len(lab.site.state.images) == done
    assert (await client.get(IMAGES)).status_code == 200


async def test_stalls_until_the_client_gives_up(live: tuple[Lab, httpx2.AsyncClient]) -> None:
    lab, client = live
    lab.site.requests.clear()
    lab.site.faults.add(Fault(FaultAction.STALL))
    with pytest.raises(httpx2.ReadTimeout):
        await client.get(IMAGES, timeout=httpx2.Timeout(30.0, read=0.1))
    for _ in range(200):
        if lab.site.requests.entries():
            break
        await asyncio.sleep(0.01)
    entries = lab.site.requests.entries()
    assert [(entry.fault, entry.status) for entry in entries] == [("stall", 0)]


def test_chance_is_the_same_for_the_same_seed() -> None:
    def struck(seed: int) -> list[bool]:
        fault = Fault(FaultAction.STATUS, times=0, probability=0.3, seed=seed)
        plan = FaultPlan([fault])
        return [plan.strike("GET", "/x") is not None for _ in range(200)]

    assert struck(1) == struck(1) != struck(2)
    assert 30 < sum(struck(1)) < 90


async def test_drips_an_answer(csm16: Lab) -> None:
    csm16.site.faults.add(Fault(FaultAction.DRIP, delay_s=0.05))
    answer = await csm16.call("GET", "/apis/bos/v2/options")
    assert (answer.status_code, "polling_frequency" in answer.json()) == (200, True)


async def test_refuses_as_if_the_token_had_expired(csm16: Lab) -> None:
    csm16.site.faults.add(Fault(FaultAction.EXPIRED, "POST"))
    answer = await csm16.call("POST", IMAGES, {"name": "n"})
    assert (answer.status_code, answer.text) == (401, "Jwt is expired")
    assert len(csm16.site.state.images) == 0


async def test_refuses_as_if_there_were_no_room(csm16: Lab) -> None:
    csm16.site.faults.add(Fault(FaultAction.FULL, "POST"))
    answer = await csm16.call("POST", IMAGES, {"name": "n"})
    assert (answer.status_code, answer.json()["detail"]) == (500, "no space left on device")


@pytest.mark.parametrize(
    "wrong", [{"nth": 0}, {"times": -1}, {"status": 42}, {"delay_s": -1}, {"probability": 0}]
)
async def test_refuses_faults_that_make_no_sense(csm16: Lab, wrong: dict[str, float]) -> None:
    body = [{"action": "status", **wrong}]
    assert (await csm16.client.put("/_lab/faults", json=body)).status_code == 400


async def test_lets_time_pass_on_demand(csm16: Lab) -> None:
    """Without clocks that can be set, only the pace changes."""
    told = (await csm16.client.patch("/_lab/time", json={"pace": 600})).json()
    assert (told["pace"], csm16.site.pace.times) == (600, 600)
    assert (await csm16.client.patch("/_lab/time", json={"pace": 0})).status_code == 400


async def test_shows_consoles_and_makes_nodes_fail(csm16: Lab) -> None:
    add_nodes(csm16, "x1000c0s0b0n0")
    body = {"stage": "boot", "times": 2}
    put = await csm16.client.put("/_lab/nodes/X1000c0s0b0n0/failures", json=body)
    assert put.json()["failures"] == {"boot": 2}
    assert (await csm16.client.get("/_lab/nodes/x9c0s0b0n0")).status_code == 404
    wrong = await csm16.client.put("/_lab/nodes/x1000c0s0b0n0/failures", json={"stage": "lunch"})
    assert wrong.status_code == 400
