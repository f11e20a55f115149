# SPDX-License-Identifier: Apache-2.0
"""A site's objects as the site's own services see them, and the store that holds them."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from poya.lab.ports import ObjectInfo, StsCredentials
from poya.lab.storage.backend import REGION, DiskBackend
from poya.lab.storage.contents import BlobStore, Content, Staged, join
from poya.lab.storage.credentials import CredentialMint
from poya.lab.storage.index import ObjectIndex, ObjectRow
from poya.lab.storage.keys import DiskKey, row_of

BUCKETS = ("boot-images", "config-data", "ims")
PART_BYTES = 8 * 1024 * 1024
_META = "x-amz-meta-"


@dataclass(frozen=True, slots=True)
class NewObject:
    """An object to seed: its bytes in pieces of any size.

    Attributes:
        part_bytes: Upload it in parts of this size, as boto3 does with more than one part;
            None for one piece.
    """

    bucket: str
    key: str
    chunks: Iterable[bytes]
    metadata: Mapping[str, str] = field(default_factory=dict)
    part_bytes: int | None = None


class SiteObjects:
    """The object store of one site (`LabObjects`), kept in a directory.

    Completed objects survive the death of the process; uploads in progress do not, nor do
    buckets without objects that a client made. `endpoint_url` is what STS tells clients.
    """

    def __init__(self, directory: Path, name: str, mint: CredentialMint) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.endpoint_url = ""
        self.mint = mint
        self._blobs = BlobStore(directory / "data")
        self._index = ObjectIndex(directory / "objects.sqlite")
        self.backend = DiskBackend(_account_id(name, directory), self._blobs, self._index)
        self.backend.register()
        for bucket in BUCKETS:
            self.backend.create_bucket(bucket, REGION)
        self.backend.load(row for row in self._index.rows() if self._blobs.holds(row.content))
        self._blobs.sweep()

    def close(self) -> None:
        """Give back what the process holds; the objects stay on disk."""
        self.backend.unregister()
        self._index.close()

    async def head(self, bucket: str, key: str) -> ObjectInfo | None:
        """Describe an object; None if the bucket or the key does not exist."""
        found = self.backend.find(bucket, key)
        return _info(found) if found else None

    async def read(self, bucket: str, key: str, limit_bytes: int) -> bytes:
        """Read at most `limit_bytes` from the start. Raises KeyError if absent."""
        content = self._existing(bucket, key).content.cut(0, limit_bytes)
        return await asyncio.to_thread(lambda: b"".join(self._blobs.read(content)))

    async def move(self, bucket: str, key: str, new_key: str) -> ObjectInfo:
        """Move by server-side copy, as IMS does it: from 8 MiB on the copy is in parts."""
        source = self._existing(bucket, key)
        return await asyncio.to_thread(self._move, source, bucket, new_key)

    async def copy(self, bucket: str, key: str, new_key: str) -> ObjectInfo:
        """Copy within a bucket; no byte is read, both share what lies on disk."""
        source = self._existing(bucket, key)
        self._blobs.retain(source.content)
        etag = source.etag.strip('"')
        copy = self.backend.insert(bucket, new_key, source.content, etag)
        copy.set_metadata(dict(source.metadata))
        return _info(copy)

    async def delete(self, bucket: str, key: str) -> None:
        """Delete an object; absent is fine."""
        if bucket in self.backend.buckets:
            await asyncio.to_thread(self.backend.delete_object, bucket, key)

    async def write(self, bucket: str, key: str, body: bytes) -> ObjectInfo:
        """Write a small object in one piece."""
        return await asyncio.to_thread(self._write, bucket, key, body)

    def issue_credentials(self, lifetime_s: int) -> StsCredentials:
        """Make temporary credentials that the store accepts until they expire."""
        return self.mint.issue(lifetime_s, self.endpoint_url)

    def put(self, new: NewObject) -> ObjectInfo:
        """Write an object in the pieces that `new` asks for; md5sum joins its metadata."""
        whole = hashlib.md5(usedforsecurity=False)
        parts = list(self._staged_parts(new, whole.update))
        single = new.part_bytes is None or len(parts) <= 1
        staged = parts[0] if single and parts else self._blobs.store(b"")
        etag = staged.md5 if single else multipart_etag(part.md5 for part in parts)
        content = join(self._blobs.adopt(part) for part in parts)
        key = self.backend.insert(new.bucket, new.key, content, etag)
        metadata = {**new.metadata, "md5sum": whole.hexdigest()}
        key.set_metadata({_META + name: value for name, value in metadata.items()})
        return _info(key)

    def put_alike(self, bucket: str, keys: Iterable[str], body: bytes) -> str:
        """Write the same small body under many keys, in one transaction; its etag."""
        staged = self._blobs.store(body)
        content = self._blobs.adopt(staged)
        now = datetime.now(UTC).replace(tzinfo=None)
        metadata = {"Content-Type": "binary/octet-stream"}
        rows = [ObjectRow(bucket, key, staged.md5, now, metadata, content) for key in keys]
        self._index.put(rows)
        self.backend.load(rows)
        self._blobs.release(content)
        return staged.md5

    def put_repeated(self, bucket: str, key: str, size_bytes: int, block: bytes) -> ObjectInfo:
        """Write an object that repeats a block until it is `size_bytes` long, in parts of it.

        It takes the room of one block on disk, however long it is. There is no md5sum in its
        metadata: nobody has read all of it.
        """
        staged = self._blobs.store(block)
        whole = self._blobs.adopt(staged)
        count, rest = divmod(size_bytes, len(block))
        parts, md5s = [whole] * count, [staged.md5] * count
        if rest:
            parts.append(whole.cut(0, rest))
            md5s.append(hashlib.md5(block[:rest], usedforsecurity=False).hexdigest())
        content = join(parts)
        self._blobs.retain(content)
        self._blobs.release(whole)
        written = self.backend.insert(bucket, key, content, multipart_etag(md5s))
        written.set_metadata({})
        return _info(written)

    def read_now(self, bucket: str, key: str) -> bytes:
        """Read a whole small object. Raises KeyError if absent."""
        return b"".join(self._blobs.read(self._existing(bucket, key).content))

    def rows(self) -> list[ObjectRow]:
        """All objects as they are now."""
        return [
            row_of(key)
            for bucket in self.backend.buckets.values()
            for key in bucket.keys.values()
            if isinstance(key, DiskKey)
        ]

    def snapshot(self) -> list[ObjectRow]:
        """All objects as they are now, their bytes kept until the store is closed."""
        rows = self.rows()
        for row in rows:
            self._blobs.retain(row.content)
        return rows

    def restore(self, rows: list[ObjectRow]) -> None:
        """Go back to a snapshot: every other object and every upload is gone."""
        self._index.replace_all(rows)
        self.backend.forget_objects()
        self.backend.load(rows)

    def _write(self, bucket: str, key: str, body: bytes) -> ObjectInfo:
        staged = self._blobs.store(body)
        written = self.backend.insert(bucket, key, self._blobs.adopt(staged), staged.md5)
        written.set_metadata({})
        return _info(written)

    def _existing(self, bucket: str, key: str) -> DiskKey:
        found = self.backend.find(bucket, key)
        if found is None:
            raise KeyError(f"s3://{bucket}/{key}")
        return found

    def _move(self, source: DiskKey, bucket: str, new_key: str) -> ObjectInfo:
        content, etag, metadata = source.content, source.etag.strip('"'), dict(source.metadata)
        if content.size_bytes >= PART_BYTES:
            etag, metadata = multipart_etag(self._part_md5s(content)), {}
        self._blobs.retain(content)
        copy = self.backend.insert(bucket, new_key, content, etag)
        copy.set_metadata(metadata)
        if new_key != source.name:
            self.backend.delete_object(bucket, source.name)
        return _info(copy)

    def _part_md5s(self, content: Content) -> Iterator[str]:
        for start in range(0, content.size_bytes, PART_BYTES):
            digest = hashlib.md5(usedforsecurity=False)
            for chunk in self._blobs.read(content.cut(start, PART_BYTES)):
                digest.update(chunk)
            yield digest.hexdigest()

    def _staged_parts(self, new: NewObject, see: Callable[[bytes], None]) -> Iterator[Staged]:
        stage = self._blobs.stage()
        for chunk in new.chunks:
            see(chunk)
            rest = memoryview(chunk)
            while rest:
                room = (new.part_bytes or len(rest) + stage.size_bytes) - stage.size_bytes
                stage.write(bytes(rest[:room]))
                rest = rest[room:]
                if new.part_bytes and stage.size_bytes == new.part_bytes:
                    yield stage.close()
                    stage = self._blobs.stage()
        last = stage.close()
        if last.content.segments:
            yield last


def multipart_etag(md5s: Iterable[str]) -> str:
    """The etag of an object in parts: the md5 of the parts' md5s (hex) and their number."""
    raw = [bytes.fromhex(md5) for md5 in md5s]
    return f"{hashlib.md5(b''.join(raw), usedforsecurity=False).hexdigest()}-{len(raw)}"


def _info(key: DiskKey) -> ObjectInfo:
    metadata = {
        str(name).lower().removeprefix(_META): str(value)
        for name, value in key.metadata.items()
        if str(name).lower().startswith(_META)
    }
    return ObjectInfo(key.size, key.etag.strip('"'), metadata)


def _account_id(name: str, directory: Path) -> str:
    # moto tells sites within one process apart by account
    digest = hashlib.sha256(f"{name} {directory}".encode()).digest()
    return f"{int.from_bytes(digest[:6], 'big') % 10**12:012}"
