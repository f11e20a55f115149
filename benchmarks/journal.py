"""What the journal costs: `python -m benchmarks.journal [DIRECTORY]`.

Each part of a file that is sent is recorded by one commit, synced to the disk. Measured beside a
bare SQLite transaction of the same size in the same directory, and beside the md5 of a part; and
how long a run with 100,000 requests behind it takes to be taken up, beside reading its log's text.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from poya.journal import Journal
from poya.journal.entries import append, now

PART_BYTES = 8 * 1024 * 1024
COMMITS = 200
ENTRIES = 100_000
HOLDER = {"pid": "1", "host": "here", "user": "", "since": "", "purpose": ""}
BODY = {
    "service": "s3", "method": "PUT", "size_bytes": PART_BYTES, "status": 200, "etag": "0" * 32,
    "where": "/boot-images/00000000-0000-0000-0000-000000000000/rootfs?partNumber=1&uploadId=2~x",
}  # fmt: skip


def main() -> None:
    where = sys.argv[1] if len(sys.argv) > 1 else None
    with tempfile.TemporaryDirectory(prefix="poya-bench-", dir=where) as directory:
        part(Path(directory))
        take(Path(directory))


def part(directory: Path) -> None:
    """The commit of a part."""
    journal = Journal.create(directory / "journal.db", {"run": "bench"})
    journal.take(HOLDER)
    ours_s = each_s(lambda: recorded(journal), COMMITS)
    journal.close()
    with closing(sqlite3.connect(directory / "bare.db", isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        db.execute("CREATE TABLE log (seq INTEGER PRIMARY KEY, body TEXT)")
        text = json.dumps(BODY) + "0" * 128
        bare_s = each_s(lambda: db.execute("INSERT INTO log (body) VALUES (?)", (text,)), COMMITS)
    content = bytes(PART_BYTES)
    md5_s = each_s(lambda: hashlib.md5(content, usedforsecurity=False).digest(), 20)
    print(f"a part's commit        {ours_s * 1e3:8.2f} ms")
    print(f"  of a bare commit     {ours_s / bare_s:8.2f}")
    print(f"  of the part's md5    {ours_s / md5_s:8.2f}")


def recorded(journal: Journal) -> None:
    journal.check_held()
    journal.note("request", BODY)


def take(directory: Path) -> None:
    """Taking up a run that has much behind it."""
    path = directory / "long.db"
    journal = Journal.create(path, {"run": "bench"})
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("BEGIN")
        for _ in range(ENTRIES):
            append(db, now(), "request", BODY)
        db.execute("COMMIT")
        ours_s = each_s(lambda: journal.take(HOLDER), 3)
        read_s = each_s(lambda: [json.loads(b) for (b,) in db.execute("SELECT body FROM log")], 3)
    journal.close()
    print(f"taking {ENTRIES:,} entries {ours_s:8.2f} s")
    print(f"  of reading them      {ours_s / read_s:8.2f}")


def each_s(work: Callable[[], object], times: int) -> float:
    """The best of three, a call."""
    best_s = float("inf")
    for _ in range(3):
        started_s = time.perf_counter()
        for _ in range(times):
            work()
        best_s = min(best_s, (time.perf_counter() - started_s) / times)
    return best_s


if __name__ == "__main__":
    main()
