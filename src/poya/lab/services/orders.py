# SPDX-License-Identifier: Apache-2.0
"""In which order services list what they have. None of them promises one.

IMS keeps JSON files and lists the oldest first (IMS 3.33, `DataStoreHACK`). BSS and Kubernetes
read etcd and list by key. CFS and BOS keep Redis: CFS up to 1.12 and BOS up to 2.30 list as its
hash table happens to lie, CFS from 1.17 and BOS from 2.32 by key, but the keys of BOS's templates
and sessions are hashes. SMD and SLS ask PostgreSQL for rows and not for an order.

What happens to lie is scattered here: always in the same way, and unlike anything that a client
could lean on.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable

from poya.lab.state import JsonObject, Records


def scattered(keys: Iterable[str]) -> list[str]:
    """Keys neither in the order of their creation nor in the alphabet's."""
    return sorted(keys, key=lambda key: (zlib.crc32(key.encode()), key))


def scattered_records(records: Records) -> list[JsonObject]:
    """All records, scattered by their keys."""
    found = dict(records.items())
    return [found[key] for key in scattered(found)]


def by_key(records: Records) -> list[JsonObject]:
    """All records by key, as etcd gives them."""
    return [record for _, record in sorted(records.items())]


def by_hashed_name(keys: Iterable[str]) -> list[str]:
    """Keys of BOS's templates or sessions, as `tenant_key` makes them.

    BOS keeps them under `sha1(tenant)-sha1(name)`.
    """

    def hashed(key: str) -> tuple[str, str]:
        tenant, _, name = key.rpartition("/")
        return _sha1(tenant), _sha1(name)

    return sorted(keys, key=hashed)


def hashed_by_name(records: Records) -> list[JsonObject]:
    """The records of such keys, in that order."""
    found = dict(records.items())
    return [found[key] for key in by_hashed_name(found)]


def _sha1(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
