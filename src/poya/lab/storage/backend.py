# SPDX-License-Identifier: Apache-2.0
"""moto's S3 model with the bytes taken out of it: keys refer to files of the site's directory.

moto holds every object in memory (and joins multipart uploads there, three times over); images
have gigabytes. Only the methods that carry bytes are replaced here.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
from bisect import insort
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from moto.s3.exceptions import (
    BucketAlreadyExists,
    CopyObjectMustChangeSomething,
    InvalidPart,
    InvalidRange,
    MissingBucket,
    NoSuchUpload,
)
from moto.s3.models import FakeBucket, FakeKey, FakeMultipart, S3Backend, s3_backends

from poya.lab.storage.contents import BlobStore, Content, Staged, join
from poya.lab.storage.index import ObjectIndex, ObjectRow
from poya.lab.storage.keys import DiskKey, chosen_parts, named_parts, row_of
from poya.lab.storage.manners import etag_of_parts

_PARTITION = "aws"
REGION = "us-east-1"

_incoming: ContextVar[Staged | None] = ContextVar("poya_lab_incoming", default=None)


class _NamesAreTokens(dict[str, str]):
    """moto hands out tokens for the names at which pages end; Ceph RGW hands out the names."""

    def get(self, token: str, _default: object = None) -> str:
        """The name that a token stands for: itself."""
        return token


@contextmanager
def carrying(staged: Staged) -> Iterator[None]:
    """Let the request that moto handles inside this block have these bytes for its body."""
    token = _incoming.set(staged)
    try:
        yield
    finally:
        _incoming.reset(token)


class DiskBackend(S3Backend):
    """The buckets and objects of one site; several sites may live in one process."""

    def __init__(self, account_id: str, blobs: BlobStore, index: ObjectIndex) -> None:
        super().__init__(REGION, account_id)
        self._pagination_tokens = _NamesAreTokens()
        self.blobs = blobs
        self._index = index
        self._lock = threading.RLock()

    def register(self) -> None:
        """Make moto answer requests for this account from this backend."""
        dict.__setitem__(s3_backends[self.account_id], _PARTITION, self)

    def unregister(self) -> None:
        """Take this backend out of moto again."""
        s3_backends.pop(self.account_id, None)

    def get_bucket(self, bucket_name: str) -> FakeBucket:
        """Find a bucket of this site (moto would look at the other sites' too)."""
        try:
            return self.buckets[bucket_name]
        except KeyError:
            raise MissingBucket(bucket=bucket_name) from None

    def create_bucket(
        self, bucket_name: str, region_name: str, bucket_namespace: str | None = None
    ) -> FakeBucket:
        """Make a bucket; its name need only be new at this site."""
        if bucket_name in self.buckets:
            raise BucketAlreadyExists(bucket=bucket_name)
        bucket = FakeBucket(bucket_name, self.account_id, region_name, bucket_namespace)  # type: ignore[abstract]
        self.buckets[bucket_name] = bucket
        return bucket

    def load(self, rows: Iterable[ObjectRow]) -> None:
        """Put objects in place as they were before a restart or a reset."""
        for row in rows:
            bucket = self.buckets.get(row.bucket) or self.create_bucket(row.bucket, REGION)
            self.blobs.retain(row.content)
            key = DiskKey(row.key, row.content, row.etag, bucket)
            key.set_metadata(row.metadata)
            key.last_modified = row.modified
            key.on_change = self._save
            bucket.keys.setlist(row.key, [key])

    def forget_objects(self) -> None:
        """Drop every object and upload from memory, and the files that nothing else uses."""
        with self._lock:
            for bucket in self.buckets.values():
                for upload_id in list(bucket.multiparts):
                    self.abort_multipart_upload(bucket.name, upload_id)
                for name in list(bucket.keys):
                    self.blobs.release(bucket.keys[name].content)
                    bucket.keys.pop(name)

    def find(self, bucket_name: str, key_name: str) -> DiskKey | None:
        """The object, or None if it or its bucket is absent."""
        bucket = self.buckets.get(bucket_name)
        found = bucket.keys.get(key_name) if bucket else None
        return found if isinstance(found, DiskKey) else None

    def has_upload(self, bucket_name: str, upload_id: str) -> bool:
        """Whether an upload is under way; of a bucket that is none, it is left to moto to say."""
        bucket = self.buckets.get(bucket_name)
        return bucket is None or upload_id in bucket.multiparts

    def usage(self, bucket_name: str) -> tuple[int, int]:
        """How many objects and parts of uploads a bucket has, and their bytes."""
        with self._lock:
            bucket = self.get_bucket(bucket_name)
            sizes = [bucket.keys[name].size for name in bucket.keys]
            for upload in bucket.multiparts.values():
                sizes += [part.size for part in upload.parts.values()]
        return len(sizes), sum(sizes)

    def create_multipart_upload(
        self,
        bucket_name: str,
        *args: Any,  # noqa: ANN401 - moto's, passed on
        **kwargs: Any,  # noqa: ANN401
    ) -> FakeMultipart:
        """Begin an upload; its id is of the form that Ceph RGW has."""
        with self._lock:
            upload = super().create_multipart_upload(bucket_name, *args, **kwargs)
            uploads = self.get_bucket(bucket_name).multiparts
            del uploads[upload.id]
            upload.id = f"2~{secrets.token_urlsafe(24)[:31]}"
            uploads[upload.id] = upload
        return upload

    def hold(self, bucket_name: str, key_name: str) -> DiskKey | None:
        """As `find`, and keep the object's files until the caller releases its content."""
        with self._lock:
            key = self.find(bucket_name, key_name)
            if key:
                self.blobs.retain(key.content)
            return key

    def insert(self, bucket_name: str, name: str, content: Content, etag: str) -> DiskKey:
        """Make an object of `content`, which it takes over; it is saved by `set_metadata`."""
        bucket = self.get_bucket(bucket_name)
        key = DiskKey(name, content, etag, bucket)
        key.on_change = self._save
        with self._lock:
            old = self.find(bucket_name, name)
            key.superseded = old.content if old else None
            bucket.keys.setlist(name, [key])
        return key

    def _truncate_result(self, result_keys: Any, max_keys: int) -> Any:  # noqa: ANN401
        """A page of a list; what comes next is told by the page's last name, as RGW does."""
        page = result_keys[:max_keys]
        truncated = 0 < max_keys < len(result_keys)
        return page, truncated, self._get_name(page[-1]) if truncated else None

    def put_object(self, bucket_name: str, key_name: str, *_: Any, **__: Any) -> FakeKey:  # noqa: ANN401
        """Make an object of the bytes that the current request carries."""
        self.get_bucket(bucket_name)
        staged = _incoming.get() or self.blobs.store(b"")
        return self.insert(bucket_name, key_name, self.blobs.adopt(staged), staged.md5)

    def delete_object(
        self,
        bucket_name: str,
        key_name: str,
        *args: Any,  # noqa: ANN401
        **kwargs: Any,  # noqa: ANN401
    ) -> tuple[bool, dict[str, Any]]:
        """Delete an object and its row; absent is fine."""
        with self._lock:
            key = self.find(bucket_name, key_name)
            outcome = super().delete_object(bucket_name, key_name, *args, **kwargs)
            if key:
                self._index.remove(bucket_name, key_name)
                self.blobs.release(key.content)
        return outcome

    def copy_object(  # type: ignore[override]
        self,
        src_key: DiskKey,
        dest_bucket_name: str,
        dest_key_name: str,
        **options: Any,  # noqa: ANN401
    ) -> None:
        """Copy by reference; the etag stays, as RGW copies it with the other attributes."""
        same = (src_key.bucket_name, src_key.name) == (dest_bucket_name, dest_key_name)
        replaced = options.get("mdirective") == "REPLACE"
        if same and not replaced:
            raise CopyObjectMustChangeSomething
        self.get_bucket(dest_bucket_name)
        self.blobs.retain(src_key.content)
        etag = src_key.etag.strip('"')
        key = self.insert(dest_bucket_name, dest_key_name, src_key.content, etag)
        key.set_metadata(options.get("metadata") if replaced else src_key.metadata)

    def upload_part(
        self,
        bucket_name: str,
        multipart_id: str,
        part_id: int,
        value: bytes,  # noqa: ARG002
    ) -> FakeKey:
        """Keep the bytes that the current request carries as a part."""
        staged = _incoming.get() or self.blobs.store(b"")
        return self._set_part(bucket_name, multipart_id, part_id, staged)

    def upload_part_copy(  # noqa: PLR0913, PLR0917
        self,
        dest_bucket_name: str,
        multipart_id: str,
        part_id: int,
        src_bucket_name: str,
        src_key_name: str,
        src_version_id: str | None,  # noqa: ARG002
        start_byte: int | None,
        end_byte: int | None,
    ) -> FakeKey:
        """Make a part of a range of an object, by reference."""
        source = self.find(src_bucket_name, src_key_name)
        if source is None:
            raise InvalidPart
        start = start_byte or 0
        end = source.size if end_byte is None else end_byte + 1
        if end > source.size or start >= max(end, 1):
            raise InvalidRange(actual_size=str(source.size), range_requested=f"{start}-{end - 1}")
        content = source.content.cut(start, end - start)
        staged = Staged(content, self._md5(content), "")
        return self._set_part(dest_bucket_name, multipart_id, part_id, staged)

    def complete_multipart_upload(
        self, bucket_name: str, multipart_id: str, body: Iterator[tuple[int, str]]
    ) -> FakeKey:
        """Join the parts by reference; the etag is the md5 of their md5s and their number."""
        bucket = self.get_bucket(bucket_name)
        with self._lock:
            upload = self._upload(bucket, multipart_id)
            parts = chosen_parts(upload, named_parts(body))
            content = join(part.content for part in parts)
            self.blobs.retain(content)
            etag = etag_of_parts(part.etag for part in parts)
            key = self.insert(bucket_name, upload.key_name, content, etag)
            key.multipart = upload
            self.abort_multipart_upload(bucket_name, multipart_id)
        key.set_metadata(upload.metadata)
        return key

    def abort_multipart_upload(self, bucket_name: str, multipart_id: str) -> None:
        """Forget an upload and its parts."""
        bucket = self.get_bucket(bucket_name)
        with self._lock:
            upload = self._upload(bucket, multipart_id)
            del bucket.multiparts[multipart_id]
            for part in upload.parts.values():
                self.blobs.release(part.content)
            upload.parts.clear()
            upload.partlist.clear()

    def _set_part(
        self, bucket_name: str, multipart_id: str, number: int, staged: Staged
    ) -> DiskKey:
        bucket = self.get_bucket(bucket_name)
        with self._lock:
            upload = self._upload(bucket, multipart_id)
            replaced = upload.parts.get(number)
            if number not in upload.partlist:
                insort(upload.partlist, number)
            # moto lists parts by their name, which is their number
            part = DiskKey(number, self.blobs.adopt(staged), staged.md5, bucket)  # type: ignore[arg-type]
            upload.parts[number] = part
        if isinstance(replaced, DiskKey):
            self.blobs.release(replaced.content)
        return part

    def _upload(self, bucket: FakeBucket, multipart_id: str) -> Any:  # noqa: ANN401
        try:
            return bucket.multiparts[multipart_id]
        except KeyError:
            raise NoSuchUpload(upload_id=multipart_id) from None

    def _md5(self, content: Content) -> str:
        digest = hashlib.md5(usedforsecurity=False)
        for chunk in self.blobs.read(content):
            digest.update(chunk)
        return digest.hexdigest()

    def _save(self, key: DiskKey) -> None:
        with self._lock:
            if self.find(key.bucket_name or "", key.name) is not key:
                return
            self._index.put([row_of(key)])
            superseded, key.superseded = key.superseded, None
        if superseded:
            self.blobs.release(superseded)
