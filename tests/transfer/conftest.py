# SPDX-License-Identifier: Apache-2.0
"""Two fake stores, and poya's stores that talk to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

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
from transfer.authority import Authority, make_authority
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


def open_store(
    url: str,
    site: str,
    credentials: Callable[[], Credentials] = permanent,
    ca_path: Path | None = None,
) -> S3Store:
    config = S3Config(site, url, ca_path, stall_s=3.0, slow_s=3.0, retry=HASTY)
    return S3Store(config, credentials)


def _side(site: str, authority: Authority | None = None) -> Iterator[Side]:
    fake = FakeS3()
    with serving(fake, authority.server if authority else None) as url:
        store = open_store(url, site, ca_path=authority.ca_path if authority else None)
        yield Side(fake, url, store)
        store.close()


@pytest.fixture
def alps() -> Iterator[Side]:
    yield from _side("alps")


@pytest.fixture
def prealps() -> Iterator[Side]:
    yield from _side("prealps")


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[Side]:
    """A target over TLS."""
    yield from _side("prealps", make_authority(tmp_path, "prealps", "localhost"))
