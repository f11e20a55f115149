# SPDX-License-Identifier: Apache-2.0
"""Ed25519 keys (RFC 8032): the operator's own, made when it is first needed, and others' to trust.

A private key is PKCS #8 in PEM with mode 0600, as `openssl genpkey -algorithm ed25519` makes it;
the public one lies beside it with `.pub`.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from poya.errors import ConfigError
from poya.files import write_new

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

_OTHERS_MAY = 0o077
_MAKE_ONE = "Name another one: 'openssl genpkey -algorithm ed25519' makes them."


@dataclass(frozen=True, slots=True)
class PublicKey:
    """What checks signatures.

    Attributes:
        raw: The 32 bytes of RFC 8032.
    """

    raw: bytes

    @property
    def text(self) -> str:
        """In base64, as receipts keep it."""
        return base64.b64encode(self.raw).decode()

    @property
    def fingerprint(self) -> str:
        """What two people can compare over the phone."""
        return hashlib.sha256(self.raw).hexdigest()[:16]

    def accepts(self, signature: bytes, message: bytes) -> bool:
        """Say whether the key's owner signed the message."""
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - 40 ms
        from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415

        try:
            ed25519.Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


class SigningKey:
    """What makes signatures; never shown."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public = _public(key.public_key())

    def sign(self, message: bytes) -> bytes:
        """Sign a message."""
        return self._key.sign(message)


def own_key(path: Path) -> SigningKey:
    """Read the operator's key, or make it if there is none.

    Raises:
        ConfigError: It cannot be read or written, is no ed25519 key, or others may read it.
    """
    try:
        if not path.exists():
            _make(path)
        key = read_signing_key(path)
        if not path.with_suffix(".pub").exists():
            write_new(path.with_suffix(".pub"), _in_pem(key.public), 0o644)
    except OSError as error:
        raise _unusable(path, str(error)) from error
    return key


def read_signing_key(path: Path) -> SigningKey:
    """Read a private key.

    Raises:
        ConfigError: It cannot be read, is no ed25519 key, or others may read it.
    """
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415

    try:
        if path.stat().st_mode & _OTHERS_MAY:
            raise ConfigError(f"Others may read the signing key {path}.", todo=f"chmod 600 {path}")
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise _unusable(path, str(error)) from error
    if not isinstance(key, ed25519.Ed25519PrivateKey):
        raise ConfigError(f"The signing key {path} is no ed25519 key.", todo=_MAKE_ONE)
    return SigningKey(key)


def _unusable(path: Path, why: str) -> ConfigError:
    return ConfigError(f"The signing key {path} cannot be used.", why=why, todo=_MAKE_ONE)


def load_public_key(path: Path) -> PublicKey:
    """Read a public key in PEM.

    Raises:
        ConfigError: It cannot be read, or is no ed25519 key.
    """
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415

    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except (OSError, ValueError, TypeError) as error:
        raise ConfigError(f"The public key {path} cannot be read.", why=str(error)) from error
    if not isinstance(key, ed25519.Ed25519PublicKey):
        raise ConfigError(f"The public key {path} is no ed25519 key.")
    return _public(key)


def public_keys_in(directory: Path) -> list[PublicKey]:
    """The keys in a directory's `*.pub` files; none if it is not there."""
    return [load_public_key(path) for path in sorted(directory.glob("*.pub"))]


def _make(path: Path) -> None:
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415

    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    private = ed25519.Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    # Of two processes that make it at once the first counts.
    write_new(path, private)


def _in_pem(key: PublicKey) -> bytes:
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415

    return ed25519.Ed25519PublicKey.from_public_bytes(key.raw).public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _public(key: Ed25519PublicKey) -> PublicKey:
    return PublicKey(key.public_bytes_raw())
