# SPDX-License-Identifier: Apache-2.0
"""How much of a process's memory is left for buffers."""

from __future__ import annotations

import os
import resource
from pathlib import Path

from poya.errors import UsageError
from poya.transfer.etags import MIB

_USUAL_PROCESS_BYTES = 256 * MIB
_USUAL_LEAST_BYTES = 64 * MIB
# Stacks and TLS state of the threads, lists of parts, what the interpreter grows by.
_RESERVE_BYTES = 32 * MIB
_LEAST_BUFFER_BYTES = 16 * MIB


def buffers_within(process_bytes: int) -> int:
    """What buffers may take so that the whole process stays within `process_bytes`.

    Raises:
        UsageError: Too little is left to move anything.
    """
    taken_bytes = resident_bytes() + _RESERVE_BYTES
    if process_bytes - taken_bytes < _LEAST_BUFFER_BYTES:
        least = -(-(taken_bytes + _LEAST_BUFFER_BYTES) // MIB)
        raise UsageError(
            f"{process_bytes // MIB} MiB of memory are too little.",
            why=f"Without any buffer it takes {taken_bytes // MIB} MiB.",
            todo=f"Allow at least {least} MiB: --memory {least}M.",
        )
    return process_bytes - taken_bytes


def usual_buffers() -> int:
    """What buffers may take if nobody says: the whole process is to stay within 256 MiB.

    A program that has much else in memory gets 64 MiB for them all the same.
    """
    room_bytes = _USUAL_PROCESS_BYTES - resident_bytes() - _RESERVE_BYTES
    return max(room_bytes, _USUAL_LEAST_BYTES)


def resident_bytes() -> int:
    """What this process has in memory now (on systems without /proc: had at most)."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return pages * os.sysconf("SC_PAGE_SIZE")
