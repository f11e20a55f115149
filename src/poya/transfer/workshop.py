# SPDX-License-Identifier: Apache-2.0
"""What all jobs of a copy share: threads, buffers, limits, the stop and the listener."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from poya.transfer.buffers import BufferPool
from poya.transfer.crews import Crew
from poya.transfer.events import Progress, Retried
from poya.transfer.guard import Brake, Cancel, Guard
from poya.transfer.jobs import Job, Limits
from poya.transfer.ports import UploadMemory


@dataclass(frozen=True, slots=True)
class Workshop:
    """Shared by all jobs of a copy.

    Attributes:
        limits: As asked for.
        buffers: All the memory there is.
        getters: They read.
        putters: They write; apart from the getters, so that both directions stay busy.
        cancel: Stops everything.
        brake: The bandwidth limit.
        progress: Sends events.
        memory: The caller's record of uploads.
    """

    limits: Limits
    buffers: BufferPool
    getters: Crew
    putters: Crew
    cancel: Cancel
    brake: Brake
    progress: Progress
    memory: UploadMemory | None


@dataclass(frozen=True, slots=True)
class Guards:
    """The guards of one job.

    Attributes:
        cancel: Stops this job alone.
        reading: For requests to the source; counts towards the bandwidth limit if it is remote.
        writing: For requests to the target; counts if the source does not.
        asking: For requests that move nothing.
    """

    cancel: Cancel
    reading: Guard
    writing: Guard
    asking: Guard


@contextmanager
def guards_for(job: Job, shop: Workshop) -> Iterator[Guards]:
    """Guards that stop a job when the whole copy is stopped, or the job alone."""

    def retried(reason: str, wait_s: float) -> None:
        shop.progress.tell(Retried(job.name, reason, wait_s))

    cancel = Cancel()
    remote = job.source.is_remote
    with shop.cancel.interrupting(cancel.set):
        yield Guards(
            cancel,
            reading=Guard(cancel, shop.brake if remote else None, retried, shop.getters.ease),
            writing=Guard(cancel, None if remote else shop.brake, retried, shop.putters.ease),
            asking=Guard(cancel, None, retried),
        )
