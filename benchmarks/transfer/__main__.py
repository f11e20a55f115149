"""poya's transfers beside other tools', between two real Ceph gateways: `make bench-transfer`.

Rounds are interleaved: each tool once, then each again. Shown are medians, and each tool's wall
time as a ratio of poya's.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.transfer import ceph
from benchmarks.transfer.tools import TOOLS, Cost, Tool, environment_of, make_peers, run
from benchmarks.transfer.wan import Link, wan
from benchmarks.transfer.work import BUCKET, End, Known, Work, file_of
from poya import transfer

MIB = 1024 * 1024
# As IMS stores images: boto3's usual cut.
_SOURCE_PART_BYTES = 8 * MIB


def main() -> None:
    options = _options()
    if missing := ceph.missing_programs():
        sys.exit(f"Not installed: {', '.join(missing)}. On Debian: ceph-mon, ceph-osd, radosgw.")
    python = make_peers(options.peers)
    with tempfile.TemporaryDirectory(prefix="pb-", dir=options.directory) as name:
        directory = Path(name)
        with _sites(directory, options) as (source, target):
            bench = _Bench(directory, python, (source, target), options)
            for line in bench.lines():
                print(line, flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.transfer", description=__doc__)
    parser.add_argument("--size-mib", type=int, default=1024, help="of each object")
    parser.add_argument("--objects", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--operations", default="copy,down,up")
    parser.add_argument("--tools", default=",".join(tool.name for tool in TOOLS))
    parser.add_argument("--streams", type=int, default=8, help="requests at once, of the others")
    parser.add_argument("--wan", action="store_true", help="an emulated link before both sites")
    parser.add_argument("--rtt-ms", type=float, default=10)
    parser.add_argument("--stream-mb", type=float, default=25, help="MB/s of one connection")
    parser.add_argument("--total-mb", type=float, default=125, help="MB/s of all together")
    parser.add_argument("--store", default="memstore", choices=["memstore", "bluestore"])
    parser.add_argument("--directory", type=Path, default=Path("/tmp"))
    parser.add_argument("--peers", type=Path, default=Path("/tmp/poya-bench-peers"))
    return parser.parse_args()


@contextmanager
def _sites(directory: Path, options: argparse.Namespace) -> Iterator[tuple[End, End]]:
    size_gib = 2 + 3 * options.size_mib * options.objects // 1024
    link = Link(options.rtt_ms / 1000, options.stream_mb * 1e6, options.total_mb * 1e6)
    print(f"link: {link}" if options.wan else "link: loopback", flush=True)
    with ExitStack() as stack:
        ends = []
        for site in ("a", "b"):
            where = directory / site
            gateway = stack.enter_context(
                ceph.gateway(where, site, store_gib=size_gib, store=options.store)
            )
            port = stack.enter_context(wan(gateway.port, link)) if options.wan else gateway.port
            keys = (ceph.ACCESS_KEY, ceph.SECRET_KEY)
            direct = End(gateway.url, str(gateway.ca), *keys)
            _store(direct).make_bucket(BUCKET)
            ends.append(End(f"https://127.0.0.1:{port}", str(gateway.ca), *keys))
        yield ends[0], ends[1]


class _Bench:
    def __init__(
        self, directory: Path, python: Path, ends: tuple[End, End], options: argparse.Namespace
    ) -> None:
        self._directory, self._python, self._options = directory, python, options
        self._source, self._target = ends
        self._keys = tuple(f"image{number}/rootfs" for number in range(options.objects))
        self._known = self._seed()
        self._bundle = directory / "both.pem"
        self._bundle.write_text("".join(Path(end.ca).read_text() for end in ends))
        self._checked: set[tuple[str, str]] = set()

    def lines(self) -> Iterator[str]:
        wanted = self._options.tools.split(",")
        what = f"{self._options.objects} x {self._options.size_mib} MiB"
        for operation in self._options.operations.split(","):
            tools = [t for t in TOOLS if t.name in wanted and operation in t.operations]
            costs: dict[str, list[Cost]] = defaultdict(list)
            for _ in range(self._options.rounds):
                for tool in tools:
                    try:
                        costs[tool.name].append(self._one(tool, operation))
                    except RuntimeError as error:
                        yield f"{tool.name} failed: {str(error).strip().splitlines()[-1:]}"
            yield f"\n{operation}, {what}, {self._options.rounds} rounds"
            yield from _table(tools, costs, self._options.size_mib * self._options.objects * MIB)

    def _one(self, tool: Tool, operation: str) -> Cost:
        files = self._directory / "files"
        work = Work(
            operation, self._source, self._target, self._keys,
            str(self._directory / "seed" if operation == "up" else files), self._options.streams,
            self._known,
        )  # fmt: skip
        if operation != "up":
            for key in self._keys:
                file_of(work, key).parent.mkdir(parents=True, exist_ok=True)
        task = self._directory / "task.json"
        work.write(task)
        command = tool.command(self._python, work, task)
        cost = run(command, environment_of(work, self._bundle), self._directory / "tool.log")
        self._check(tool, work)
        shutil.rmtree(files, ignore_errors=True)
        return cost

    def _check(self, tool: Tool, work: Work) -> None:
        """Once a tool and operation: is what arrived what was sent? Then make room."""
        is_first = (tool.name, work.operation) not in self._checked
        self._checked.add((tool.name, work.operation))
        store = _store(self._target)
        for key in self._keys:
            if work.operation == "down":
                arrived = file_of(work, key).read_bytes() if is_first else b""
            else:
                place = transfer.ObjectPlace(BUCKET, key)
                size = store.head(place).size_bytes
                arrived = store.get_small(place, size) if is_first else b""
                store.delete(place)
            if is_first and _md5(arrived) != self._known[key].md5:
                raise RuntimeError(f"{key} arrived damaged")

    def _seed(self) -> dict[str, Known]:
        known = {}
        store = _store(self._source)
        for key in self._keys:
            file = self._directory / "seed" / key
            file.parent.mkdir(parents=True)
            data = os.urandom(self._options.size_mib * MIB)
            file.write_bytes(data)
            md5, size_bytes = _md5(data), len(data)
            del data
            # An etag of that many parts makes the engine cut as IMS does.
            parts = -(-size_bytes // _SOURCE_PART_BYTES)
            target = transfer.ObjectTarget(store, transfer.ObjectPlace(BUCKET, key))
            cut = transfer.Expected(etag=f"{'0' * 32}-{parts}", md5=md5)
            job = transfer.Job(key, transfer.FileSource(file), target, cut)
            [result] = transfer.copy([job])
            known[key] = Known(size_bytes, md5, result.etag, _SOURCE_PART_BYTES)
        return known


def _table(tools: list[Tool], costs: dict[str, list[Cost]], size_bytes: int) -> Iterator[str]:
    tools = [tool for tool in tools if costs[tool.name]]
    first = statistics.median(cost.wall_s for cost in costs[tools[0].name]) if tools else 0.0
    yield f"{'':12}{'wall s':>8}{'MB/s':>7}{'ratio':>7}{'CPU s':>7}{'peak MiB':>9}  "
    for tool in tools:
        runs = costs[tool.name]
        wall_s = statistics.median(cost.wall_s for cost in runs)
        cpu_s = statistics.median(cost.cpu_s for cost in runs)
        peak = max(cost.peak_bytes for cost in runs) / MIB
        yield (
            f"{tool.name:12}{wall_s:8.2f}{size_bytes / wall_s / 1e6:7.0f}{wall_s / first:7.2f}"
            f"{cpu_s:7.2f}{peak:9.0f}  {tool.note}"
        )


def _store(end: End) -> transfer.S3Store:
    keys = transfer.Credentials(end.access_key, end.secret_key)
    return transfer.S3Store(transfer.S3Config("bench", end.url, Path(end.ca)), lambda: keys)


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


if __name__ == "__main__":
    main()
