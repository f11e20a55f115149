# SPDX-License-Identifier: Apache-2.0
"""Copies artifacts between stores and files, several at once, within limits.

Synchronous: async callers use `asyncio.to_thread(copy, ...)` and a `Cancel`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace

from poya.errors import Cancelled, UsageError
from poya.transfer.buffers import BufferPool
from poya.transfer.crews import Crew
from poya.transfer.events import Event, Failed, Finished, Paced, Progress
from poya.transfer.guard import Brake, Cancel
from poya.transfer.jobs import Job, Limits, Result
from poya.transfer.ports import UploadMemory
from poya.transfer.stream import run_job
from poya.transfer.workshop import Workshop


def copy(
    jobs: Sequence[Job],
    limits: Limits | None = None,
    on_event: Callable[[Event], None] | None = None,
    *,
    cancel: Cancel | None = None,
    memory: UploadMemory | None = None,
) -> list[Result]:
    """Move artifacts and return what came of each, in the order of the jobs.

    Run it again after a failure or a stop: what is complete is reused, uploads that `memory`
    recalls and partial files are continued.

    Args:
        jobs: Names must differ.
        limits: What may be used.
        on_event: Called from worker threads, one event at a time; must be quick.
        cancel: Stops everything soon when set.
        memory: Without it nothing of an unfinished object is left at the target.

    Raises:
        PoyaError: The first failure of any job; the others were stopped.
        Cancelled: `cancel` was set.
    """
    limits = limits or Limits()
    _check(jobs, limits)
    # A child of the caller's token: our own failures must not look like the caller's stop.
    stop = Cancel()
    with (
        (cancel or Cancel()).interrupting(stop.set),
        closing(BufferPool(limits.memory_bytes)) as buffers,
        Crew("poya-get", limits.parallel) as getters,
        Crew("poya-put", limits.parallel) as putters,
        ThreadPoolExecutor(limits.objects, "poya-object") as objects,
    ):
        brake, progress = Brake(limits.pace), Progress(on_event)
        limits.pace.on_change = lambda rate: progress.tell(Paced(rate))
        shop = Workshop(limits, buffers, getters, putters, stop, brake, progress, memory)
        for job in jobs:
            shop.progress.expect(job.name, job.expected.size_bytes or 0)
        return _collect(_begin(jobs, shop, objects), stop)


def _begin(
    jobs: Sequence[Job], shop: Workshop, threads: ThreadPoolExecutor
) -> list[Future[Result]]:
    """Start all jobs; one whose bytes another one moves waits for that, and copies them."""
    begun: dict[object, tuple[Job, Future[Result]]] = {}
    futures = []
    for job in jobs:
        content = (job.expected.md5, job.expected.size_bytes)
        # Jobs start in this order, so one that waits for an earlier one does not wait forever.
        earlier = begun.get(content) if all(content) else None
        future = threads.submit(_run, job, shop, earlier)
        begun.setdefault(content, (job, future))
        futures.append(future)
    return futures


def _run(job: Job, shop: Workshop, earlier: tuple[Job, Future[Result]] | None) -> Result:
    try:
        if earlier is not None and job.twin is None:
            other, moved = earlier
            job = replace(job, twin=other.target.twin_for(job.target, moved.result().etag))
        shop.cancel.check()
        result = run_job(job, shop)
        shop.progress.tell(Finished(result))
    except BaseException as error:
        if not isinstance(error, Cancelled):
            shop.progress.tell(Failed(job.name, error))
        shop.cancel.set()
        raise
    return result


def _collect(futures: Sequence[Future[Result]], stop: Cancel) -> list[Result]:
    try:
        errors = [error for future in futures if (error := future.exception()) is not None]
    except BaseException:
        # Ctrl-C while waiting: the workers stop before it goes on.
        stop.set()
        raise
    if errors:
        raise min(errors, key=lambda error: isinstance(error, Cancelled))
    return [future.result() for future in futures]


def _check(jobs: Sequence[Job], limits: Limits) -> None:
    names = [job.name for job in jobs]
    if len(set(names)) != len(names):
        raise UsageError("Two transfers of one copy have the same name.")
    if min(limits.parallel, limits.objects, limits.memory_bytes) < 1:
        raise UsageError("The limits of a transfer must be above zero.")
