# SPDX-License-Identifier: Apache-2.0
"""What looks like a secret taken out of a document, and put back where it belongs. Pure.

A plan is read, mailed and signed off, so it keeps of a secret only where it belongs and a digest
by which whoever carries the plan out, and reads the secret where it stands, knows it again.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import msgspec

from poya.documents import Json, pointer_key, pointer_keys
from poya.model.secrets import MASK, masked_member, masked_text

# A password is short, and what stands around it is no secret: a quick digest would tell it to
# whoever tries a dictionary. This takes 4 MiB and some 15 ms a guess.
_SCRYPT_COST, _BLOCK = 2**12, 8
_MOST_REMEMBERED = 256


class Withheld(msgspec.Struct, frozen=True):
    """A value that a document does not tell.

    Attributes:
        pointer: JSON pointer (RFC 6901) of where it belongs; a masked one stands there.
        digest: By which it is known again (see `slow_digest`).
    """

    pointer: str
    digest: str


@dataclass(frozen=True, slots=True)
class Parted:
    """A document without its secrets, and these by their pointers."""

    clean: Json
    taken: Mapping[str, Json]


def withhold(value: Json) -> Parted:
    """Part a document from whatever looks like a secret in it."""
    taken: dict[str, Json] = {}
    return Parted(_cleaned(value, "", taken), taken)


def _cleaned(value: Json, pointer: str, taken: dict[str, Json]) -> Json:
    if isinstance(value, dict):
        if any(masked_text(key) != key for key in value):
            taken[pointer] = value
            return {MASK: MASK}
        return {k: _member(k, v, f"{pointer}/{pointer_key(k)}", taken) for k, v in value.items()}
    if isinstance(value, list):
        return [_cleaned(item, f"{pointer}/{n}", taken) for n, item in enumerate(value)]
    clean = masked_text(value) if isinstance(value, str) else value
    if clean != value:
        taken[pointer] = value
    return clean


def _member(key: str, value: Json, pointer: str, taken: dict[str, Json]) -> Json:
    if not isinstance(value, str):
        return _cleaned(value, pointer, taken)
    clean = masked_member(key, value)
    if clean != value:
        taken[pointer] = value
    return clean


def put_back(value: Json, taken: Mapping[str, Json]) -> Json:
    """The document with these values at these pointers.

    Raises:
        KeyError: The document has no such place.
    """
    whole = copy.deepcopy(value)
    for pointer, secret in taken.items():
        if not pointer:
            return secret
        *path, last = pointer_keys(pointer)
        holder = whole
        for key in path:
            holder = _below(holder, key, pointer)
        _below(holder, last, pointer)
        if isinstance(holder, dict):
            holder[last] = secret
        elif isinstance(holder, list):
            holder[int(last)] = secret
    return whole


def _below(holder: Json, key: str, pointer: str) -> Json:
    if isinstance(holder, dict) and key in holder:
        return holder[key]
    if isinstance(holder, list) and key.isdecimal() and int(key) < len(holder):
        return holder[int(key)]
    raise KeyError(pointer)


def slow_digest(secret: bytes) -> str:
    """A digest of a secret that is slow to try guesses against; equal for equal secrets."""
    return _slow_digest(secret)


@lru_cache(_MOST_REMEMBERED)
def _slow_digest(secret: bytes) -> str:
    salt = b"poya: what a plan does not tell"
    return hashlib.scrypt(secret, salt=salt, n=_SCRYPT_COST, r=_BLOCK, p=1, dklen=32).hex()
