# SPDX-License-Identifier: Apache-2.0
"""One run from its plan to its report: apply, verify, report; and the way back."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from poya.errors import PoyaError, StoppedPartWay, UsageError, VerificationFailed
from poya.journal import Journal
from poya.migration.applying import Applier, note_stop
from poya.migration.events import Listener
from poya.migration.locking import held
from poya.migration.moving import Mover
from poya.migration.report import Report, make_report
from poya.migration.undoing import Undoer
from poya.migration.verifying import Verification, Verifier
from poya.model.plan import Plan
from poya.sites.base import Source, Target
from poya.transfer import Limits

_MOST_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Run:
    """A run under way: its id, its plan and its journal."""

    id: str
    plan: Plan
    journal: Journal


async def carry_out(
    run: Run, source: Source, target: Target, limits: Limits, listener: Listener
) -> Report:
    """Do what the plan says, or go on with it, then read everything back.

    Raises:
        StalePlan, StoppedPartWay: As `Applier.apply`.
        UsageError: The run was undone.
        VerificationFailed: The target is not as planned at the end.
    """
    if run.journal.facts().get("state") in ("undoing", "undone"):
        raise UsageError(
            f"The run {run.id} was undone.", todo="Start another one: poya migrate run …"
        )
    _refuse_if_sealed(run)
    started_s = time.monotonic()
    mover = Mover((source, target), run.journal, limits, listener)
    try:
        async with held(run.plan.holds, target.node_locks, run.journal):
            await Applier(run.id, run.plan, target, run.journal, listener).apply(mover)
    except asyncio.CancelledError:
        note_stop(run.journal, "It was told to stop, by Ctrl-C or a signal.")
        raise
    verification = await _read_back(run, target)
    elapsed_s = time.monotonic() - started_s
    report = make_report(run.id, run.plan, run.journal, verification, elapsed_s)
    # What the next plan between the same places is estimated by.
    run.journal.set_fact("moved_bytes", str(report.moved_bytes))
    run.journal.set_fact("elapsed_s", f"{elapsed_s:.3f}")
    return report


async def _read_back(run: Run, target: Target) -> Verification:
    try:
        verification = await look(run, target)
    except PoyaError as error:
        raise StoppedPartWay(
            f"All of the run {run.id} is written, but not all could be read back: {error.what}",
            why=error.why,
            todo=f"{error.todo}\n'poya migrate verify {run.id}' looks again.".strip(),
        ) from error
    # For the receipt, which certifies that it was looked at, and what was found.
    differing = [mismatch.subject for mismatch in verification.mismatches]
    run.journal.note("verified", {"checked": verification.checked, "differing": differing})
    refuse_mismatches(run.id, target.label, verification)
    return verification


async def verify(run: Run, target: Target) -> Verification:
    """Read everything back and compare it with the plan.

    Raises:
        VerificationFailed: Something differs; the error names it.
    """
    verification = await look(run, target)
    refuse_mismatches(run.id, target.label, verification)
    return verification


async def look(run: Run, target: Target) -> Verification:
    """Read everything back and compare it with the plan; what differs is in the result."""
    _refuse_if_sealed(run)
    return await Verifier(run.plan, target, run.journal).verify()


def refuse_mismatches(run: str, target: str, verification: Verification) -> None:
    """Do nothing, or name what is not as planned.

    Raises:
        VerificationFailed: Something differs.
    """
    mismatches = verification.mismatches
    if not mismatches:
        return
    listed = [f"{m.subject}: {m.message}" for m in mismatches[:_MOST_SHOWN]]
    more = len(mismatches) - len(listed)
    raise VerificationFailed(
        f"{target} is not as planned in {len(mismatches)} places.",
        why="\n".join([*listed, *([f"and {more} more"] if more > 0 else [])]),
        todo=f"Look there, then 'poya migrate verify {run}', or 'poya migrate undo {run}'.",
    )


async def undo(run: Run, target: Target, listener: Listener) -> int:
    """Take back what the run wrote; answers how many steps had an effect.

    Raises:
        StoppedPartWay: As `Undoer.undo`.
    """
    _refuse_if_sealed(run)
    async with held(run.plan.holds, target.node_locks, run.journal):
        count = await Undoer(run.id, run.plan, target, run.journal, listener).undo()
    run.journal.forget_secrets()
    return count


def _refuse_if_sealed(run: Run) -> None:
    """Do nothing, or refuse to write or compare masks.

    Raises:
        UsageError: The run's secrets are lost.
    """
    if not run.plan.withheld:
        return
    undone = run.journal.facts().get("state") == "undone"
    raise UsageError(
        f"The run {run.id} lacks the secrets that its plan does not tell.",
        why="It was undone, and forgot them."
        if undone
        else f"{len(run.plan.withheld)} values in its directory's secrets/ are gone or changed.",
        todo="Nothing is left to do."
        if undone
        else "Put that directory back from a backup. Without it, make the plan anew and apply it.",
    )
