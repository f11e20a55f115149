# SPDX-License-Identifier: Apache-2.0
"""Keys as minisign keeps them in files; ed25519 comes from `cryptography`.

Format: the minisign manual page, "Secret key format" and "Public key format". The password of a
secret key goes through scrypt with the cost that libsodium's `crypto_pwhash_scryptsalsa208sha256`
makes of its opslimit and memlimit.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from poya.errors import UsageError

_ALGORITHM = b"Ed"
_KDF_SCRYPT, _KDF_NONE = b"Sc", b"\0\0"
_CHECKSUM = b"B2"
_PUBLIC_BYTES = 42
_SECRET_BYTES = 158
_BODY = slice(54, _SECRET_BYTES)
_ID = slice(0, 8)
_SEED = slice(8, 40)
_SECRET = slice(8, 72)
_SUM = slice(72, 104)
_MOST_FILE_BYTES = 4096
# The cost of a new key of minisign's; four times as much is the most that is tried.
_MEMLIMIT = 1_073_741_824
_R = 8


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that signatures are checked with.

    Attributes:
        id: Eight bytes that a signature names it by.
        raw: The 32 bytes of ed25519.
    """

    id: bytes
    raw: bytes

    @property
    def name(self) -> str:
        """Its id as minisign writes it: `B19045FC1D3C2CC7`."""
        return key_name(self.id)

    def text(self) -> str:
        """The key in one line, as `minisign -P` takes it."""
        return base64.b64encode(_ALGORITHM + self.id + self.raw).decode()

    def file(self) -> bytes:
        """The key as a public key file holds it."""
        return f"untrusted comment: minisign public key {self.name}\n{self.text()}\n".encode()


@dataclass(frozen=True, slots=True)
class SecretKey:
    """A key to sign with; its bytes are in no message and no repr."""

    id: bytes
    seed: bytes = field(repr=False)

    def private(self) -> Ed25519PrivateKey:
        """The key as `cryptography` wants it."""
        return Ed25519PrivateKey.from_private_bytes(self.seed)

    def public(self) -> PublicKey:
        """The public half."""
        return PublicKey(self.id, self.private().public_key().public_bytes_raw())

    def file(self) -> bytes:
        """The key without a password, as `minisign -G -W` writes it: only for a private file."""
        body = self.id + self.seed + self.public().raw
        header = _ALGORITHM + _KDF_NONE + _CHECKSUM + bytes(48)
        # minisign leaves the checksum empty where there is no password to be checked.
        raw = base64.b64encode(header + body + bytes(32)).decode()
        return f"untrusted comment: minisign secret key {key_name(self.id)}\n{raw}\n".encode()


def key_name(key_id: bytes) -> str:
    """A key's id as people compare it: minisign writes it as a little-endian number."""
    return key_id[::-1].hex().upper()


def new_secret_key() -> SecretKey:
    """A new key, from the system's source of randomness."""
    return SecretKey(os.urandom(8), os.urandom(32))


def read_public_key(text_or_file: str) -> PublicKey:
    """Read a public key: a file of minisign's, or the key itself in one line.

    Raises:
        UsageError: It is neither.
    """
    text = text_or_file
    path = Path(text_or_file).expanduser()
    if not text.startswith("RW") or path.is_file():
        text = _key_line(path)
    raw = _decoded(text)
    if len(raw) != _PUBLIC_BYTES or raw[:2] != _ALGORITHM:
        raise UsageError(
            f"{text_or_file[:80]!r} is no public key of minisign's.",
            todo="Name a .pub file of 'minisign -G' or 'poya bundle keygen', or give its line.",
        )
    return PublicKey(raw[2:10], raw[10:])


def read_secret_key(path: Path, password: str = "") -> SecretKey:
    """Read a secret key file of minisign's; `password` is asked for beforehand if it needs one.

    Raises:
        UsageError: It is none, or the password is wrong.
    """
    raw = _secret_bytes(path)
    body = raw[_BODY]
    if raw[2:4] == _KDF_SCRYPT:
        salt = raw[6:38]
        limits = (int.from_bytes(raw[38:46], "little"), int.from_bytes(raw[46:54], "little"))
        stream = _scrypt(password, salt, limits, len(body))
        body = bytes(a ^ b for a, b in zip(body, stream, strict=True))
        total = hashlib.blake2b(_ALGORITHM + body[_ID] + body[_SECRET], digest_size=32).digest()
        if total != body[_SUM]:
            raise UsageError(f"The password of the key {path} is wrong.")
    return SecretKey(body[_ID], body[_SEED])


def needs_password(path: Path) -> bool:
    """Say whether a secret key file is protected by a password. Raises as `read_secret_key`."""
    return _secret_bytes(path)[2:4] == _KDF_SCRYPT


def _secret_bytes(path: Path) -> bytes:
    raw = _decoded(_key_line(path))
    if len(raw) != _SECRET_BYTES or raw[:2] != _ALGORITHM or raw[4:6] != _CHECKSUM:
        raise UsageError(f"{path} is no secret key of minisign's.")
    if raw[2:4] not in (_KDF_SCRYPT, _KDF_NONE):
        raise UsageError(f"The key {path} is protected in a way that poya does not know.")
    return raw


def _key_line(path: Path) -> str:
    """The second line of a key file; the first is a comment."""
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_FILE_BYTES)
        lines = content.decode("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror or "" if isinstance(error, OSError) else "It is not text."
        raise UsageError(f"The key {path} cannot be read.", why=why) from error
    return lines[1] if len(lines) > 1 else ""


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _scrypt(password: str, salt: bytes, limits: tuple[int, int], length: int) -> bytes:
    n, p = _scrypt_cost(*limits)
    needed_bytes = 128 * _R * (n + p) + 1024 * 1024
    if max(limits) > 4 * _MEMLIMIT:
        raise UsageError("The key's password costs more memory than poya will spend on it.")
    return hashlib.scrypt(
        password.encode(), salt=salt, n=n, r=_R, p=p, maxmem=needed_bytes, dklen=length
    )


def _scrypt_cost(opslimit: int, memlimit: int) -> tuple[int, int]:
    """Libsodium's `pickparams`: N and p for r = 8."""
    opslimit = max(opslimit, 32_768)
    if opslimit < memlimit // 32:
        most_n, p = opslimit // (_R * 4), 1
    else:
        most_n, p = memlimit // (_R * 128), 0
    log = next((bits for bits in range(1, 63) if 1 << bits > most_n // 2), 1)
    if not p:
        p = min(opslimit // 4 // (1 << log), 0x3FFFFFFF) // _R
    return 1 << log, max(p, 1)
