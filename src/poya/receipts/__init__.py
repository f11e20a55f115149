# SPDX-License-Identifier: Apache-2.0
"""Signed records of what a run did, which a third party can check without asking us."""

from poya.receipts.document import (
    ArtifactRecord,
    EntityRecord,
    ImageRecord,
    LogRecord,
    Receipt,
    RecordState,
    RunEnd,
    decode_receipt,
)
from poya.receipts.keys import (
    PublicKey,
    SigningKey,
    load_public_key,
    own_key,
    public_keys_in,
    read_signing_key,
)
from poya.receipts.ledger import Ledger
from poya.receipts.sealing import check_seal, sealed

__all__ = [
    "ArtifactRecord",
    "EntityRecord",
    "ImageRecord",
    "Ledger",
    "LogRecord",
    "PublicKey",
    "Receipt",
    "RecordState",
    "RunEnd",
    "SigningKey",
    "check_seal",
    "decode_receipt",
    "load_public_key",
    "own_key",
    "public_keys_in",
    "read_signing_key",
    "sealed",
]
