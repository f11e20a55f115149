"""Runs a command and prints what it cost, as JSON: wall s, CPU s, peak resident bytes.

A process of its own that imports next to nothing: Linux counts into a child's peak what its parent
had resident when it was started.
"""

from __future__ import annotations

import json
import os
import sys
import time


def main() -> None:
    log, *command = sys.argv[1:]
    began_s = time.perf_counter()
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    streams = [(os.POSIX_SPAWN_DUP2, out, 1), (os.POSIX_SPAWN_DUP2, out, 2)]
    pid = os.posix_spawnp(command[0], command, os.environ, file_actions=streams)
    _, status, usage = os.wait4(pid, 0)
    cost = {
        "wall_s": time.perf_counter() - began_s,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "peak_bytes": usage.ru_maxrss * 1024,
    }
    print(json.dumps(cost))
    sys.exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
