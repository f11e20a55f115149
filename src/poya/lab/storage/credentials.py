# SPDX-License-Identifier: Apache-2.0
"""Temporary S3 credentials that prove themselves: nothing is stored, so they outlive a restart."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from poya.lab.ports import StsCredentials

_MAC_BYTES = 4
_ID_BYTES = 12


@dataclass(frozen=True, slots=True)
class Account:
    """What the store knows of an access key.

    Attributes:
        expires_s: Seconds since the epoch; after it the key is refused.
    """

    secret_access_key: str
    session_token: str
    expires_s: int


class CredentialMint:
    """Issues and recognises the credentials of one site.

    An access key holds its expiry and is signed with the site's seed; the secret and the session
    token follow from it. A key of another site is unknown here.
    """

    def __init__(self, seed: bytes, now_s: Callable[[], float] = time.time) -> None:
        self._seed = seed
        self.now_s = now_s

    def issue(self, lifetime_s: int, endpoint_url: str) -> StsCredentials:
        """Make credentials that are accepted for `lifetime_s` seconds."""
        expires_s = int(self.now_s()) + lifetime_s
        body = expires_s.to_bytes(4, "big") + secrets.token_bytes(_ID_BYTES - 4 - _MAC_BYTES)
        mac = self._mac(b"id", body)[:_MAC_BYTES]
        access_key = base64.b32encode(body + mac).decode().rstrip("=")
        account = self._account(access_key, expires_s)
        return StsCredentials(
            access_key_id=access_key,
            secret_access_key=account.secret_access_key,
            session_token=account.session_token,
            expiration=datetime.fromtimestamp(expires_s, UTC).isoformat(timespec="microseconds"),
            endpoint_url=endpoint_url,
        )

    def account(self, access_key_id: str) -> Account | None:
        """Recognise an access key; None if this site never issued it."""
        try:
            raw = base64.b32decode(access_key_id + "=" * (-len(access_key_id) % 8))
        except ValueError:
            return None
        body, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
        if len(raw) != _ID_BYTES or not hmac.compare_digest(
            self._mac(b"id", body)[:_MAC_BYTES], mac
        ):
            return None
        return self._account(access_key_id, int.from_bytes(body[:4], "big"))

    def _account(self, access_key: str, expires_s: int) -> Account:
        secret = base64.b64encode(self._mac(b"secret", access_key.encode())[:30]).decode()
        token = b"".join(self._mac(b"token%d" % part, access_key.encode()) for part in range(7))
        return Account(secret, base64.b64encode(token).decode(), expires_s)

    def _mac(self, purpose: bytes, message: bytes) -> bytes:
        return hmac.new(self._seed, purpose + b"\0" + message, hashlib.sha256).digest()
