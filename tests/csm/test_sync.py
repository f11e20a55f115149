# SPDX-License-Identifier: Apache-2.0
"""The client that waits: the same calls, without a word of them written twice."""

from __future__ import annotations

import threading
from dataclasses import replace

import httpx2
import pytest

from csm.fakes import IMPATIENT, URL, FakeSite, ok, problem
from poya.csm import KubernetesAccess, NoAuth, Secret, SiteConfig
from poya.csm.sync import connect
from poya.errors import NotFound, PoyaError

CONFIG = SiteConfig("gele", URL, NoAuth())
NODES = {"Components": [{"ID": f"x1000c0s0b0n{n}", "Type": "Node"} for n in range(3)]}
IMAGE = {"id": "1", "name": "cos"}


def test_calls_wait_and_answer_the_same_values(fake: FakeSite) -> None:
    fake.on("GET", "/apis/ims/v3/images", ok([IMAGE]))
    with connect(CONFIG, transport=httpx2.MockTransport(fake), retry=IMPATIENT) as site:
        (image,) = site.ims.images.list()
        assert (image.id, image.name) == ("1", "cos")
        assert site.features().release_guess == "1.7"
        assert site.config.name == "gele"
        assert site.read_only
        assert "ims" in dir(site)
        assert "All images" in site.ims.images.list.__doc__


def test_streams_are_iterators_and_may_be_left_early(fake: FakeSite) -> None:
    fake.on("GET", "/apis/smd/hsm/v2/State/Components", ok(NODES))
    with connect(CONFIG, transport=httpx2.MockTransport(fake)) as site:
        assert len([*site.hsm.components.stream()]) == 3
        first = next(iter(site.hsm.components.stream()))
        assert first.id == "x1000c0s0b0n0"
        assert len(site.hsm.components.list()) == 3


def test_errors_are_the_clients_own(fake: FakeSite) -> None:
    fake.on("GET", "/apis/smd/hsm/v2/groups/nope", problem(404, "no such group."))
    with connect(CONFIG, transport=httpx2.MockTransport(fake)) as site:
        with pytest.raises(NotFound):
            site.hsm.groups.get("nope")
        with pytest.raises(PoyaError, match="open for reading only"):
            site.hsm.groups.delete("blue")


async def test_it_works_where_a_loop_runs_already(fake: FakeSite) -> None:
    fake.on("GET", "/apis/ims/v3/images", ok([IMAGE]))
    with connect(CONFIG, transport=httpx2.MockTransport(fake)) as site:
        assert len(site.ims.images.list()) == 1


def test_blocks_within_wait_too(fake: FakeSite) -> None:
    access = KubernetesAccess("https://k8s.example:6443", Secret.of("a-token-of-k8s"))
    fake.on("GET", "/version", ok({"gitVersion": "v1.24.17"}))
    config = replace(CONFIG, kubernetes=access)
    with (
        connect(config, transport=httpx2.MockTransport(fake)) as site,
        site.kubernetes() as kubernetes,
    ):
        assert kubernetes.server_version() == "v1.24.17"


def test_any_coroutine_can_be_waited_for_with_its_type(fake: FakeSite) -> None:
    async def seven() -> int:
        return 7

    with connect(CONFIG, transport=httpx2.MockTransport(fake)) as site:
        number: int = site.run(seven())
    assert number == 7


def test_nothing_is_left_behind(fake: FakeSite) -> None:
    before = threading.active_count()
    for _ in range(3):
        with (
            pytest.raises(KeyError),
            connect(CONFIG, transport=httpx2.MockTransport(fake)),
        ):
            raise KeyError
    assert threading.active_count() == before
