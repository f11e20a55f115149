# SPDX-License-Identifier: Apache-2.0
"""Two fake stores, and poya's stores that talk to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from poya.transfer import (
    Credentials,
    ObjectPlace,
    ObjectSource,
    ObjectTarget,
    RetryPolicy,
    S3Config,
    S3Store,
)
from transfer.fake_s3 import FakeS3, serving

HASTY = RetryPolicy(patience_s=0.2, attempts=4, base_s=0.001, cap_s=0.02, retry_after_cap_s=1.0)


@dataclass
class Side:
    """A fake and the store that talks to it."""

    fake: FakeS3
    url: str
    store: S3Store

    def place(self, key: str) -> ObjectPlace:
        return ObjectPlace("boot-images", key)

    def source(self, key: str) -> ObjectSource:
        return ObjectSource(self.store, self.place(key))

    def target(self, key: str) -> ObjectTarget:
        return ObjectTarget(self.store, self.place(key))


def permanent() -> Credentials:
    return Credentials("AKTEST", "s3cret+/key")


def open_store(url: str, site: str, credentials: Callable[[], Credentials] = permanent) -> S3Store:
    return S3Store(S3Config(site, url, stall_s=1.0, slow_s=2.0, retry=HASTY), credentials)


def _side(site: str) -> Iterator[Side]:
    fake = FakeS3()
    with serving(fake) as url:
        store = open_store(url, site)
        yield Side(fake, url, store)
        store.close()


@pytest.fixture
def alps() -> Iterator[Side]:
    yield from _side("alps")


@pytest.fixture
def prealps() -> Iterator[Side]:
    yield from _side("prealps")
