# SPDX-License-Identifier: Apache-2.0
"""HSM locks on nodes that change hands, held for as long as that takes and no longer.

A lock keeps power and firmware services (PCS, CAPMC, FAS) and, from BOS 2.47, boot sessions away
from a node; it does not protect groups, and is no mutex between runs. A run that is killed
leaves its locks: they stand in its journal, so that resuming or undoing it gives them back.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from poya.errors import PoyaError, StalePlan
from poya.journal import Journal
from poya.sites.base import NodeLocks

STEP = "locks/nodes"


@asynccontextmanager
async def held(
    xnames: tuple[str, ...], locks: NodeLocks | None, journal: Journal
) -> AsyncIterator[None]:
    """Hold locks on these nodes while the block lasts; nothing where there are none to hold.

    Raises:
        StalePlan: Somebody else has locked one of them; nothing was locked.
    """
    if not xnames or locks is None:
        yield
        return
    await _take(xnames, locks, journal)
    try:
        yield
    except BaseException:
        # What stopped it counts; locks that cannot be given back now stand in the journal.
        with suppress(PoyaError):
            await _give_back(xnames, locks, journal)
        raise
    await _give_back(xnames, locks, journal)


async def _take(xnames: tuple[str, ...], locks: NodeLocks, journal: Journal) -> None:
    locked = await locks.locked(xnames)
    earlier = journal.step(STEP)
    is_ours = earlier is not None and earlier.state == "intent"
    if locked and not is_ours:
        raise StalePlan(
            f"{len(locked)} of the nodes concerned were locked by somebody else since.",
            why=", ".join(sorted(locked)[:6]),
            todo="Find out who works on them; then make the plan anew.",
        )
    journal.intend(STEP, note={"nodes": list(xnames)})
    await locks.lock([xname for xname in xnames if xname not in locked])


async def _give_back(xnames: tuple[str, ...], locks: NodeLocks, journal: Journal) -> None:
    locked = await locks.locked(xnames)
    await locks.unlock([xname for xname in xnames if xname in locked])
    journal.done(STEP, {"nodes": list(xnames)})
