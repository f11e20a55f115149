"""Start-up and reads: `make benchmarks`.

Wall time of whole processes, the best of several rounds that are interleaved, beside
`python -c pass` in the same run.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from poya.lab.pytest_plugin import start_pair, stop_pair
from poya.lab.seed.bulk import add_images

ROUNDS = 7
IMAGES = 10_000
Command = tuple[str, list[str]]


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="poya-bench-") as directory:
        home = Path(directory)
        pair = start_pair(home / "lab")
        try:
            add_images(pair.alps.ground, IMAGES)
            environment = {**os.environ, "POYA_CONFIG": str(pair.config_path)}
            environment.pop("PYTHONDONTWRITEBYTECODE", None)
            report(measure(commands(), environment))
        finally:
            stop_pair(pair)


def commands() -> list[Command]:
    poya = [sys.executable, "-m", "poya"]
    return [
        ("python -c pass", [sys.executable, "-c", "pass"]),
        ("poya --version", [*poya, "--version"]),
        ("poya --help", [*poya, "--help"]),
        ("poya migrate run --help", [*poya, "migrate", "run", "--help"]),
        (f"poya get images ({IMAGES:,})", [*poya, "get", "images", "--site", "alps"]),
        (
            f"poya get images ({IMAGES:,}), JSON",
            [*poya, "get", "images", "--site", "alps", "--output", "json"],
        ),
    ]


def measure(rows: list[Command], environment: dict[str, str]) -> dict[str, float]:
    best: dict[str, float] = {}
    for _ in range(ROUNDS):
        for name, command in rows:
            started_s = time.perf_counter()
            subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
            elapsed_s = time.perf_counter() - started_s
            best[name] = min(best.get(name, elapsed_s), elapsed_s)
    return best


def report(best: dict[str, float]) -> None:
    base_s = next(iter(best.values()))
    print(f"{'command':36} {'best of ' + str(ROUNDS):>10}  {'ratio':>6}")
    for name, elapsed_s in best.items():
        print(f"{name:36} {elapsed_s * 1000:7.0f} ms  {elapsed_s / base_s:6.1f}")


if __name__ == "__main__":
    main()
