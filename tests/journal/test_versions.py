"""A journal of an older poya is brought forward, whatever was done to it since."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from journal.older import bring_forward_badly, make_version_1
from poya.errors import UsageError
from poya.journal import Journal, first_break
from poya.journal.entries import append, now

PRE_IMAGE = b'{"label": "gele", "members": {"ids": []}}'
HOLDER = {"pid": "1", "host": "here", "user": "", "since": "", "purpose": ""}


def fill(path: Path) -> None:
    """What a run that stopped part-way had recorded in version 1."""
    with closing(sqlite3.connect(path)) as db, db:
        facts = {"run": "gele-1", "state": "stopped", "target_label": "prealps"}
        db.executemany("INSERT INTO run VALUES (?, ?)", facts.items())
        steps = [
            ("image/a/create", "done", 1, '{"id": "b"}', "", None),
            ("group/gele", "done", 2, '{"made": true}', "", PRE_IMAGE),
            ("configuration/gele", "failed", 3, "{}", "CFS refused it.", b"{}"),
            ("template/gele", "intent", 4, "{}", "", None),
        ]
        db.executemany("INSERT INTO step VALUES (?, ?, ?, 'then', NULL, ?, ?, ?)", steps)
        db.execute("INSERT INTO upload VALUES ('s3://boot-images/b/rootfs', 'u', 5242880)")


def version_1(path: Path) -> None:
    make_version_1(path)
    fill(path)


def version_2_brought_forward_badly(path: Path) -> None:
    version_1(path)
    bring_forward_badly(path)


older = pytest.mark.parametrize("make", [version_1, version_2_brought_forward_badly])
Make = Callable[[Path], None]


@contextmanager
def opened(path: Path) -> Iterator[Journal]:
    journal = Journal.open(path)
    try:
        yield journal
    finally:
        journal.close()


@older
def test_everything_that_it_recorded_is_in_its_log(make: Make, tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    make(path)
    with opened(path) as journal:
        bodies = [entry.body for entry in journal.log()]
        assert first_break(journal.log()) is None
    assert bodies[0] == {"run": "gele-1", "state": "stopped", "target_label": "prealps"}
    assert bodies[2] == {
        "step": "group/gele",
        "state": "done",
        "position": 2,
        "started": "then",
        "ended": None,
        "outcome": {"made": True},
        "error": "",
        "pre_image": hashlib.sha256(PRE_IMAGE).hexdigest(),
        "adopted": True,
    }
    assert [body.get("step", "") for body in bodies[1:]] == [
        "image/a/create", "group/gele", "configuration/gele", "template/gele", "",
    ]  # fmt: skip
    assert bodies[-1] == {
        "place": "s3://boot-images/b/rootfs",
        "state": "begun",
        "upload": "u",
        "part_size_bytes": 5242880,
        "adopted": True,
    }


@older
def test_it_can_be_taken_again_and_again_with_writes_between(make: Make, tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    make(path)
    writes: list[Callable[[Journal], object]] = [
        lambda journal: journal.intend("group/gele", pre_image=b"something else"),
        lambda journal: journal.undone("group/gele"),
        lambda journal: journal.done("template/gele", {"made": True}),
        lambda journal: journal.set_fact("state", "undone"),
    ]
    for write in writes:
        with opened(path) as journal:
            journal.take(HOLDER)
            write(journal)
    with opened(path) as journal:
        journal.take(HOLDER)
        step = journal.step("group/gele")
    assert step is not None
    assert step.pre_image == PRE_IMAGE


def test_one_that_was_written_to_after_it_was_brought_forward_badly_is_mended(
    tmp_path: Path,
) -> None:
    """What the first version 2 called damaged from its second write on."""
    path = tmp_path / "journal.db"
    version_2_brought_forward_badly(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        append(db, now(), "holder", {"token": 1, **HOLDER})
        append(db, now(), "step", {"step": "group/gele", "state": "undone"})
        db.execute("UPDATE step SET state = 'undone' WHERE id = 'group/gele'")
    with opened(path) as journal:
        journal.take(HOLDER)
        assert [s.state for s in journal.steps()] == ["done", "undone", "failed", "intent"]


@older
def test_bringing_it_forward_happens_once(make: Make, tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    make(path)
    with opened(path) as journal:
        entries = journal.log()
    with opened(path) as journal:
        assert journal.log() == entries


def test_a_row_that_is_changed_behind_the_log_of_an_older_journal_is_noticed(
    tmp_path: Path,
) -> None:
    path = tmp_path / "journal.db"
    version_1(path)
    with opened(path):
        pass
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE step SET pre_image = x'00' WHERE id = 'group/gele'")
    with pytest.raises(UsageError, match="damaged"):
        Journal.open(path)


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM step WHERE id = 'group/gele'",
        "INSERT INTO step (id, state, position, started) VALUES ('group/x', 'done', 9, 'then')",
        "UPDATE step SET id = 'group/gelf' WHERE id = 'group/gele'",
    ],
)
def test_a_step_that_is_lost_or_unknown_to_the_log_is_noticed(tmp_path: Path, change: str) -> None:
    path = tmp_path / "journal.db"
    journal = Journal.create(path, {"run": "gele-1"})
    journal.intend("group/gele")
    journal.close()
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(change)
    with pytest.raises(UsageError, match="damaged"):
        Journal.open(path)


def test_a_step_that_fails_before_it_is_begun_is_no_contradiction(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path / "journal.db", {"run": "gele-1"})
    journal.failed("group/gele", "SMD refused to say.")
    journal.take(HOLDER)
    journal.close()
