# SPDX-License-Identifier: Apache-2.0
"""Who vouches for a bundle: minisign signatures of its index, and a site's policy on them."""

from poya.sites.bundle.trust.keys import (
    PublicKey,
    SecretKey,
    new_secret_key,
    read_public_key,
    read_secret_key,
)
from poya.sites.bundle.trust.policy import FREE_POLICY, TrustPolicy, Vouching, judge
from poya.sites.bundle.trust.signatures import Signature, check, parse_signature, sign

__all__ = [
    "FREE_POLICY",
    "PublicKey",
    "SecretKey",
    "Signature",
    "TrustPolicy",
    "Vouching",
    "check",
    "judge",
    "new_secret_key",
    "parse_signature",
    "read_public_key",
    "read_secret_key",
    "sign",
]
