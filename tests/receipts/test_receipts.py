"""A receipt says who did what; nothing in it can be changed unnoticed."""

from __future__ import annotations

import os
import random
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from poya.errors import ConfigError, DataDamaged, UsageError
from poya.journal.log import START, next_entry
from poya.migration.comparing import state_of
from poya.receipts import (
    ArtifactRecord,
    EntityRecord,
    ImageRecord,
    Ledger,
    LogRecord,
    Receipt,
    SigningKey,
    check_seal,
    decode_receipt,
    own_key,
    public_keys_in,
    sealed,
)


def log_of(count: int) -> tuple[LogRecord, ...]:
    records: list[LogRecord] = []
    last = (0, START)
    for number in range(count):
        body = {"method": "POST", "where": f"/apis/{number}", "sha256": f"{number:064x}"}
        entry = next_entry(last, f"2024-01-01T00:00:{number:02}Z", "request", body)
        last = (entry.seq, entry.chain)
        records.append(LogRecord(**entry.as_json()))
    return tuple(records)


def receipt(run: str = "gele-1", **changes: Any) -> Receipt:
    artifact = ArtifactRecord("rootfs", 7, "m" * 32, "e", "e", 7, "md5")
    image = ImageRecord("gele", "create", "a", "b", "c", "s3://x/y", "e", (artifact,))
    entity = EntityRecord("group", "gele", "create", "", "d" * 64)
    bare = Receipt(
        run=run, vcluster="gele", source="alps", target="prealps", operator="op@host",
        tool="poya 1", started="t0", made="t1", state="applied", plan_digest="p" * 64,
        accepted=("clone-url-of-site",), images=(image,), entities=(entity,), log=log_of(9),
    )  # fmt: skip
    return msgspec.structs.replace(bare, **changes)


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    return own_key(tmp_path / "keys" / "receipts.pem")


def test_the_key_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "receipts.pem"
    first, second = own_key(path), own_key(path)
    assert first.public == second.public
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert public_keys_in(path.parent) == [first.public]


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "receipts.pem"
    own_key(path)
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="Others may read"):
        own_key(path)


def test_a_sealed_receipt_is_genuine(key: SigningKey) -> None:
    made = sealed(receipt(), key)
    assert check_seal(decode_receipt(made.encode()), [key.public]) == key.public


def test_no_byte_of_it_can_be_changed_unnoticed(key: SigningKey) -> None:
    raw = sealed(receipt(), key).encode()
    draw = random.Random(1)
    for at, byte in enumerate(raw):
        tampered = raw[:at] + bytes([byte ^ 1 << draw.randrange(8)]) + raw[at + 1 :]
        with pytest.raises((DataDamaged, UsageError)):
            check_seal(decode_receipt(tampered), [key.public])


@pytest.mark.parametrize("count", [1, 100])
def test_nothing_can_be_cut_off_or_added_unnoticed(key: SigningKey, count: int) -> None:
    raw = sealed(receipt(), key).encode()
    for tampered in (raw[:-count], raw[count:], raw + b" " * count, b"\n" * count + raw):
        with pytest.raises((DataDamaged, UsageError)):
            check_seal(decode_receipt(tampered), [key.public])


def test_a_receipt_of_version_1_is_still_genuine(key: SigningKey) -> None:
    """It did not say of each thing what was left of it."""
    old = receipt(version=1)
    assert b'"tenant"' not in old.encode()
    made = sealed(old, key)
    found = decode_receipt(made.encode())
    assert check_seal(found, [key.public]) == key.public
    assert state_of(found, found.images[0]) == state_of(found, found.entities[0]) == "written"


def test_one_that_a_newer_poya_made_is_refused_in_words(key: SigningKey) -> None:
    made = sealed(receipt(version=3), key)
    with pytest.raises(UsageError, match="version 3"):
        decode_receipt(made.encode())


@pytest.mark.parametrize("field", [f for f in Receipt.__struct_fields__ if f != "signature"])
def test_no_field_of_it_can_be_changed_unnoticed(key: SigningKey, field: str) -> None:
    made = sealed(receipt(), key)
    value = getattr(made, field)
    other: Any = value[:-1] if isinstance(value, tuple) else f"{value}x"
    if field == "version":
        other = 1
    changed = msgspec.structs.replace(made, **{field: other})
    with pytest.raises((DataDamaged, UsageError)):
        check_seal(decode_receipt(changed.encode()), [key.public])


def test_a_log_that_was_edited_before_it_was_signed_shows(key: SigningKey) -> None:
    records = log_of(9)
    shorter = sealed(receipt(log=records[:3] + records[4:]), key)
    with pytest.raises(DataDamaged) as refused:
        check_seal(shorter, [key.public])
    assert "Entry 4" in refused.value.why


def test_another_signer_must_be_trusted_explicitly(key: SigningKey, tmp_path: Path) -> None:
    other = own_key(tmp_path / "other.pem")
    made = sealed(receipt(), other)
    with pytest.raises(DataDamaged, match="do not trust"):
        check_seal(made, [key.public])
    assert check_seal(made, [key.public, other.public]) == other.public


def test_an_unsigned_receipt_is_refused(key: SigningKey) -> None:
    with pytest.raises(DataDamaged, match="not signed"):
        check_seal(receipt(), [key.public])


def test_the_ledger_chains_receipts_and_shows_a_missing_one(
    key: SigningKey, tmp_path: Path
) -> None:
    ledger = Ledger(tmp_path / "receipts")
    paths = [ledger.add(receipt(f"gele-{n}"), key) for n in range(3)]
    assert [p.name[:6] for p in paths] == ["000001", "000002", "000003"]
    assert [ledger.gap_before(p) for p in paths] == ["", "", ""]
    paths[1].unlink()
    assert "which is not there" in ledger.gap_before(paths[2])


def test_a_run_that_did_nothing_more_gets_no_second_receipt(
    key: SigningKey, tmp_path: Path
) -> None:
    ledger = Ledger(tmp_path / "receipts")
    first = ledger.add(receipt(), key)
    assert ledger.add(receipt(made="later"), key) == first
    assert ledger.add(receipt(state="undone"), key) != first


DIES_BEFORE = """
import os, signal, sys
from pathlib import Path
from poya.receipts import Ledger, own_key
from receipts.test_receipts import receipt

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

setattr(os, sys.argv[2], die)
state = Path(sys.argv[1])
Ledger(state / "receipts").add(receipt(), own_key(state / "keys" / "receipts.pem"))
"""


@pytest.mark.parametrize("call", ["fsync", "link", "unlink"])
@pytest.mark.parametrize("has_key", [True, False])
def test_whoever_dies_while_making_one_leaves_the_next_to_be_made(
    tmp_path: Path, call: str, has_key: bool
) -> None:
    """Killed before the key or the receipt is synced, named, or its draft taken away."""
    key_path, ledger = tmp_path / "keys" / "receipts.pem", Ledger(tmp_path / "receipts")
    if has_key:
        ledger.add(receipt("gele-0"), own_key(key_path))
    root = Path(__file__).parents[2]
    path = os.pathsep.join((str(root / "src"), str(root / "tests")))
    died = subprocess.run(
        [sys.executable, "-c", DIES_BEFORE, str(tmp_path), call],
        env={**os.environ, "PYTHONPATH": path},
        check=False,
    )
    assert died.returncode == -signal.SIGKILL
    key = own_key(key_path)
    ledger.add(receipt("gele-2"), key)
    for file in ledger.files():
        assert check_seal(decode_receipt(file.read_bytes()), [key.public]) == key.public
        assert ledger.gap_before(file) == ""
