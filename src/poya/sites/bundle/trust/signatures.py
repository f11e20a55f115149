# SPDX-License-Identifier: Apache-2.0
"""Detached signatures as minisign makes them: ed25519 over the BLAKE2b-512 of a file.

Format: the minisign manual page, "Signature format". The legacy form, over the file itself, is
read too. The trusted comment is signed with the signature; the untrusted one is by nobody.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from poya.errors import BundleUntrusted
from poya.sites.bundle.trust.keys import PublicKey, SecretKey, key_name

_LEGACY, _PREHASHED = b"Ed", b"ED"
_UNTRUSTED, _TRUSTED = "untrusted comment: ", "trusted comment: "
_SIGNATURE_BYTES = 74
_GLOBAL_BYTES = 64
_LINES = 4
MOST_SIGNATURE_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature as its file holds it; who made it is not proved before `check`.

    Attributes:
        is_prehashed: Over the BLAKE2b-512 of the file, not over the file.
        comment: The trusted comment.
    """

    key_id: bytes
    is_prehashed: bool
    signature: bytes
    comment: str
    global_signature: bytes

    @property
    def key_name(self) -> str:
        """The id of the key that it says it was made with."""
        return key_name(self.key_id)


def sign(content: bytes, key: SecretKey, comment: str) -> bytes:
    """The file of a signature; `minisign -V` accepts it.

    Args:
        content: What is signed.
        key: The key to sign with.
        comment: The trusted comment: one line, signed too.
    """
    line = " ".join(comment.split())
    private = key.private()
    signature = private.sign(_digest(content))
    whole = private.sign(signature + line.encode())
    first = base64.b64encode(_PREHASHED + key.id + signature).decode()
    second = base64.b64encode(whole).decode()
    return (
        f"{_UNTRUSTED}signature by the key {key_name(key.id)}\n{first}\n"
        f"{_TRUSTED}{line}\n{second}\n"
    ).encode()


def parse_signature(raw: bytes, where: str) -> Signature:
    """Read a signature's file.

    Raises:
        BundleUntrusted: It is none.
    """
    try:
        lines = raw[: MOST_SIGNATURE_BYTES + 1].decode("utf-8").split("\n")
        first = base64.b64decode(lines[1].strip(), validate=True)
        last = base64.b64decode(lines[3].strip(), validate=True)
    except (UnicodeDecodeError, IndexError, binascii.Error, ValueError) as error:
        raise _malformed(where) from error
    is_shaped = (
        len(raw) <= MOST_SIGNATURE_BYTES
        and len(first) == _SIGNATURE_BYTES
        and len(last) == _GLOBAL_BYTES
        and first[:2] in (_LEGACY, _PREHASHED)
        and lines[0].startswith(_UNTRUSTED)
        and lines[2].startswith(_TRUSTED)
        and not "".join(lines[_LINES:]).strip()
    )
    if not is_shaped:
        raise _malformed(where)
    comment = lines[2].rstrip("\r").removeprefix(_TRUSTED)
    return Signature(first[2:10], first[:2] == _PREHASHED, first[10:], comment, last)


def check(content: bytes, signature: Signature, key: PublicKey, where: str) -> None:
    """Prove that the holder of a key signed these bytes and this trusted comment.

    Raises:
        BundleUntrusted: They did not.
    """
    signed = _digest(content) if signature.is_prehashed else content
    public = Ed25519PublicKey.from_public_bytes(key.raw)
    try:
        public.verify(signature.signature, signed)
        public.verify(signature.global_signature, signature.signature + signature.comment.encode())
    except InvalidSignature as error:
        raise BundleUntrusted(
            f"The signature {where} is wrong.",
            why=f"The key {key.name} did not sign this index, or it was altered afterwards.",
            todo="Do not use this bundle. Get it again from where it was signed.",
        ) from error


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content).digest()


def _malformed(where: str) -> BundleUntrusted:
    return BundleUntrusted(
        f"{where} is not a signature of minisign's.",
        why="It is damaged, or something else.",
        todo="Get it again from where the bundle was signed, or sign the bundle anew.",
    )
