# SPDX-License-Identifier: Apache-2.0
"""HSM's locks on nodes (SMD, `/locks`)."""

from __future__ import annotations

from collections.abc import Iterable

from poya.csm import Site
from poya.model.names import normalise_xname


class CsmNodeLocks:
    """The locks of one site's nodes."""

    def __init__(self, site: Site) -> None:
        self._locks = site.hsm.locks

    async def locked(self, xnames: Iterable[str]) -> frozenset[str]:
        """Those of the nodes that are locked now."""
        found = await self._locks.status(xnames)
        return frozenset(normalise_xname(lock.id) for lock in found if lock.locked)

    async def lock(self, xnames: Iterable[str]) -> None:
        """Lock nodes, all or none (the rigid processing model)."""
        if names := list(xnames):
            await self._locks.lock(names)

    async def unlock(self, xnames: Iterable[str]) -> None:
        """Unlock nodes, all or none (the rigid processing model)."""
        if names := list(xnames):
            await self._locks.unlock(names)
