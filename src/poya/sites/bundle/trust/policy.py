# SPDX-License-Identifier: Apache-2.0
"""What a site demands of the bundles that are restored to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from poya.errors import BundleUntrusted
from poya.sites.bundle.trust.keys import PublicKey
from poya.sites.bundle.trust.signatures import check, parse_signature

State: TypeAlias = Literal["signed", "unknown-key", "unsigned"]


@dataclass(frozen=True, slots=True)
class TrustPolicy:
    """Whose signatures count, and whether a bundle may come without one.

    Attributes:
        keys: Of those who may vouch for a bundle.
        must_be_signed: Refuse what none of them signed.
    """

    keys: tuple[PublicKey, ...] = ()
    must_be_signed: bool = False


FREE_POLICY = TrustPolicy()


@dataclass(frozen=True, slots=True)
class Vouching:
    """What a bundle's signature turned out to be.

    Attributes:
        state: `signed` by a key of the policy's; by an `unknown-key`; `unsigned`.
        key: The key's name; empty if unsigned.
        comment: The trusted comment; empty unless `signed`.
    """

    state: State
    key: str = ""
    comment: str = ""


def judge(index: bytes, signature: bytes | None, policy: TrustPolicy, where: str) -> Vouching:
    """Compare an index's bytes with its signature, and both with the policy.

    A signature that is malformed, or wrong by a known key, is refused whatever the policy says.

    Raises:
        BundleUntrusted: The policy refuses, or the signature does not fit.
    """
    if signature is None:
        refuse_unsigned(where, policy)
        return Vouching("unsigned")
    found = parse_signature(signature, where)
    for key in policy.keys:
        if key.id == found.key_id:
            check(index, found, key, where)
            return Vouching("signed", key.name, found.comment)
    if policy.must_be_signed:
        known = ", ".join(key.name for key in policy.keys) or "none"
        why = f"It is signed with the key {found.key_name}; trusted are {known}."
        raise _refused(f"{where} is not signed by anybody who is trusted.", why)
    return Vouching("unknown-key", found.key_name)


def refuse_unsigned(where: str, policy: TrustPolicy) -> None:
    """Refuse what nobody signed, if the policy wants a signature.

    Raises:
        BundleUntrusted: It does.
    """
    if policy.must_be_signed:
        raise _refused(f"{where} is not signed.", "It has no signature.")


def _refused(what: str, why: str) -> BundleUntrusted:
    return BundleUntrusted(
        what,
        why=f"{why} The site's policy takes signed bundles only.",
        todo="Have it signed (poya bundle sign), or add the key to the site's bundles.keys.",
    )
