"""Clocks that are wrong, names that do not resolve, connections that are not made: at any point."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import httpx2
import pytest

from faults.fuse import Fuse
from faults.rows import at_the_end, ended_badly, goes_to_the_end
from faults.scale import SHARDS, WHOLE, share
from faults.situations import FRESH
from faults.wiring import Wiring
from faults.world import World
from leaks import collected
from poya.transfer import Exchanger, Guard, HttpRequest, HttpResponse

shards = pytest.mark.parametrize("shard", SHARDS)
_EVERY_NTH = 5 if WHOLE else 1
_SKEW_S = 20 * 60
_FOR_GOOD = 1_000_000


@dataclass
class Outage:
    """Nothing connects for a number of requests, once it has begun."""

    error: Callable[[], OSError]
    lasts: int
    is_on: bool = False

    def begin(self) -> None:
        self.is_on = True

    def check(self) -> None:
        if self.is_on and self.lasts > 0:
            self.lasts -= 1
            raise self.error()


class Unplugged(httpx2.AsyncBaseTransport):
    """The way to a gateway during an outage."""

    def __init__(self, inner: httpx2.AsyncBaseTransport, outage: Outage) -> None:
        self._inner, self._outage = inner, outage

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        try:
            self._outage.check()
        except OSError as error:
            raise httpx2.ConnectError(str(error)) from error
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


class UnpluggedStore:
    """The way to an object store during an outage."""

    def __init__(self, inner: Exchanger, outage: Outage) -> None:
        self._inner, self._outage = inner, outage

    def exchange(self, request: HttpRequest, guard: Guard) -> HttpResponse:
        self._outage.check()
        return self._inner.exchange(request, guard)

    def close(self) -> None:
        """Close what it wraps, where that can be closed."""
        getattr(self._inner, "close", lambda: None)()


def no_name() -> OSError:
    return socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")


def no_proxy() -> OSError:
    return ConnectionRefusedError(111, "Connection refused")


@shards
@pytest.mark.parametrize("lasts", [2, _FOR_GOOD], ids=["a moment", "long"])
@pytest.mark.parametrize("error", [no_name, no_proxy])
def test_names_and_proxies_that_come_and_go_are_survived(
    world: World, error: Callable[[], OSError], lasts: int, shard: int
) -> None:
    scene = world.scene(FRESH)
    for at in share(range(2, len(scene.points["apply"]) - 2)[::_EVERY_NTH], shard, 1):
        outage = Outage(error, lasts)
        wiring = Wiring(
            network=partial(Unplugged, outage=outage),
            exchange=partial(UnpluggedStore, outage=outage),
        )
        attempt = world.start(scene, wiring)
        with collected():
            end = attempt.goes(Fuse(at, act=outage.begin))
        attempt.wiring = Wiring()
        found = [] if end.is_success else [*ended_badly(end), *goes_to_the_end(attempt)]
        assert not [*found, *at_the_end(attempt)], (at, found)


@shards
@pytest.mark.parametrize("skew_s", [-_SKEW_S, _SKEW_S], ids=["behind", "ahead"])
def test_a_clock_that_jumps_stops_it_where_it_can_go_on(
    world: World, skew_s: int, shard: int
) -> None:
    """An object store refuses signatures that are fifteen minutes off."""
    scene = world.scene(FRESH)
    mint = world.pair.prealps.ground.objects.mint

    def jump() -> None:
        mint.now_s = lambda: time.time() + skew_s

    for at in share(range(2, len(scene.points["apply"]) - 2)[::_EVERY_NTH], shard, 1):
        attempt = world.start(scene, replace(Wiring(), stall_s=5.0))
        with collected():
            end = attempt.goes(Fuse(at, act=jump))
        mint.now_s = time.time
        found = [] if end.is_success else [*ended_badly(end), *goes_to_the_end(attempt)]
        assert not [*found, *at_the_end(attempt)], (at, found)
