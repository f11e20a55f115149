"""The first start, a restart and the lists of a site as large as the largest, beside a small one.

`python -m benchmarks.lab`: CPU seconds and peak memory of processes that only do this; figures of
one run on one machine, whose ratio is what counts.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

LARGE = {"nodes": 10_000, "images": 2_000, "configurations": 2_000, "templates": 500}
OBJECT_GIB = 64
_WORK = """
import json, resource, sys, time
from pathlib import Path
from poya.lab.directory import SiteFiles, SiteSpec
from poya.lab.running import RunningSite

directory, bulk = Path(sys.argv[1]), json.loads(sys.argv[2])
began = time.process_time()
site = RunningSite(SiteSpec("big", "1.6", image_bytes=1 << 20, bulk=bulk), SiteFiles(directory))
site.start()
spent = time.process_time() - began
site.stop()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"cpu_s": spent, "peak_mib": peak}))
"""
_SPARSE = """
import json, sys, time
from pathlib import Path
from poya.lab.storage.credentials import CredentialMint
from poya.lab.storage.objects import SiteObjects

directory, size = Path(sys.argv[1]), int(sys.argv[2]) << 30
began = time.process_time()
objects = SiteObjects(directory, "big", CredentialMint(b"seed"))
objects.put_repeated("boot-images", "big", size, bytes(range(256)) * (8 << 12))
spent = time.process_time() - began
taken = sum(path.stat().st_size for path in (directory / "data").iterdir())
print(json.dumps({"cpu_s": spent, "disk_mib": taken / 2**20}))
"""


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="poya-bench-") as directory:
        home = Path(directory)
        small, large = json.dumps({}), json.dumps(LARGE)
        first = [run(_WORK, home / "small", small), run(_WORK, home / "large", large)]
        again = [run(_WORK, home / "small", small), run(_WORK, home / "large", large)]
        sparse = run(_SPARSE, home / "sparse", str(OBJECT_GIB))
    report("first start", *first)
    report("restart", *again)
    print(f"an object of {OBJECT_GIB} GiB: {sparse['cpu_s']:.2f} s, {sparse['disk_mib']:.0f} MiB")


def run(work: str, directory: Path, argument: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-c", work, str(directory), argument],
        capture_output=True,
        text=True,
        check=True,
    )
    measured: dict[str, float] = json.loads(done.stdout)
    return measured


def report(what: str, small: dict[str, float], large: dict[str, float]) -> None:
    ratio = large["cpu_s"] / small["cpu_s"]
    print(
        f"{what}: small {small['cpu_s']:.2f} s, {small['peak_mib']:.0f} MiB; "
        f"large {large['cpu_s']:.2f} s, {large['peak_mib']:.0f} MiB; {ratio:.1f} times the time"
    )


if __name__ == "__main__":
    main()
