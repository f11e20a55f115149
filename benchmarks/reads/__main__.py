"""Reads of a whole machine by poya's client and by what people write by hand.

A server on loopback serves the same bytes to all. Each reader is a process of its own; time is the
best of several rounds that are interleaved, memory the peak of the process. The rows of one kind
are compared with the first of them.
"""

from __future__ import annotations

import json
import subprocess
import sys

from benchmarks.reads.readers import READERS
from benchmarks.reads.server import serving

ROUNDS = 3
MEBIBYTE = 1024 * 1024


def main() -> None:
    best: dict[str, tuple[float, float, int]] = {}
    with serving() as url:
        for _ in range(ROUNDS):
            for name in READERS:
                measured = measure(name, url)
                best[name] = min(best.get(name, measured), measured)
    report(best)


def measure(name: str, url: str) -> tuple[float, float, int]:
    """Seconds, peak mebibytes and how many records were read, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.reads.readers", name, url],
        check=True,
        capture_output=True,
        text=True,
    )
    value = json.loads(done.stdout)
    return value["took_s"], value["peak_bytes"] / MEBIBYTE, value["records"]


def report(best: dict[str, tuple[float, float, int]]) -> None:
    print(f"{'read':60} {'records':>8} {'time':>8} {'ratio':>6} {'peak':>9}")
    base_s, kind = 1.0, ""
    for name, (took_s, peak_mib, records) in best.items():
        if name.partition(":")[0] != kind:
            kind, base_s = name.partition(":")[0], took_s / records
        ratio = took_s / records / base_s
        print(f"{name:60} {records:8,} {took_s:6.2f} s {ratio:6.2f} {peak_mib:5.0f} MiB")


if __name__ == "__main__":
    main()
