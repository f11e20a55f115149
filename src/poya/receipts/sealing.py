# SPDX-License-Identifier: Apache-2.0
"""Sign receipts, and find out whether one is what its signer wrote."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection

import msgspec

from poya.errors import DataDamaged
from poya.receipts.document import Receipt, Signature
from poya.receipts.keys import PublicKey, SigningKey


def sealed(receipt: Receipt, key: SigningKey) -> Receipt:
    """The receipt with a signature over everything else in it."""
    bare = msgspec.structs.replace(receipt, signature=None)
    value = base64.b64encode(key.sign(bare.encode())).decode()
    return msgspec.structs.replace(bare, signature=Signature(key.public.text, value))


def check_seal(receipt: Receipt, trusted: Collection[PublicKey]) -> PublicKey:
    """Check signature and log; answers whose signature it is.

    Raises:
        DataDamaged: It is not signed, not by a trusted key, or something in it was altered.
    """
    signature = receipt.signature
    if signature is None:
        raise DataDamaged("The receipt is not signed.", todo="Ask its maker for a signed one.")
    key = _key_of(signature)
    if key not in trusted:
        raise DataDamaged(
            f"The receipt is signed by a key that you do not trust ({key.fingerprint}).",
            todo="Get the signer's public key from them and name it with --key FILE.",
        )
    bare = msgspec.structs.replace(receipt, signature=None)
    if not key.accepts(_decoded(signature.value), bare.encode()):
        raise DataDamaged(
            "The receipt was altered after it was signed.",
            why=f"The signature of {key.fingerprint} does not fit it.",
            todo="Ask its maker for the original.",
        )
    broken = receipt.broken_log_entry()
    if broken is not None:
        raise DataDamaged(
            "The log in the receipt was altered before it was signed.",
            why=f"Entry {broken} does not follow from the one before it.",
        )
    return key


def _key_of(signature: Signature) -> PublicKey:
    return PublicKey(_decoded(signature.key))


def _decoded(text: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise DataDamaged("The receipt's signature is not readable.", why=str(error)) from error
    if base64.b64encode(raw).decode() != text:
        # The last letter of base64 has bits that mean nothing; they are not left to anybody.
        raise DataDamaged("The receipt's signature was altered.")
    return raw
