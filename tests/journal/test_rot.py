"""A bit that turns in a journal's file is noticed, or means nothing."""

from __future__ import annotations

import os
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from poya.errors import UsageError
from poya.journal import Journal, Upload
from poya.journal.entries import read_rows

HOLDER = {"pid": "1", "host": "here", "user": "anna", "since": "", "purpose": "bringing gele"}
_DOCUMENT = b'{"label": "gele", "members": {"ids": ["x1000c0s0b0n0", "x1000c0s0b0n1"]}}' * 60
# `make test-faults` turns many more.
_BITS = 6000 if os.environ.get("POYA_FAULTS") else 40
# SQLite's header, in which a bit turned decides what the file is.
_HEADER_BITS = 8 * 100


@contextmanager
def opened(path: Path) -> Iterator[Journal]:
    journal = Journal.open(path)
    try:
        yield journal
    finally:
        journal.close()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The file of a run that did some of everything and was stopped."""
    path = tmp_path_factory.mktemp("whole") / "journal.db"
    journal = Journal.create(path, {"run": "gele-1", "target": "prealps", "é": "naïve → ok"})
    journal.take(HOLDER)
    journal.intend("image/a/create", note={"known": ["0a0a0a0a-1111", "0b0b0b0b-2222"]})
    for number in range(60):
        asked = journal.note("request", {"method": "PUT", "where": f"/boot-images/a/{number}"})
        journal.note("answer", {"request": asked, "status": 200, "etag": f"{number:032x}"})
    journal.done("image/a/create", {"id": "5c5c5c5c-3333"})
    for name in ("gele", "vala"):
        journal.intend(f"group/{name}", pre_image=_DOCUMENT)
    journal.failed("group/vala", "SMD refused it.")
    journal.undone("group/gele")
    journal.observe("group/gele", {"made": True})
    journal.remember_upload("s3://boot-images/a/rootfs", Upload("2~abcdef", 5 * 1024 * 1024))
    journal.remember_upload("s3://boot-images/a/kernel", Upload("2~ghijkl", 5 * 1024 * 1024))
    journal.forget_upload("s3://boot-images/a/kernel", "2~ghijkl")
    journal.ask_to_stop("berta on elsewhere")
    journal.close()
    return path.read_bytes()


def content(journal: Journal) -> Any:
    return journal.log(), read_rows(journal._db), journal.steps()


def written_to(path: Path) -> Any:
    """Go on with the run, and answer what it holds then."""
    with opened(path) as journal:
        before = content(journal)
        journal.take(HOLDER)
        for step in ("group/gele", "group/vala", "template/gele"):
            journal.done(step, {"made": True})
        journal.remember_upload("s3://boot-images/a/initrd", Upload("2~mnopqr", 1))
        after = [(s.id, s.state, dict(s.outcome), s.pre_image) for s in journal.steps()]
    with opened(path):
        return before, after


def turned(whole: bytes, bit: int) -> bytes:
    raw = bytearray(whole)
    raw[bit // 8] ^= 1 << bit % 8
    return bytes(raw)


def test_every_bit_that_turns_is_noticed_or_means_nothing(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.write_bytes(whole)
    expected = written_to(path)
    draw = random.Random(6)
    anywhere = [draw.randrange(8 * len(whole)) for _ in range(_BITS)]
    refusals = []
    for bit in [*draw.sample(range(_HEADER_BITS), min(_BITS, _HEADER_BITS)), *anywhere]:
        path.write_bytes(turned(whole, bit))
        try:
            assert written_to(path) == expected, bit
        except UsageError as error:
            refusals.append(error.what)
    assert refusals
    assert all(str(path) in what for what in refusals)


def test_a_bit_that_turns_in_the_write_ahead_log_takes_the_run_back_to_an_earlier_moment(
    whole: bytes, tmp_path: Path
) -> None:
    path, ahead = tmp_path / "journal.db", tmp_path / "journal.db-wal"
    path.write_bytes(whole)
    with opened(path) as journal, closing(sqlite3.connect(path)) as reader:
        reader.execute("SELECT count(*) FROM run").fetchone()
        written_to(path)
        told, files = journal.log(), (path.read_bytes(), ahead.read_bytes())
    draw = random.Random(7)
    lengths = set()
    for _ in range(_BITS):
        path.write_bytes(files[0])
        ahead.write_bytes(turned(files[1], draw.randrange(8 * len(files[1]))))
        ahead.with_name("journal.db-shm").unlink(missing_ok=True)
        with opened(path) as journal:
            log = journal.log()
        assert log == told[: len(log)]
        lengths.add(len(log))
    assert min(lengths) < max(lengths)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE run SET value = 'alps' WHERE key = 'target'",
        "DELETE FROM run WHERE key = 'target'",
        "INSERT INTO run VALUES ('nodes', 'all')",
        "UPDATE step SET outcome = '{\"known\": []}' WHERE id = 'image/a/create'",
        "UPDATE step SET outcome = '{' WHERE id = 'image/a/create'",
        "UPDATE step SET started = 'then' WHERE id = 'group/gele'",
        "UPDATE step SET ended = NULL WHERE id = 'group/gele'",
        "UPDATE step SET error = '' WHERE id = 'group/vala'",
        "UPDATE step SET position = 9 WHERE id = 'group/vala'",
        "UPDATE step SET pre_image = NULL WHERE id = 'group/gele'",
        "UPDATE upload SET upload_id = '2~other'",
        "UPDATE upload SET part_size_bytes = 8388608",
        "DELETE FROM upload",
        "UPDATE log SET body = '{}' WHERE seq = 9",
        "UPDATE log SET body = 'null' WHERE seq = 9",
        "UPDATE log SET body = CAST(x'7bff' AS TEXT) WHERE seq = 9",
        "ALTER TABLE upload ADD COLUMN size INTEGER",
    ],
)
def test_every_change_behind_the_log_is_noticed(whole: bytes, tmp_path: Path, change: str) -> None:
    path = tmp_path / "journal.db"
    path.write_bytes(whole)
    with closing(sqlite3.connect(path)) as db, db:
        assert db.execute(change).rowcount
    with pytest.raises(UsageError, match="damaged"):
        Journal.open(path)
