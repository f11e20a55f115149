# SPDX-License-Identifier: Apache-2.0
"""What a receipt says. One way to write it: the same receipt, the same bytes."""

from __future__ import annotations

import hashlib
from typing import Any, Literal, TypeAlias

import msgspec

from poya.errors import DataDamaged, UsageError
from poya.journal.log import LogEntry, first_break

RECEIPT_VERSION = 2
_READ_VERSIONS = (1, 2)
_LARGEST_BYTES = 256 * 1024 * 1024


RunEnd: TypeAlias = Literal["applied", "stopped", "interrupted", "part undone", "undone"]
RecordState: TypeAlias = Literal["written", "was there", "taken back", "unsettled", "not tried"]


class ArtifactRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of an image, at both ends.

    Attributes:
        source_etag: As the source's store tells it; empty if it does not.
        target_etag: As the target's store told it after the bytes were there.
        moved_bytes: That went over the wire for it.
        proof: What showed that both are equal (see `transfer.Proof`).
    """

    name: str
    size_bytes: int
    md5: str
    source_etag: str
    target_etag: str
    moved_bytes: int
    proof: str


class ImageRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One IMS image as it was left at the target.

    Attributes:
        content: Digest of what it contains, equal at every site.
        state: What the run left of it. Version 1 did not say.
    """

    name: str
    action: str
    source_id: str
    target_id: str
    content: str
    manifest_path: str
    manifest_etag: str
    artifacts: tuple[ArtifactRecord, ...]
    state: RecordState | msgspec.UnsetType = msgspec.UNSET


class EntityRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One group, configuration or template.

    Attributes:
        before: Canonical digest of what the target held when the plan was made; empty if nothing.
        after: Canonical digest of what was read back once it was written.
        tenant: Whose template it is; empty for nobody's. Version 1 did not say.
        state: What the run left of it. Version 1 did not say.
    """

    kind: str
    name: str
    action: str
    before: str
    after: str
    tenant: str | msgspec.UnsetType = msgspec.UNSET
    state: RecordState | msgspec.UnsetType = msgspec.UNSET


class LogRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One entry of the run's log."""

    seq: int
    at: str
    kind: str
    body: dict[str, Any]
    chain: str


class Signature(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who vouches for the receipt: both in base64."""

    key: str
    value: str
    algorithm: Literal["ed25519"] = "ed25519"


class Receipt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who did what, when, with which plan, and what was left at the target.

    Attributes:
        operator: `user@host` that started the run.
        state: How the run stood: all of it done, stopped part-way, its process gone without a
            word, or taken back (in part). Version 1 knew only the first and the last.
        plan_digest: Sha256 of the plan that was approved.
        accepted: Findings that were accepted, by id.
        log: All that happened, every request that may have changed the target included.
        previous: Sha256 of the receipt before this one in the operator's ledger; empty if none.
    """

    run: str
    vcluster: str
    source: str
    target: str
    operator: str
    tool: str
    started: str
    made: str
    state: RunEnd
    plan_digest: str
    accepted: tuple[str, ...]
    images: tuple[ImageRecord, ...]
    entities: tuple[EntityRecord, ...]
    log: tuple[LogRecord, ...]
    previous: str = ""
    signature: Signature | None = None
    version: int = RECEIPT_VERSION

    def encode(self) -> bytes:
        """The receipt as it is written."""
        return msgspec.json.format(msgspec.json.encode(self, order="sorted"), indent=1) + b"\n"

    def digest(self) -> str:
        """Sha256 of the receipt as it is written."""
        return hashlib.sha256(self.encode()).hexdigest()

    def broken_log_entry(self) -> int | None:
        """The number of the first entry that does not follow from the one before."""
        return first_break(LogEntry(r.seq, r.at, r.kind, r.body, r.chain) for r in self.log)

    def requests(self) -> list[LogRecord]:
        """Every request that may have changed the target."""
        return [record for record in self.log if record.kind == "request"]


class _Versioned(msgspec.Struct):
    """The one field that every version of a receipt has."""

    version: int


def decode_receipt(raw: bytes) -> Receipt:
    """Read a receipt.

    Raises:
        UsageError: Not a receipt, or made by a newer poya.
        DataDamaged: It was written otherwise than poya writes it: it was edited.
    """
    if len(raw) > _LARGEST_BYTES:
        raise UsageError("This is too large to be a receipt of poya's.")
    try:
        version = msgspec.json.decode(raw, type=_Versioned).version
        if version not in _READ_VERSIONS:
            raise UsageError(
                f"The receipt has version {version}; this poya reads up to {RECEIPT_VERSION}.",
                todo="Use the poya that made it, or a newer one.",
            )
        receipt = msgspec.json.decode(raw, type=Receipt)
        is_as_written = receipt.encode() == raw
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise UsageError("This is not a receipt of poya's.", why=str(error)) from error
    if not is_as_written:
        raise DataDamaged(
            "The receipt was edited.",
            why="It is not written as poya writes receipts, byte for byte.",
            todo="Ask its maker for the original.",
        )
    return receipt
