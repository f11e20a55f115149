# SPDX-License-Identifier: Apache-2.0
"""The records of one lab site: what its services know, kept in one SQLite file.

A record is kept as encoded JSON. Reading one decodes a fresh copy, so nobody can change a record
by accident, and a list of ten thousand is a join of bytes. Every write is committed before the
service answers, so a site that is killed comes back with everything it acknowledged.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

JsonObject: TypeAlias = dict[str, Any]
Row: TypeAlias = tuple[str, str, bytes]
"""A record at rest: its kind, its key, its encoded body."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS record (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    body BLOB NOT NULL,
    UNIQUE (kind, key)
)
"""
_UPSERT = """
INSERT INTO record (kind, key, body) VALUES (?, ?, ?)
ON CONFLICT (kind, key) DO UPDATE SET body = excluded.body
"""


class Records:
    """The records of one kind, by key, in the order of their creation."""

    __slots__ = ("_bodies", "_kind", "_store")

    def __init__(self, kind: str, store: _Store) -> None:
        self._kind = kind
        self._store = store
        self._bodies = store.read(kind)

    def get(self, key: str) -> JsonObject | None:
        """A copy of the record, or None if there is none."""
        body = self._bodies.get(key)
        return None if body is None else _decode(body)

    def put(self, key: str, record: Mapping[str, Any]) -> None:
        """Create or replace a record."""
        self.put_many({key: record})

    def put_many(self, records: Mapping[str, Mapping[str, Any]]) -> None:
        """Create or replace many records at once; all of them or, if killed, none."""
        self.put_encoded({key: msgspec.json.encode(record) for key, record in records.items()})

    def put_encoded(self, bodies: Mapping[str, bytes]) -> None:
        """The same for records that are JSON already."""
        self._store.write(self._kind, bodies)
        self._bodies.update(bodies)

    def delete(self, key: str) -> bool:
        """Delete a record; False if there was none."""
        if key not in self._bodies:
            return False
        self._store.erase(self._kind, key)
        del self._bodies[key]
        return True

    def clear(self) -> None:
        """Delete every record of this kind."""
        self._store.erase(self._kind, None)
        self._bodies.clear()

    def keys(self) -> list[str]:
        """All keys, oldest first."""
        return list(self._bodies)

    def values(self) -> Iterator[JsonObject]:
        """Copies of all records, oldest first."""
        return map(_decode, list(self._bodies.values()))

    def items(self) -> Iterator[tuple[str, JsonObject]]:
        """All keys with copies of their records, oldest first."""
        return ((key, _decode(body)) for key, body in list(self._bodies.items()))

    def encoded(self, keys: Iterable[str] | None = None) -> bytes:
        """The records as one JSON array: those of `keys` in their order, or all of them."""
        bodies = self._bodies.values() if keys is None else (self._bodies[k] for k in keys)
        return b"[" + b",".join(bodies) + b"]"

    def reload(self) -> None:
        """Take the records from the file again, after a transaction that was given up."""
        self._bodies = self._store.read(self._kind)

    def __contains__(self, key: object) -> bool:
        return key in self._bodies

    def __len__(self) -> int:
        return len(self._bodies)


class SiteState:
    """Everything that the services of one site remember, by kind.

    Seeding goes through the same door: `state.groups.put("blue", {...})`. Records are what the
    newest view of the service would answer to a GET, in canonical spelling (labels and xnames in
    lower case):

        components           HSM State/Components, by xname
        hardware             HSM Inventory/Hardware, flat (no nested children), by xname
        ethernet_interfaces  HSM Inventory/EthernetInterfaces, by ID
        groups               HSM groups, by label; `members: {"ids": [...]}` always there
        partitions           HSM partitions, by name; `members` likewise
        reservations         HSM reservations, by xname
        images               IMS v3 images, by id; `link` an object or None
        deleted_images       IMS v3 deleted images, by id
        recipes, public_keys IMS v3, by id
        configurations       CFS configurations in v3 form, by name
        cfs_components       CFS v3 components, by xname; `state` and `error_count` always there
        sources              CFS v3 sources, by name
        cfs_sessions         CFS v3 sessions, by name
        templates            BOS v2 session templates, by `tenant_key(name, tenant)`
        bos_sessions         BOS v2 sessions, by `tenant_key(name, tenant)`
        bos_components       BOS v2 components, by xname
        boot_parameters      BSS `{hosts: [one], params, kernel, initrd, cloud-init}`, by host
        boot_images          BSS kernels and initrds, by `kernel:<path>` or `initrd:<path>`
        tenants              TAPMS tenants, by name: the Kubernetes resources
        sls_hardware         SLS hardware, by xname
        sls_networks         SLS networks, by name
        transitions          PCS transitions with all their tasks, by id
        nexus_repositories   Nexus repositories, by name
        nexus_assets         Nexus assets, by `<repository>/<path>`; `content` in base64
        config_maps          ConfigMaps of Kubernetes, by `<namespace>/<name>`
        agenda               what is going to happen by itself, by number
        options              `cfs` and `bos`: what differs from the services' defaults
        repositories         for the git server
        keys                 the site's own keys
    """

    def __init__(self, store: _Store) -> None:
        self._store = store
        self._kinds: dict[str, Records] = {}
        self.components = self.kind("components")
        self.hardware = self.kind("hardware")
        self.ethernet_interfaces = self.kind("ethernet_interfaces")
        self.groups = self.kind("groups")
        self.partitions = self.kind("partitions")
        self.reservations = self.kind("reservations")
        self.images = self.kind("images")
        self.deleted_images = self.kind("deleted_images")
        self.recipes = self.kind("recipes")
        self.public_keys = self.kind("public_keys")
        self.configurations = self.kind("configurations")
        self.cfs_components = self.kind("cfs_components")
        self.sources = self.kind("sources")
        self.cfs_sessions = self.kind("cfs_sessions")
        self.templates = self.kind("templates")
        self.bos_sessions = self.kind("bos_sessions")
        self.bos_components = self.kind("bos_components")
        self.boot_parameters = self.kind("boot_parameters")
        self.boot_images = self.kind("boot_images")
        self.tenants = self.kind("tenants")
        self.sls_hardware = self.kind("sls_hardware")
        self.sls_networks = self.kind("sls_networks")
        self.transitions = self.kind("transitions")
        self.nexus_repositories = self.kind("nexus_repositories")
        self.nexus_assets = self.kind("nexus_assets")
        self.agenda = self.kind("agenda")
        self.options = self.kind("options")
        self.repositories = self.kind("repositories")
        self.keys = self.kind("keys")

    @classmethod
    def open(cls, path: Path) -> SiteState:
        """Open a site's records, or start empty ones at `path`. One process at a time."""
        return cls(_Store(str(path)))

    @classmethod
    def in_memory(cls, rows: Iterable[Row] = ()) -> SiteState:
        """Records that end with the process, those of `rows` to begin with."""
        store = _Store(":memory:")
        store.fill(rows)
        return cls(store)

    def rows(self) -> list[Row]:
        """Everything there is, in the order of its creation."""
        return self._store.rows()

    def kind(self, name: str) -> Records:
        """The records of a kind, of those above or of one of the caller's own."""
        if name not in self._kinds:
            self._kinds[name] = Records(name, self._store)
        return self._kinds[name]

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make several writes one: all of them are kept, or none."""
        try:
            with self._store.transaction():
                yield
        except BaseException:
            for records in self._kinds.values():
                records.reload()
            raise

    def close(self) -> None:
        """Close the file; the state must not be used afterwards."""
        self._store.close()


def tenant_key(name: str, tenant: str | None = None) -> str:
    """The key of a BOS record: the same name may exist once for each tenant and once for none."""
    return f"{tenant}/{name}" if tenant else name


class _Store:
    """The file: one table of encoded records, written through and read once."""

    def __init__(self, location: str) -> None:
        self._lock = threading.RLock()
        self._depth = 0
        self._unread: dict[str, dict[str, bytes]] = {}
        self._read: set[str] = set()
        self._is_filled = False
        self._database = sqlite3.connect(location, isolation_level=None, check_same_thread=False)
        # With a write-ahead log, what is committed survives the process; only a power cut could
        # take the last commits, and a lab does not promise more.
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.execute(_SCHEMA)

    def fill(self, rows: Iterable[Row]) -> None:
        """Take rows into an empty file. All are kept at hand for the first reading of a kind."""
        listed = list(rows)
        with self.transaction():
            self._database.executemany(_UPSERT, listed)
        for kind, key, body in listed:
            self._unread.setdefault(kind, {})[key] = body
        self._is_filled = True

    def rows(self) -> list[Row]:
        with self._lock:
            query = "SELECT kind, key, body FROM record ORDER BY position"
            return self._database.execute(query).fetchall()

    def read(self, kind: str) -> dict[str, bytes]:
        if self._is_filled and kind not in self._read:
            self._read.add(kind)
            return self._unread.pop(kind, {})
        query = "SELECT key, body FROM record WHERE kind = ? ORDER BY position"
        with self._lock:
            return dict(self._database.execute(query, (kind,)).fetchall())

    def write(self, kind: str, bodies: Mapping[str, bytes]) -> None:
        with self.transaction():
            self._database.executemany(_UPSERT, [(kind, k, body) for k, body in bodies.items()])

    def erase(self, kind: str, key: str | None) -> None:
        query = "DELETE FROM record WHERE kind = ?1 AND (?2 IS NULL OR key = ?2)"
        with self.transaction():
            self._database.execute(query, (kind, key))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._lock:
            if self._depth == 0:
                self._database.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._depth -= 1
                if self._depth == 0:
                    self._database.execute("ROLLBACK")
                raise
            self._depth -= 1
            if self._depth == 0:
                self._database.execute("COMMIT")

    def close(self) -> None:
        with self._lock:
            self._database.close()


def _decode(body: bytes) -> JsonObject:
    record: JsonObject = msgspec.json.decode(body)
    return record
