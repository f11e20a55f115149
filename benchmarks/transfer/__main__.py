"""poya's transfers beside other tools', between two real Ceph gateways: `make bench-transfer`.

Rounds are interleaved: each tool once, then each again. Shown are medians, and each tool's wall
time as a ratio of poya's.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from benchmarks.transfer import ceph
from benchmarks.transfer.rounds import Bench, store_at
from benchmarks.transfer.table import lines_of
from benchmarks.transfer.tools import TOOLS, make_peers
from benchmarks.transfer.wan import Link, wan
from benchmarks.transfer.work import BUCKET, End


def main() -> None:
    options = _options()
    if missing := ceph.missing_programs():
        sys.exit(f"Not installed: {', '.join(missing)}. On Debian: ceph-mon, ceph-osd, radosgw.")
    python = make_peers(options.peers)
    with tempfile.TemporaryDirectory(prefix="pb-", dir=options.directory) as name:
        directory = Path(name)
        with _sites(directory, options) as ends, closing(Bench(directory, python, ends)) as bench:
            bench.seed(options.objects, options.size_mib)
            wanted = options.tools.split(",")
            for operation in options.operations.split(","):
                tools = [t for t in TOOLS if t.name in wanted and operation in t.operations]
                outcomes = bench.rounds(tools, operation, options.rounds, options.streams)
                busy = os.getloadavg()[0] / (os.cpu_count() or 1)
                print(
                    f"\n{operation}, {options.objects} x {options.size_mib} MiB, "
                    f"{options.rounds} rounds, load {busy:.1f} a core",
                    *lines_of(tools, outcomes, bench.size_bytes), sep="\n", flush=True,
                )  # fmt: skip


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
            with closing(store_at(direct)) as store:
                store.make_bucket(BUCKET)
            ends.append(End(f"https://127.0.0.1:{port}", str(gateway.ca), *keys))
        yield ends[0], ends[1]


if __name__ == "__main__":
    main()
