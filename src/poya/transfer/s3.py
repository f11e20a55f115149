# SPDX-License-Identifier: Apache-2.0
"""The S3 store of one site (Ceph RGW behind CSM), as much of the S3 API as moving images needs.

Every method may be called from many threads. Errors are those of `Caller.run`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from poya.errors import BadAnswer, RequestRefused, Unreachable
from poya.transfer.credentials import CredentialKeeper, CredentialsProvider
from poya.transfer.dialling import Dialler, parse_proxy, site_tls
from poya.transfer.endpoints import parse_endpoint
from poya.transfer.etags import clean_etag, md5
from poya.transfer.guard import Guard
from poya.transfer.http import Body, Exchanger, HttpResponse, Transport
from poya.transfer.retry import QUICK
from poya.transfer.s3calls import Call, Caller, Service
from poya.transfer.s3requests import (
    META_PREFIX,
    copy_source,
    md5_header,
    metadata_headers,
    next_page,
    part_query,
)
from poya.transfer.s3values import ObjectHead, ObjectPlace, S3Config
from poya.transfer.s3xml import (
    BucketGrants,
    PartInfo,
    UploadInfo,
    children,
    completion,
    name_of,
    parse_grants,
    parse_parts,
    parse_uploads,
    parse_xml,
    text_of,
)

_PARTIAL = 206
_FREE = Guard()


class S3Store:
    """The object store of one site.

    Args:
        config: How to reach it.
        credentials: Asked when credentials are needed, ahead of their end, and once when the
            store calls them expired. Must be quick and may be called from any thread.
        through: What every exchange goes through on its way to the network.
    """

    def __init__(
        self,
        config: S3Config,
        credentials: CredentialsProvider,
        through: Callable[[Exchanger], Exchanger] = lambda network: network,
    ) -> None:
        endpoint = parse_endpoint(config.endpoint_url)
        tls = site_tls(config.ca_path) if endpoint.secure else None
        proxy = parse_proxy(config.proxy_url) if config.proxy_url else None
        self._transport = Transport(Dialler(tls, proxy, config.connect_timeout_s))
        service = Service(
            config.site, endpoint, config.region, config.path_style, config.stall_s, config.slow_s
        )
        self._caller = Caller(service, through(self._transport), CredentialKeeper(credentials))
        self._config = config
        self._is_secure = endpoint.secure

    @property
    def is_secure(self) -> bool:
        """Whether it is spoken to over TLS."""
        return self._is_secure

    @property
    def site(self) -> str:
        """The site's name."""
        return self._config.site

    def close(self) -> None:
        """Close idle connections; the store stays usable."""
        self._transport.close()

    def head_bucket(self, bucket: str, guard: Guard = _FREE) -> None:
        """Prove that a bucket is there and may be used; gives up after seconds (HEAD bucket)."""
        self._caller.run(Call("HEAD", ObjectPlace(bucket)), QUICK, guard)

    def bucket_room(self, bucket: str, guard: Guard = _FREE) -> int | None:
        """What a bucket's quota leaves, in bytes; None without a quota.

        Only Ceph's gateway says so (headers `X-RGW-Quota-Bucket-Size`, `X-RGW-Bytes-Used`).
        """
        headers = self._caller.run(Call("HEAD", ObjectPlace(bucket)), QUICK, guard).headers
        quota, used = headers.get("x-rgw-quota-bucket-size"), headers.get("x-rgw-bytes-used")
        if not (quota or "").isdecimal() or not (used or "").isdecimal():
            return None
        return max(0, int(quota or 0) - int(used or 0))

    def grants(self, bucket: str, guard: Guard = _FREE) -> BucketGrants:
        """Who may do what in a bucket, and who asks (GetBucketAcl, ListBuckets)."""
        acl = self._caller.run(Call("GET", ObjectPlace(bucket), {"acl": ""}), QUICK, guard)
        own = self._caller.run(Call("GET", ObjectPlace("")), QUICK, guard)
        return parse_grants(parse_xml(acl.body), parse_xml(own.body))

    def certificate_end(self, guard: Guard = _FREE) -> str | None:
        """When its certificate ends, as certificates write it; None without TLS.

        Raises:
            Unreachable: Nobody answers.
            CertificateError: The server is not the site's.
        """
        endpoint = self._caller.endpoint
        guard.cancel.check()
        try:
            return self._transport.certificate_end(endpoint)
        except OSError as error:
            raise Unreachable(f"{endpoint.url} does not answer.", why=str(error)) from error

    def make_bucket(self, bucket: str, guard: Guard = _FREE) -> None:
        """Make a bucket; one that is ours already is fine (CreateBucket)."""
        self._run(Call("PUT", ObjectPlace(bucket)), guard)

    def head(self, place: ObjectPlace, guard: Guard = _FREE) -> ObjectHead:
        """Describe an object (HeadObject). Raises `NotFound` if it is not there."""
        headers = self._run(Call("HEAD", place), guard).headers
        if not (size := headers.get("content-length", "")).isdecimal():
            raise BadAnswer(f"HEAD {place} at {self.site} tells no size.")
        metadata = {
            k.removeprefix(META_PREFIX): v for k, v in headers.items() if k.startswith(META_PREFIX)
        }
        etag, modified = clean_etag(headers.get("etag", "")), headers.get("last-modified", "")
        return ObjectHead(int(size), etag, metadata, modified)

    def part_size(self, place: ObjectPlace, etag: str, guard: Guard = _FREE) -> int | None:
        """How an object was cut: the length of its first part (HeadObject with partNumber).

        Returns:
            None if the store does not tell (Ceph before Squid takes no notice of the number), or
            if the object is no longer the one of this etag.
        """
        try:
            response = self._run(Call("HEAD", place, {"partNumber": "1"}), guard)
        except RequestRefused:
            return None
        length = response.headers.get("content-length", "")
        is_it = clean_etag(response.headers.get("etag", "")) == etag
        told = response.status == _PARTIAL or "x-amz-mp-parts-count" in response.headers
        return int(length) if told and is_it and length.isdecimal() else None

    def get_range(
        self,
        place: ObjectPlace,
        start: int,
        into: memoryview,
        guard: Guard = _FREE,
        *,
        if_match: str = "",
    ) -> None:
        """Read `len(into)` bytes from `start` into a buffer (GetObject with Range).

        Args:
            if_match: An etag; `RequestRefused` with status 412 if the object has another by now.

        Raises:
            BadAnswer: The store answers another range than was asked for.
        """
        end = start + len(into) - 1
        headers = {"Range": f"bytes={start}-{end}"}
        if if_match:
            headers["If-Match"] = f'"{if_match}"'
        response = self._run(Call("GET", place, headers=headers, into=into), guard)
        told = response.headers.get("content-range", f"bytes 0-{len(into) - 1}/")
        if not response.filled or not told.startswith(f"bytes {start}-{end}/"):
            raise BadAnswer(
                f"GET {place} at {self.site} answered other bytes than asked for.",
                why=f"Asked for {start}-{end}, told {told[:60]}.",
            )

    def get_small(self, place: ObjectPlace, limit_bytes: int, guard: Guard = _FREE) -> bytes:
        """Read a whole small object, such as a manifest.

        Raises:
            BadAnswer: It is larger than `limit_bytes`.
        """
        head = self.head(place, guard)
        if head.size_bytes > limit_bytes:
            raise BadAnswer(
                f"{place} at {self.site} is larger than such an object may be.",
                why=f"It has {head.size_bytes} bytes, the limit is {limit_bytes}.",
            )
        if not head.size_bytes:
            return b""
        buffer = bytearray(head.size_bytes)
        self.get_range(place, 0, memoryview(buffer), guard, if_match=head.etag)
        return bytes(buffer)

    def put_small(
        self,
        place: ObjectPlace,
        data: bytes,
        metadata: Mapping[str, str] | None = None,
        guard: Guard = _FREE,
        *,
        if_absent: bool = False,
    ) -> str:
        """Write a small object and return its etag (PutObject with Content-MD5).

        Args:
            if_absent: `RequestRefused` with status 412 if the object exists (If-None-Match: *).
        """
        headers = metadata_headers(metadata or {}) | md5_header(md5(data))
        if if_absent:
            headers["If-None-Match"] = "*"
        return _etag(self._run(Call("PUT", place, headers=headers, body=data), guard))

    def put(
        self,
        place: ObjectPlace,
        body: Body,
        md5_hex: str,
        metadata: Mapping[str, str],
        guard: Guard = _FREE,
    ) -> str:
        """Write an object of known md5 in one request; the store refuses other bytes."""
        headers = metadata_headers(metadata) | md5_header(md5_hex)
        call = Call("PUT", place, headers=headers, body=body, signs_body=False)
        return _etag(self._run(call, guard))

    def delete(self, place: ObjectPlace, guard: Guard = _FREE) -> None:
        """Delete an object; absent is fine (DeleteObject)."""
        self._run(Call("DELETE", place), guard)

    def copy_object(
        self,
        source: ObjectPlace,
        target: ObjectPlace,
        metadata: Mapping[str, str] | None = None,
        guard: Guard = _FREE,
        *,
        if_match: str = "",
    ) -> str:
        """Copy within the store, up to 5 GiB (CopyObject); the new etag.

        RGW keeps the etag, also that of a multipart object; other stores may compute another.

        Args:
            source: What is copied.
            target: What it becomes.
            metadata: The copy's metadata; None keeps the source's.
            guard: The stop.
            if_match: An etag; `RequestRefused` with status 412 if the source has another by now.
        """
        headers = copy_source(source)
        if if_match:
            headers["x-amz-copy-source-if-match"] = f'"{if_match}"'
        if metadata is not None:
            headers |= {"x-amz-metadata-directive": "REPLACE", **metadata_headers(metadata)}
        return self._copy(Call("PUT", target, headers=headers, slow=True), guard)

    def create_multipart(
        self, place: ObjectPlace, metadata: Mapping[str, str], guard: Guard = _FREE
    ) -> str:
        """Begin a multipart upload and return its id (CreateMultipartUpload).

        Each time it is sent again (the guard's `retried` tells) it may leave an upload behind.
        """
        headers = metadata_headers(metadata)
        call = Call("POST", place, {"uploads": ""}, headers)
        upload_id = text_of(parse_xml(self._run(call, guard).body), "UploadId")
        if not upload_id:
            raise BadAnswer(f"The object store of {self.site} began an upload without an id.")
        return upload_id

    def upload_part(
        self,
        place: ObjectPlace,
        upload: tuple[str, int],
        body: Body,
        md5_hex: str | None,
        guard: Guard = _FREE,
    ) -> str:
        """Send one part and return its etag (UploadPart).

        Args:
            upload: The upload's id and the part's number.
            md5_hex: Sent as Content-MD5, so that the store refuses other bytes; None for a
                streamed part, whose etag the caller compares.
        """
        headers = md5_header(md5_hex) if md5_hex else {}
        call = Call("PUT", place, part_query(upload), headers, body, signs_body=False)
        return _etag(self._run(call, guard))

    def upload_part_copy(
        self,
        source: ObjectPlace,
        byte_range: tuple[int, int],
        place: ObjectPlace,
        upload: tuple[str, int],
        guard: Guard = _FREE,
    ) -> str:
        """Make a part of bytes that the store holds, first to last inclusive (UploadPartCopy)."""
        first, last = byte_range
        headers = copy_source(source) | {"x-amz-copy-source-range": f"bytes={first}-{last}"}
        return self._copy(Call("PUT", place, part_query(upload), headers, slow=True), guard)

    def list_parts(
        self, place: ObjectPlace, upload_id: str, guard: Guard = _FREE
    ) -> list[PartInfo]:
        """All parts that an upload holds (ListParts, every page). `NoSuchUpload` if it is gone."""
        parts: list[PartInfo] = []
        query = {"uploadId": upload_id}
        while True:
            root = parse_xml(self._run(Call("GET", place, query), guard).body)
            parts += parse_parts(root)
            if text_of(root, "IsTruncated") != "true":
                return parts
            query = next_page(query, {"part-number-marker": text_of(root, "NextPartNumberMarker")})

    def list_uploads(self, bucket: str, prefix: str, guard: Guard = _FREE) -> list[UploadInfo]:
        """All open uploads whose key begins with `prefix` (ListMultipartUploads, every page)."""
        uploads: list[UploadInfo] = []
        query = {"uploads": "", "prefix": prefix}
        while True:
            root = parse_xml(self._run(Call("GET", ObjectPlace(bucket), query), guard).body)
            uploads += parse_uploads(root)
            if text_of(root, "IsTruncated") != "true":
                return uploads
            markers = {
                "key-marker": text_of(root, "NextKeyMarker"),
                "upload-id-marker": text_of(root, "NextUploadIdMarker"),
            }
            query = next_page(query, markers)

    def list_keys(self, bucket: str, prefix: str, guard: Guard = _FREE) -> list[str]:
        """The keys of all objects that begin with `prefix` (ListObjectsV2, every page)."""
        return list(self.list_sizes(bucket, prefix, guard))

    def list_sizes(self, bucket: str, prefix: str, guard: Guard = _FREE) -> dict[str, int]:
        """Every object that begins with `prefix`, and its size (ListObjectsV2, every page).

        Raises:
            BadAnswer: The list tells of an object without its size.
        """
        sizes: dict[str, int] = {}
        query = {"list-type": "2", "prefix": prefix}
        while True:
            root = parse_xml(self._run(Call("GET", ObjectPlace(bucket), query), guard).body)
            for entry in children(root, "Contents"):
                key, told = text_of(entry, "Key"), text_of(entry, "Size")
                if not told.isdecimal():
                    raise BadAnswer(f"The object store of {self.site} lists {key} without size.")
                sizes[key] = int(told)
            if text_of(root, "IsTruncated") != "true":
                return sizes
            token = text_of(root, "NextContinuationToken")
            query = next_page(query, {"continuation-token": token})

    def complete(
        self,
        place: ObjectPlace,
        upload_id: str,
        parts: Sequence[tuple[int, str]],
        guard: Guard = _FREE,
    ) -> None:
        """Make an object of an upload's parts (CompleteMultipartUpload).

        Nothing is returned: RGW 16 answers an empty etag at the first call, so `head` must tell.
        When an answer was lost the call is repeated, and `NoSuchUpload` may mean that it is done.
        """
        body = completion(parts)
        self._run(Call("POST", place, {"uploadId": upload_id}, body=body, slow=True), guard)

    def abort(self, place: ObjectPlace, upload_id: str, guard: Guard = _FREE) -> None:
        """Drop an upload and its parts (AbortMultipartUpload). `NoSuchUpload` if it is gone."""
        self._run(Call("DELETE", place, {"uploadId": upload_id}), guard)

    def _run(self, call: Call, guard: Guard) -> HttpResponse:
        return self._caller.run(call, self._config.retry, guard)

    def _copy(self, call: Call, guard: Guard) -> str:
        root = parse_xml(self._run(call, guard).body)
        if name_of(root) not in ("CopyObjectResult", "CopyPartResult"):
            raise BadAnswer(f"The object store of {self.site} answered a copy with other words.")
        return clean_etag(text_of(root, "ETag"))


def _etag(response: HttpResponse) -> str:
    return clean_etag(response.headers.get("etag", ""))
