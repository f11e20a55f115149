# SPDX-License-Identifier: Apache-2.0
"""moto's keys without their bytes: an object, or a part of an upload, that refers to files."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, cast
from xml.parsers.expat import ExpatError

from moto.s3.exceptions import EntityTooSmall, InvalidPart, MalformedXML
from moto.s3.models import FakeBucket, FakeKey, FakeMultipart
from moto.settings import S3_UPLOAD_PART_MIN_SIZE

from poya.lab.storage.contents import Content
from poya.lab.storage.index import ObjectRow


class DiskKey(FakeKey):
    """An object, or a part of one, whose bytes lie in files."""

    def __init__(self, name: str, content: Content, etag: str, bucket: FakeBucket) -> None:
        super().__init__(
            name=name,
            value=b"",
            account_id=bucket.account_id,
            region_name=bucket.region_name,
            etag=etag,
            bucket_name=bucket.name,
            version_id="null",
        )
        self._value_buffer.close()
        self.content = content
        self.contentsize = content.size_bytes
        self.superseded: Content | None = None
        self.on_change: Callable[[DiskKey], None] | None = None

    @property
    def value(self) -> bytes:
        """Not kept here: whoever wants the bytes reads `content`."""
        raise NotImplementedError("the bytes of a lab object are read from its files")

    @value.setter
    def value(self, new_value: bytes) -> None:
        self.contentsize = len(new_value)

    def set_metadata(self, metadata: Any, replace: bool = False) -> None:  # noqa: ANN401, FBT001, FBT002
        """Take the metadata; every path that makes an object ends here, so it is saved now."""
        super().set_metadata(dict(metadata), replace)
        if self.on_change:
            self.on_change(self)

    def dispose(self, garbage: bool = False) -> None:  # noqa: FBT001, FBT002
        """Nothing to do: the files are counted by the backend."""


def row_of(key: DiskKey) -> ObjectRow:
    """The row that brings `key` back after a restart."""
    etag, modified = key.etag.strip('"'), key.last_modified
    metadata = {str(name): str(value) for name, value in key.metadata.items()}
    return ObjectRow(key.bucket_name or "", key.name, etag, modified, metadata, key.content)


def chosen_parts(upload: FakeMultipart, named: dict[int, str]) -> list[DiskKey]:
    """The parts that a CompleteMultipartUpload names, checked as Ceph RGW 16 checks them.

    Their order in the request does not matter, but all that were uploaded must be named.
    """
    if not named:
        raise MalformedXML
    if len(named) != len(upload.parts):
        raise InvalidPart
    uploaded = sorted(upload.parts)
    for (number, etag), expected in zip(sorted(named.items()), uploaded, strict=True):
        part = upload.parts[expected]
        if expected != uploaded[-1] and part.size < S3_UPLOAD_PART_MIN_SIZE:
            raise EntityTooSmall
        if number != expected or part.etag.strip('"') != etag.strip('"'):
            raise InvalidPart
    return [cast("DiskKey", upload.parts[number]) for number in uploaded]


def named_parts(body: Iterable[tuple[int, str]]) -> dict[int, str]:
    """The numbers and etags of a request's parts; of a number named twice, the last."""
    try:
        return dict(body)
    except (ExpatError, IndexError, AttributeError, ValueError) as error:
        raise MalformedXML from error
