# SPDX-License-Identifier: Apache-2.0
"""One run at a time for a vCluster at a target, whichever machine it runs on.

The locks of `poya.journal` end at the machine. What every machine sees is the target, so a run
leaves a claim there before its first write and takes it away after its last.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from poya.errors import AuthenticationError, Locked, PoyaError, RequestRefused
from poya.journal import Journal, this_process
from poya.sites.base import Claim, Claimable, Claims, Target

CLAIM_FACT, HELD = "claim", "held"
RENEWED_EVERY_S = 60.0
# A holder that is alive renews its claim ten times in this time. The target's clock measures it,
# from the last renewal to our own claim's; where the target tells no times, the two machines' do.
STALE_S = 600.0
# Nobody waits longer to be told that the site is out of reach.
DROPPED_WITHIN_S = 10.0


@asynccontextmanager
async def claimed(
    target: Target, run: str, vcluster: str, journal: Journal
) -> AsyncIterator[None]:
    """Hold the claim on a vCluster at the target while the block runs.

    A target that keeps no claims, or whose store refuses them, is written to without one; the
    run's log says so.

    Raises:
        Locked: Another run has a claim on it, and is alive.
    """
    if not isinstance(target, Claimable):
        yield
        return
    claims = target.claims(vcluster)
    # Noted first, so that whoever goes on after a crash knows of it.
    journal.set_fact(CLAIM_FACT, HELD)
    try:
        await claims.put(run, _card())
    except (AuthenticationError, RequestRefused) as error:
        journal.note("claim", {"refused": error.what})
        journal.set_fact(CLAIM_FACT, "")
        yield
        return
    renewal = asyncio.create_task(_renew(claims, run))
    try:
        _refuse_if_claimed(await claims.all(), run, f"{vcluster} at {target.label}")
        yield
    finally:
        renewal.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await renewal
        await _drop(claims, run, journal)


async def _drop(claims: Claims, run: str, journal: Journal) -> None:
    """Take the claim away; whoever cannot do so soon leaves it: it is stale in ten minutes."""
    with contextlib.suppress(PoyaError, TimeoutError):
        async with asyncio.timeout(DROPPED_WITHIN_S):
            await claims.drop(run)
        journal.set_fact(CLAIM_FACT, "")


def is_claimed(journal: Journal) -> bool:
    """Whether a claim of the run may still be at the target."""
    return journal.facts().get(CLAIM_FACT) == HELD


async def _renew(claims: Claims, run: str) -> None:
    while True:
        await asyncio.sleep(RENEWED_EVERY_S)
        # A claim that cannot be renewed now can be the next time; it is not stale that soon.
        with contextlib.suppress(PoyaError):
            await claims.put(run, _card())


def _refuse_if_claimed(claims: tuple[Claim, ...], run: str, what: str) -> None:
    there = next((claim.renewed for claim in claims if claim.run == run), None)
    for claim in claims:
        card = _read(claim.card)
        age_s = _age_s(claim.renewed or _told(card), there if claim.renewed else None)
        if claim.run != run and age_s < STALE_S:
            raise Locked(
                f"Another run is at work on {what}: {claim.run}.",
                why=f"Claimed by process {card.get('pid')} of {card.get('user')} on "
                f"{card.get('host')}; its last sign of life was {max(age_s, 0):.0f} s ago.",
                todo="Wait for it, or cancel it on its machine. If that is gone, its claim is "
                f"void {STALE_S / 60:.0f} minutes after its last sign of life.",
            )


def _card() -> bytes:
    holder = this_process("").as_facts()
    kept = {key: holder[key] for key in ("pid", "host", "user")}
    return json.dumps({**kept, "at": datetime.now(UTC).isoformat(timespec="seconds")}).encode()


def _read(card: bytes) -> dict[str, Any]:
    try:
        value = json.loads(card)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _told(card: dict[str, Any]) -> datetime | None:
    """When its holder says that it was renewed."""
    try:
        at = datetime.fromisoformat(str(card["at"]))
    except (KeyError, ValueError):
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _age_s(renewed: datetime | None, now: datetime | None) -> float:
    """How old a claim is; one that tells no time is as old as can be."""
    if renewed is None:
        return float("inf")
    return ((now or datetime.now(UTC)) - renewed).total_seconds()
