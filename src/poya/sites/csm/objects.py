# SPDX-License-Identifier: Apache-2.0
"""A site's S3, reached with credentials from its STS, opened when it is first needed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TypeVar

from poya.csm import S3Credentials, Site, SiteConfig
from poya.errors import AuthenticationError, NotFound
from poya.model.names import S3Path
from poya.sites.base import Witness
from poya.sites.csm.watched import watching_store
from poya.transfer import (
    Credentials,
    Endpoint,
    Guard,
    ObjectHead,
    ObjectPlace,
    ObjectSource,
    ObjectTarget,
    S3Config,
    S3Store,
    choose_endpoint,
    parse_endpoint,
)

_T = TypeVar("_T")
# A prefix that no upload has: the answer is short.
_NO_KEY = "poya-asks-whether-it-may"


class Objects:
    """The objects of one site.

    The store works in threads, STS is asked on the event loop: credentials that the store wants
    renewed in the middle of a transfer are fetched there, by the same client as everything else.
    """

    def __init__(self, site: Site, config: SiteConfig, witness: Witness | None = None) -> None:
        self._site = site
        self._config = config
        self._through = watching_store(witness)
        self._opening = asyncio.Lock()
        self._store: S3Store | None = None

    async def head(self, path: S3Path) -> ObjectHead | None:
        """Describe an object; None if it, or its bucket, is not there."""
        store = await self._open()
        try:
            return await _in_thread(lambda guard: store.head(_place(path), guard=guard))
        except NotFound:
            return None

    async def bucket_room(self, bucket: str) -> int | None:
        """What the bucket's quota leaves, in bytes; None without a quota.

        Raises:
            NotFound: There is no such bucket.
            AuthenticationError: It may not be used.
        """
        store = await self._open()
        return await _in_thread(lambda guard: store.bucket_room(bucket, guard=guard))

    async def may_write(self, bucket: str) -> bool:
        """Whether the bucket's access control list lets us write; nothing is tried.

        Raises:
            PoyaError: The list may not be read.
        """
        store = await self._open()
        return (await _in_thread(lambda guard: store.grants(bucket, guard))).may_write

    async def certificate_end(self) -> str | None:
        """When the store's certificate ends, as certificates write it; None without TLS."""
        store = await self._open()
        return await _in_thread(store.certificate_end)

    async def lists_uploads(self, bucket: str) -> bool:
        """Whether we may list the bucket's unfinished uploads."""
        store = await self._open()
        try:
            await _in_thread(lambda guard: store.list_uploads(bucket, _NO_KEY, guard=guard))
        except AuthenticationError:
            return False
        return True

    async def read_small(self, path: S3Path, limit_bytes: int) -> bytes:
        """Read a whole small object.

        Raises:
            BadAnswer: It is larger than the limit.
            NotFound: It is not there.
        """
        store = await self._open()
        return await _in_thread(
            lambda guard: store.get_small(_place(path), limit_bytes, guard=guard)
        )

    async def write_small(self, path: S3Path, body: bytes) -> None:
        """Write a small object in one request."""
        store = await self._open()
        await _in_thread(lambda guard: store.put_small(_place(path), body, guard=guard))

    async def written_at(self, path: S3Path) -> datetime | None:
        """When an object was written, by the store's clock; None if it does not say.

        Raises:
            NotFound: It is not there.
        """
        store = await self._open()
        head = await _in_thread(lambda guard: store.head(_place(path), guard))
        with suppress(ValueError):
            written = parsedate_to_datetime(head.modified)
            return written if written.tzinfo else written.replace(tzinfo=UTC)
        return None

    async def keys_below(self, prefix: S3Path) -> list[str]:
        """The keys of every object that begin with the prefix."""
        store = await self._open()
        return await _in_thread(
            lambda guard: store.list_keys(prefix.bucket, prefix.key, guard=guard)
        )

    async def delete(self, path: S3Path) -> None:
        """Delete one object; absent is fine."""
        store = await self._open()
        await _in_thread(lambda guard: store.delete(_place(path), guard=guard))

    async def abort_uploads_below(self, prefix: S3Path) -> None:
        """Abort every unfinished upload whose key begins with the prefix."""
        store = await self._open()
        await _in_thread(lambda guard: _abort_uploads_below(store, prefix, guard))

    async def delete_below(self, prefix: S3Path) -> None:
        """Delete every object and every unfinished upload whose key begins with the prefix."""
        store = await self._open()
        await _in_thread(lambda guard: _delete_below(store, prefix, guard))

    async def readable(self, path: S3Path) -> ObjectSource:
        """An object to read ranges of."""
        return ObjectSource(await self._open(), _place(path))

    async def writable(self, path: S3Path) -> ObjectTarget:
        """A place to write an object to."""
        return ObjectTarget(await self._open(), _place(path))

    async def close(self) -> None:
        """Close the connections."""
        if self._store is not None:
            self._store.close()

    async def _open(self) -> S3Store:
        async with self._opening:
            if self._store is None:
                first = await self._site.sts.credentials()
                config, provider = self._s3_config(first), self._provider(first)
                self._store = S3Store(config, provider, self._through)
            return self._store

    def _s3_config(self, credentials: S3Credentials) -> S3Config:
        ca_path = Path(self._config.ca_path) if self._config.ca_path else None
        return S3Config(
            site=self._config.name,
            endpoint_url=allowed_endpoint(self._config, credentials.endpoint_url).url,
            ca_path=ca_path,
            proxy_url=self._config.proxy,
        )

    def _provider(self, first: S3Credentials) -> Callable[[], Credentials]:
        loop = asyncio.get_running_loop()
        at_hand = [first]

        def provide() -> Credentials:
            if at_hand:
                return _credentials(at_hand.pop())
            renewal = asyncio.run_coroutine_threadsafe(self._site.sts.credentials(), loop)
            return _credentials(renewal.result())

        return provide


def allowed_endpoint(config: SiteConfig, named: str) -> Endpoint:
    """The endpoint to use: the operator's own if there is one, else the one that STS names.

    Requests carry a session token, so STS may name an endpoint without TLS only on a host that
    the operator listed.

    Raises:
        ConfigError: The named endpoint is malformed, not allowed, or without TLS.
    """
    if config.s3_endpoint is not None:
        return parse_endpoint(config.s3_endpoint)
    host = parse_endpoint(named).host
    listed = config.allowed_s3_hosts
    return choose_endpoint(named, allowed_hosts=listed or (host,), plain_http=host in listed)


@asynccontextmanager
async def open_objects(
    site: Site, config: SiteConfig, witness: Witness | None = None
) -> AsyncIterator[Objects]:
    """Open a site's objects for as long as the block lasts; nothing is asked before it must be."""
    objects = Objects(site, config, witness)
    try:
        yield objects
    finally:
        await objects.close()


def _credentials(given: S3Credentials) -> Credentials:
    return Credentials(
        access_key_id=given.access_key_id,
        secret_access_key=given.secret_access_key.reveal(),
        session_token=given.session_token.reveal(),
        expires_at_s=given.expires_at.timestamp(),
    )


def _place(path: S3Path) -> ObjectPlace:
    return ObjectPlace(path.bucket, path.key)


def _abort_uploads_below(store: S3Store, prefix: S3Path, guard: Guard) -> None:
    for upload in store.list_uploads(prefix.bucket, prefix.key, guard):
        store.abort(ObjectPlace(prefix.bucket, upload.key), upload.upload_id, guard)


def _delete_below(store: S3Store, prefix: S3Path, guard: Guard) -> None:
    _abort_uploads_below(store, prefix, guard)
    for key in store.list_keys(prefix.bucket, prefix.key, guard):
        store.delete(ObjectPlace(prefix.bucket, key), guard)


async def _in_thread(work: Callable[[Guard], _T]) -> _T:
    """Work in a thread; whoever is cancelled meanwhile has it stop too, and not try again."""
    guard = Guard()
    try:
        return await asyncio.to_thread(work, guard)
    except asyncio.CancelledError:
        guard.cancel.set()
        raise
