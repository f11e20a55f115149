"""How a run of the fault matrix is wired: as the product is, with a fuse, and with little patience.

The seeded bugs of `bugs.py` replace one of a wiring's pieces.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import httpx2

from faults.fuse import FusedJournal, FusedWitness
from poya.csm import RetryPolicy, S3Credentials, Site, SiteConfig
from poya.csm.http.transport import network
from poya.migration import carrying
from poya.migration.witnessing import Gate
from poya.sites.base import Source, Target, Witness
from poya.sites.csm.objects import Objects
from poya.sites.csm.source import CsmSource
from poya.sites.csm.target import CsmTarget
from poya.sites.csm.watched import WatchedTransport
from poya.transfer import Credentials, Exchanger, Limits, S3Config
from poya.transfer import RetryPolicy as StorePolicy

HASTY = RetryPolicy(first_bound_s=0.01, longest_bound_s=0.05, longest_asked_s=1.0)
STORE_HASTY = StorePolicy(patience_s=0.3, attempts=3, base_s=0.01, cap_s=0.05)

# One thing after the other, so that the points of a run come in the same order every time.
ONE_BY_ONE = Limits(parallel=1, objects=1)

Provide = Callable[[], Credentials]
Network: TypeAlias = httpx2.AsyncBaseTransport


@dataclass(frozen=True)
class Wiring:
    """The pieces of a run.

    Attributes:
        target: Wraps the target port.
        source: Wraps the source port.
        journal: The journal's class.
        provider: Wraps what hands out credentials of the object store.
        exchange: Wraps the way of requests to the object store.
        network: Wraps the way of requests to a gateway.
        limits: Of the transfer.
        retry: When to repeat a request to a gateway.
        stall_s: How long a peer may be silent.
        carry, take_back: The use cases.
    """

    target: Callable[[Target], Target] = lambda target: target
    source: Callable[[Source], Source] = lambda source: source
    journal: type[FusedJournal] = FusedJournal
    provider: Callable[[Provide], Provide] = lambda provide: provide
    exchange: Callable[[Exchanger], Exchanger] = lambda inner: inner
    network: Callable[[Network], Network] = lambda inner: inner
    limits: Limits = ONE_BY_ONE
    retry: RetryPolicy = HASTY
    stall_s: float = 60.0
    carry: Callable[..., Awaitable[Any]] = carrying.carry_out
    take_back: Callable[..., Awaitable[Any]] = carrying.undo


class HastyObjects(Objects):
    """A site's objects whose store loses patience soon; collects the secrets that it is given."""

    wiring: Wiring
    secrets: set[str]

    def come_through(self, exchange: Callable[[Exchanger], Exchanger]) -> None:
        """Have requests pass there last, on their way to the network."""
        watched = self._through
        self._through = lambda inner: watched(exchange(inner))

    def _s3_config(self, credentials: S3Credentials) -> S3Config:
        config = super()._s3_config(credentials)
        return replace(config, retry=STORE_HASTY, stall_s=self.wiring.stall_s)

    def _provider(self, first: S3Credentials) -> Provide:
        provide = self.wiring.provider(super()._provider(first))

        def watched() -> Credentials:
            given = provide()
            self.secrets.update(given.secrets())
            return given

        return watched


class Eavesdropper(httpx2.AsyncBaseTransport):
    """The network to a gateway; collects the tokens that go over it."""

    def __init__(self, config: SiteConfig, secrets: set[str]) -> None:
        self._inner, self._secrets = network(config), secrets

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self._secrets.add(request.headers.get("Authorization", "").partition(" ")[2])
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


@dataclass
class Ends:
    """The two sites as one process sees them.

    Attributes:
        configs: Of the source and of the target.
        secrets: Every secret that went over a wire.
    """

    configs: tuple[SiteConfig, SiteConfig]
    wiring: Wiring
    secrets: set[str]

    @asynccontextmanager
    async def source(self) -> AsyncIterator[Source]:
        """The source, as it is opened for a run."""
        async with self._site(self.configs[0], None) as (site, objects):
            yield self.wiring.source(CsmSource(site, objects))

    @asynccontextmanager
    async def target(self, journal: FusedJournal | None = None) -> AsyncIterator[Target]:
        """The target, in the name of a run."""
        gate = Gate()
        if journal is None:
            async with self._site(self.configs[1], gate) as (site, objects):
                yield CsmTarget(site, objects)
            return
        with gate.opened(journal):
            witness = FusedWitness(gate, journal.fuse)
            async with self._site(self.configs[1], witness) as (site, objects):
                yield self.wiring.target(CsmTarget(site, objects))

    @asynccontextmanager
    async def _site(
        self, config: SiteConfig, witness: Witness | None
    ) -> AsyncIterator[tuple[Site, Objects]]:
        config = replace(config, progress_timeout_s=self.wiring.stall_s)
        wire = self.wiring.network(Eavesdropper(config, self.secrets))
        if witness is not None:
            wire = WatchedTransport(wire, config, witness)
        async with Site.connect(
            config, read_only=witness is None, retry=self.wiring.retry, transport=wire
        ) as site:
            objects = HastyObjects(site, config, witness)
            objects.wiring, objects.secrets = self.wiring, self.secrets
            objects.come_through(self.wiring.exchange)
            try:
                yield site, objects
            finally:
                await objects.close()
