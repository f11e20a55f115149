# SPDX-License-Identifier: Apache-2.0
"""Marks in a site's object store: which run is bringing which vCluster there.

CSM has no lock that two operators on two machines would both see, and RGW before Ceph Reef has no
conditional write. So each run writes an object of its own and then lists all of its vCluster:
whoever comes second sees the first. That two see each other, and both give way, can happen.
"""

from __future__ import annotations

import re

from poya.errors import NotFound
from poya.model.names import S3Path
from poya.sites.base import Claim
from poya.sites.csm.objects import Objects

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_LARGEST_BYTES = 4096


class ObjectClaims:
    """The claims on one vCluster, as objects below one prefix."""

    def __init__(self, objects: Objects, bucket: str, vcluster: str) -> None:
        self._objects = objects
        self._prefix = S3Path(bucket, f"poya-claims/{_UNSAFE.sub('-', vcluster)}/")

    async def put(self, run: str, card: bytes) -> None:
        """Make or renew a run's claim."""
        await self._objects.write_small(self._place(run), card)

    async def all(self) -> tuple[Claim, ...]:
        """Every claim that is there now."""
        claims = []
        for key in await self._objects.keys_below(self._prefix):
            path = S3Path(self._prefix.bucket, key)
            try:
                card = await self._objects.read_small(path, _LARGEST_BYTES)
                renewed = await self._objects.written_at(path)
            except NotFound:
                continue
            claims.append(Claim(key.removeprefix(self._prefix.key), card, renewed))
        return tuple(claims)

    async def drop(self, run: str) -> None:
        """Take a run's claim away; absent is fine."""
        await self._objects.delete(self._place(run))

    def _place(self, run: str) -> S3Path:
        return S3Path(self._prefix.bucket, f"{self._prefix.key}{run}")
